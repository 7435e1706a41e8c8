"""The folder of a run: its records, checkpoints, evaluation and plots."""
