"""Tries the variants in runtimes other than LiteRT, and times them."""
