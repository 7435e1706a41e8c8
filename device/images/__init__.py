"""The image path, and what OpenCV overlooks in image files: damage, orientation, depth of samples."""
