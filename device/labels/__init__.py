"""The labels of a model file, ours and third-party ones."""
