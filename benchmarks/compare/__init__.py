"""Two sides against one another: the command `compare`."""
