"""Image files in order: one, a folder of them, or a pattern of names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device import addresses, command
from device.data import walk
from device.data.walk import Walk
from device.declared import option
from device.errors import UserError
from device.live.interfaces.frames import Frame, Source, SourceLostError
from device.live.sources.options import FileOptions
from device.live.sources.watched_folder import WatchedFolder

if TYPE_CHECKING:
    from device.images.images import Size


@dataclass(frozen=True)
class ImageFilesOptions(FileOptions):
    follow: bool = option(False, "wait for new images in a folder, instead of those that are there")

    shown = "an image, a folder of them or a pattern"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.follow and self.loop:
            raise UserError("--loop and --follow were both given, expected one; omit the other")
        if self.follow and not Path(self.where).is_dir():
            raise UserError(f"--follow: {self.where} is no folder, expected one; omit --follow, or name its folder")

    @classmethod
    def matches(cls, text: str) -> bool:
        path = Path(text)
        if addresses.is_address(text) or not text.strip() or (path.is_file() and not walk.is_image(path)):
            return False
        # An address without its scheme may contain a ? too; it is no pattern, and messages must not repeat it.
        return path.exists() or (any(sign in text for sign in "*?[") and not addresses.lacks_scheme(text))

    def source(self, target: "Size") -> Source:
        return WatchedFolder(self.where) if self.follow else ImageFiles(self.where, self.loop)


class ImageFiles(Source):
    """Image files in a folder (without subfolders), or by a pattern such as 'shots/*.jpg'.

    Names and skips broken ones, and reports an error at the end if there were any.
    """

    is_live, newest_only = False, False

    def __init__(self, where: str, loop: bool = False) -> None:
        self.name, self.loop = where, loop
        self._paths = _matching(where)
        self._broken: list[Path] = []
        self._rest: Iterator[Path] = iter(())

    def open(self) -> None:
        self._rest = iter(self._paths)

    def read(self) -> Frame | None:
        from device.images import images

        while True:
            for path in self._rest:
                if path in self._broken:
                    continue
                try:
                    return Frame(images.read(path), "RGB", name=str(path))
                except UserError as error:
                    self._broken.append(path)
                    self.unusable += 1
                    command.say(f"error: {error}")
            if self.loop and len(self._broken) < len(self._paths):
                self._rest = iter(self._paths)
                continue
            if self._broken:
                counts = f"{len(self._broken)} of {len(self._paths)}"
                raise SourceLostError(f"{counts} images could not be read; the others were classified")
            return None


def _matching(where: str) -> list[Path]:
    path = Path(where)
    if path.is_dir():
        files = Walk(path, deep=False)
        paths, passed_over = list(files), files.passed_over
    else:
        paths, passed_over = walk.matching(where)
    seen = f"passed over: {passed_over.describe()}" if passed_over else ""
    if not paths:
        raise UserError(f"{where}: no images; {walk.EXPECTED}{'; ' * bool(seen)}{seen}")
    if seen:
        command.say(f"note: {where}: {seen}")
    return paths
