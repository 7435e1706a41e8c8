"""The command `inspect`: what is in a .tflite file."""
