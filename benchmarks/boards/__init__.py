"""Latency on another machine, over ssh: what is copied, what runs there, what comes back, and a table of boards."""
