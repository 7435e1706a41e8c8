"""Labeled images as users have them: what is one, which folders are classes, and which images are the same."""
