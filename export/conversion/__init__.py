"""From Keras to .tflite and from float to int8."""
