"""Diagnoses this machine, its packages and cameras, and how a model runs on it."""
