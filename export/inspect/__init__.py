"""What is in a .tflite file: the command `inspect`."""
