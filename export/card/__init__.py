"""The card of a variant, its TFLite Metadata and its golden images."""
