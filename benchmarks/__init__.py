"""Accuracy and latency of model files, float against int8, as JSON and tables. Needs no TensorFlow."""
