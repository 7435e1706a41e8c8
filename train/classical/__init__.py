"""Traditional recognition, the baseline of deep learning: features made by hand, classifiers from scikit-learn."""
