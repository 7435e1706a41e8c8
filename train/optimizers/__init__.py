"""Optimizers, learning rates and losses."""
