"""The commands of `python -m train`: their options and output. Imports the rest late."""
