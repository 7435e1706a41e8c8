"""Result documents as one HTML page with charts, which needs nothing from the net and no script to be read."""
