"""How good answers are, and how sure one can be of it."""
