"""The image cache, splits, batches and augmentation."""
