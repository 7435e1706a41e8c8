"""Compares two models, runtimes or commits: the command `compare`."""
