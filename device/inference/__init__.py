"""From an image to a prediction: model spec, runtime, preprocessing, classifier."""
