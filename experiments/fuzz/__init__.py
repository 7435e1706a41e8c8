"""Damaged files, thousands of them: none may end in a traceback, or take the process with it."""
