"""The commands that classify images and show what is in a model."""
