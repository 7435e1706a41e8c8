"""Pictures to a Keras model: data sets, recipes, training, evaluation. Writes the picture cache and the run folder."""
