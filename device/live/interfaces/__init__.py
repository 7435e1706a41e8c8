"""What sources and outputs promise, and what passes between them. Light: the command line needs it before numpy."""
