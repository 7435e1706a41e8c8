"""Data sets by name, and the requirements for class folders."""
