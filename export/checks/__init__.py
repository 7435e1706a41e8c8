"""Checks that a variant is the float network, and that it predicts what its source predicts."""
