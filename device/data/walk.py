"""The only walker: finds the image files below a folder, in order of path.

It recognizes images by content as well as by ending. A file with an image's ending but other content counts as an
image, and is reported when it is decoded. The walker follows links and enters each folder once, so loops end. It skips
hidden files and the leftovers of NAS boxes, Windows, macOS and ZIP programs, and counts whatever it skips.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from device.data.passed_over import PassedOver, Reason, Why
from device.errors import UserError
from device.images import kinds

# Casefolded names of Synology and QNAP; Windows; macOS and its ZIP programs; Linux.
SYSTEM = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "@sharebin"}
    | {"$recycle.bin", "system volume information", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"}
    | {"__macosx", "icon\r", "network trash folder", "temporary items", "lost+found", "found.000", "__pycache__"}
)
UNFINISHED = re.compile(
    r"~$|\.\w+_original$|\.(bak|tmp|temp|part|partial|crdownload|download|opdownload|swp)$", re.IGNORECASE
)

EXPECTED = "expected files that end in .jpg, .png, .bmp …, or have such content"

Identity = tuple[int, int]


class Walk:
    """The images below a folder; iterate once. `passed_over`: what was skipped so far.

    deep: include subfolders. entered: identities of folders not to enter again; the walk adds those that it enters, so
    walks that share the set enter each folder once. It never enters the folder's parents.
    """

    def __init__(self, folder: Path, deep: bool = True, entered: set[Identity] | None = None) -> None:
        self.folder, self.deep = folder, deep
        self._real = Path(os.path.realpath(folder))
        self._entered = set() if entered is None else entered
        self._entered |= {identity(path) for path in (self._real, *self._real.parents)}
        self._walked = {identity(folder)}
        self._linked: set[Identity] = set()  # files that were reached by a link
        self._counts: Counter[Reason] = Counter()

    @property
    def passed_over(self) -> PassedOver:
        return PassedOver(MappingProxyType(dict(self._counts)))

    def __iter__(self) -> Iterator[Path]:
        # Its own stack: paths may be deeper than Python's recursion limit.
        stack = [iter(_entries(self.folder))]
        while stack:
            for entry in stack[-1]:
                if reason := passed_by_name(entry.name):
                    self._counts[reason] += 1
                elif not _is_folder(entry):
                    if self._takes(entry):
                        yield Path(entry.path)
                elif self._enters(entry):
                    stack.append(iter(_entries(Path(entry.path))))
                    break
            else:
                stack.pop()

    def _enters(self, entry: os.DirEntry[str]) -> bool:
        if not self.deep:
            self._counts[Reason(Why.FOLDER, "folders")] += 1
            return False
        me = identity(Path(entry.path))
        if me in self._entered or (entry.is_symlink() and self._comes_by_itself(Path(os.path.realpath(entry.path)))):
            self._counts[Reason(Why.TWICE, "folders")] += 1
            return False
        self._entered.add(me)
        self._walked.add(me)
        return True

    def _takes(self, entry: os.DirEntry[str]) -> bool:
        reason = _why_not(entry)
        if reason is None and self._is_second(entry):
            reason = Reason(Why.TWICE, "files")
        if reason is not None:
            self._counts[reason] += 1
        return reason is None

    def _is_second(self, entry: os.DirEntry[str]) -> bool:
        """Whether a file comes twice because of a link; hard links count as different files."""
        if not entry.is_symlink():
            return bool(self._linked) and identity(Path(entry.path)) in self._linked
        real = Path(os.path.realpath(entry.path))
        if not real.exists():
            return False  # a broken link is reported when it is read
        if self._comes_by_itself(real) or (not passed_by_name(real.name) and identity(real.parent) in self._walked):
            return True
        me = identity(real)
        if me in self._linked:
            return True
        self._linked.add(me)
        return False

    def _comes_by_itself(self, real: Path) -> bool:
        """Whether the walk reaches a link's target anyway."""
        if not real.is_relative_to(self._real):
            return False
        parts = real.relative_to(self._real).parts
        return (self.deep or len(parts) == 1) and not any(map(passed_by_name, parts))


def identity(path: Path) -> Identity:
    """Identifies a folder or file, whatever path leads to it."""
    found = path.stat()
    return found.st_dev, found.st_ino


def folders_in(folder: Path) -> list[Path]:
    """The subfolders of a folder, in order of name, without those that are always skipped."""
    return [Path(entry.path) for entry in _entries(folder) if not passed_by_name(entry.name) and _is_folder(entry)]


def has_images(folder: Path) -> bool:
    """Whether there are images directly in a folder."""
    return next(iter(Walk(folder, deep=False)), None) is not None


def matching(pattern: str) -> tuple[list[Path], PassedOver]:
    """The images that match a pattern such as 'shots/*.jpg', in order of path, and what else matches.

    Leading parts of the path that exist literally are no pattern: a folder may be called 'shots [1]'.
    """
    base = Path(Path(pattern).anchor)
    rest = list(Path(pattern).relative_to(base).parts)
    while rest and os.path.lexists(base / rest[0]):
        base /= rest.pop(0)
    if not rest:
        return [base], PassedOver()
    counts: Counter[Reason] = Counter()
    found = []
    try:
        paths = sorted(base.glob(str(Path(*rest))))
    except ValueError as error:
        raise UserError(f"{pattern}: {error}; expected a pattern such as 'shots/*.jpg' or 'shots/**/*.jpg'") from None
    for path in paths:
        reason = next(filter(None, map(passed_by_name, path.relative_to(base).parts)), None)
        if reason is None:
            reason = Reason(Why.FOLDER, "folders") if path.is_dir() else _why_not(path)
        if reason is None:
            found.append(path)
        else:
            counts[reason] += 1
    return found, PassedOver(MappingProxyType(dict(counts)))


def passed_by_name(name: str) -> Reason | None:
    """Why a file or folder of this name is skipped, whatever its content."""
    if name.startswith("."):
        return Reason(Why.HIDDEN)
    if name.casefold() in SYSTEM:
        return Reason(Why.SYSTEM, name.strip())
    return None


def is_image(path: Path) -> bool:
    """Whether a file counts as an image: by its ending, or by its content."""
    if _ending(path.name) in kinds.ENDINGS:
        return True
    found = kinds.kind_of_file(_ending(path.name), _head(path))
    return found is not None and found.use != "other"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _why_not(entry: os.DirEntry[str] | Path) -> Reason | None:
    """Why a file is no image; None if it counts as one."""
    ending = _ending(entry.name)
    try:
        is_file = entry.is_file()
    except OSError:
        is_file = False
    if not is_file:
        if not (entry.is_symlink() and not Path(entry).exists()):
            return Reason(Why.SPECIAL)  # a pipe, a socket, a device: reading may never end
        return None if ending in kinds.ENDINGS else Reason(Why.BROKEN_LINK)
    if UNFINISHED.search(entry.name):
        return Reason(Why.UNFINISHED)
    if ending in kinds.ENDINGS:
        return None
    found = kinds.kind_of_file(ending, _head(Path(entry)))
    if found is None or found.use == "other":
        return Reason(Why.VIDEO if found else Why.OTHER, _said(ending))
    return None if found.use == "image" else Reason(Why.UNDECODABLE, _said(ending), kinds.advice(found))


def _ending(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(kinds.HEAD_BYTES)
    except OSError:
        return b""


def _said(ending: str) -> str:
    return ending if re.fullmatch(r"\.[\w-]{1,12}", ending) else "without an ending"
