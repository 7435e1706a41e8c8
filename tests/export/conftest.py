"""What the tests of this folder share: a run that train made, and a stranger's model that export exported."""

from tests.exported import exported, lossy
from tests.trained import trained

__all__ = ["exported", "lossy", "trained"]
