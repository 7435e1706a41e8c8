"""The measurements behind the documentation: scripts that write results/*.json, and tables.py that shows them."""
