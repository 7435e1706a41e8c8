"""The commands that classify files and say what is in a model."""
