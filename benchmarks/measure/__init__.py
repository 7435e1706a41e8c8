"""The two measurements: accuracy and latency."""
