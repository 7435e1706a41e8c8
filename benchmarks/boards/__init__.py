"""Measures latency on another machine over ssh, and keeps a table of boards."""
