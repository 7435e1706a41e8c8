"""A folder that is watched: each image file that appears in it, for as long as the program runs."""

import threading
from collections import deque
from pathlib import Path

from device import command, text
from device.data.walk import Walk
from device.errors import UserError
from device.live.interfaces.frames import Frame, Source, SourceLostError

# A file counts as whole once its size and time stay the same from one look to the next, so long apart.
LOOK_S = 0.3
# So many files that are gone are remembered, for a disk that is unplugged and comes back.
MOST_GONE = 100_000

# The time of the last change in ns, and the size.
Version = tuple[int, int]


class WatchedFolder(Source):
    """Image files that appear in a folder (not below it), or that are written anew, in order of their time.

    Those that are there at first are not classified. A folder that is removed is lost; when it is back, only files
    come that were not there before. Names and skips broken ones.
    """

    is_live, newest_only, may_wait = True, False, True

    def __init__(self, folder: str) -> None:
        self.name, self._folder = folder, Path(folder)
        self._known: dict[Path, Version] | None = None  # None before the first opening
        self._growing: dict[Path, Version] = {}
        self._ready: deque[Path] = deque()
        self._is_over = threading.Event()

    def open(self) -> None:
        self._is_over.clear()
        found = self._look()
        if self._known is None:
            self._known = found
            command.say(f"note: {self.name}: waiting for new images; {text.count(len(found), 'image')} left out")

    def cancel(self) -> None:
        self._is_over.set()

    def read(self) -> Frame | None:
        """The next new image; None once `cancel` was called. SourceLostError if the folder is gone."""
        while not self._is_over.is_set():
            while self._ready:
                if frame := self._image(self._ready.popleft()):
                    return frame
            self._find()
            if not self._ready:
                self._is_over.wait(LOOK_S)
        return None

    def _find(self) -> None:
        """Puts the new files that are whole into `_ready`."""
        assert self._known is not None
        found = self._look()
        new = {path: version for path, version in found.items() if self._known.get(path) != version}
        whole = [path for path, version in new.items() if self._growing.get(path) == version and version[1]]
        self._growing = new
        self._known |= {path: new[path] for path in whole}
        self._ready.extend(sorted(whole, key=lambda path: (new[path], path)))
        if len(self._known) > len(found) + MOST_GONE:
            self._known = {path: version for path, version in self._known.items() if path in found}

    def _look(self) -> dict[Path, Version]:
        found = {}
        try:
            for path in Walk(self._folder, deep=False):
                try:
                    status = path.stat()
                except FileNotFoundError:  # gone since
                    continue
                found[path] = status.st_mtime_ns, status.st_size
        except OSError as error:
            raise SourceLostError(f"{self.name}: the folder can't be read ({error.strerror})") from None
        return found

    def _image(self, path: Path) -> Frame | None:
        from device.images import images

        try:
            return Frame(images.read(path), "RGB", name=str(path))
        except UserError as error:
            if path.exists():
                self.unusable += 1
                command.say(f"error: {error}")
            elif self._known is not None:  # gone since, perhaps with the folder: it may come back
                self._known.pop(path, None)
            return None
