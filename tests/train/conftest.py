"""The run that the tests of this folder share."""

from tests.trained import trained

__all__ = ["trained"]
