"""What is set before training: memory, Keras' settings, devices."""
