"""Corrupts images as cameras do, and measures the accuracy that float32 and int8 lose."""
