"""Model files: the card and archive, the network as FlatBuffer tables, variants."""
