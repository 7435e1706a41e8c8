"""A file of a page, in the folder assets/."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("assets")
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """name: the file's path below assets/."""

    name: str

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[Path(self.name).suffix]

    def read(self) -> bytes:
        return (FOLDER / self.name).read_bytes()
