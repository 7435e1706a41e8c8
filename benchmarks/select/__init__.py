"""Selects the fastest file within a drop of accuracy: the command `select`."""
