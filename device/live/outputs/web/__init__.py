"""The web page and API of a live classifier. Needs the extra `serve`."""
