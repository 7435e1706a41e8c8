"""MODEL_CARD.md: what a model is, what was measured of it and what wasn't, for whoever gets its files."""
