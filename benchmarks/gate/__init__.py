"""Is the candidate slower than the base? Yes, no, or inconclusive on this machine now."""
