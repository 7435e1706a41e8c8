"""Settings before training: memory, Keras, devices."""
