"""Times model files in fresh processes, and records the machine's state meanwhile."""
