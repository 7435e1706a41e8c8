"""What lies in the cache's root after a command."""

from pathlib import Path

from device.data import folders


def made_caches() -> list[Path]:
    """Everything that lies in the cache's root, hidden things too."""
    root = folders.cache_root()
    return sorted(root.iterdir()) if root.exists() else []
