"""Users' labeled images: finding image files, class folders, splits and copies; the image cache and run.json."""
