"""A live classifier: frames from a source, through one model, to outputs."""
