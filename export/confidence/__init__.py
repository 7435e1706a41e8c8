"""The confidence in a file's card: a temperature, and a threshold below which a prediction is unknown."""
