"""The networks, the fitted head, and which backbone suits the data."""
