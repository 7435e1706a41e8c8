"""The page of a live classifier: what a browser and other programs see of it. Needs the extra `serve`."""
