"""What this machine is and has, what doesn't fit, and how a model runs on it."""
