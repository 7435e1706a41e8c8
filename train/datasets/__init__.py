"""Data sets by name, and what a folder of class folders must be."""
