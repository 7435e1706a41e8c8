"""Intervals over processes."""
