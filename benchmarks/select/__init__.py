"""The fastest file within a drop: the command `select`."""
