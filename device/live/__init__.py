"""A live classifier: frames from a source, through one model, to everything that is told of the answers."""
