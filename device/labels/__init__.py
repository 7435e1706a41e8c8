"""Reads label lists, our own and third-party ones."""
