"""What a model file is: its card, its network as FlatBuffer tables, its variants."""
