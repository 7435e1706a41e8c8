"""MODEL_CARD.md: describes a model, and what was and wasn't measured, for whoever gets its files."""
