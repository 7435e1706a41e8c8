"""Is the candidate slower than the base? Yes, no, or it can't be told on this machine now."""
