"""The commands of `python -m train`: their options, and what is printed. Light; what they call is imported late."""
