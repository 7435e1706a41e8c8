"""How sure a file is, as its card says it: a temperature, and a threshold below which a prediction is unknown."""
