"""Explains predictions: which places of an image support a label."""
