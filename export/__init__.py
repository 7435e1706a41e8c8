"""A Keras model, or anyone's float .tflite, to every variant that a board may want, each proven against its source."""
