"""Labelled images: what is one, which class it belongs to, and which images are the same."""
