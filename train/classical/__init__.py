"""Classical recognition, the baseline for deep learning: handmade features, classifiers from scikit-learn."""
