"""What is exported, and with which images it is calibrated."""
