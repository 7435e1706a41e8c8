"""Looking before training."""
