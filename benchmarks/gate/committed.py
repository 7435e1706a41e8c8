"""REF:PATH, a committed file: `main:models/doors_int8.tflite`, `v1.2:doors_int8.tflite`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device.errors import UserError


def is_committed(name: str) -> bool:
    """Whether it can only be REF:PATH: it has a colon and isn't a file itself."""
    return ":" in name and not Path(name).exists()


def take(name: str, folder: Path) -> Path:
    """Writes the file into `folder` under its own name. PATH is relative to the working directory (git's `./`), else to
    the top of the repository. UserError repeats git's message.
    """
    reference, _, path = name.partition(":")
    if not reference or not path:
        raise UserError(f"{name}: expected REF:PATH, a commit, tag or branch and a file in it")
    if reference.startswith("-"):
        raise UserError(f"{name}: {reference} is no commit, tag or branch, expected one, such as main or v1.2")
    for place in (f"./{path}", path):
        try:
            done = subprocess.run(["git", "cat-file", "blob", f"{reference}:{place}"], capture_output=True)
        except FileNotFoundError:
            raise UserError(f"{name}: git isn't installed; give a file instead of REF:PATH") from None
        if done.returncode == 0:
            return _written(done.stdout, name, folder / Path(path).name)
    raise UserError(
        f"{name}: {_first_line(done.stderr) or 'git can not show it'}, expected REF:PATH of a committed file; where"
        " only a part was cloned, as in CI, git fetch origin REF first, or give a file"
    )


def since(reference: str, candidate: Path) -> str:
    """REF:PATH of the candidate's own path, relative to the working directory. UserError if there is none or no
    repository, or for an invalid reference.
    """
    if not reference or ":" in reference or reference.startswith("-"):
        raise UserError(f"--since {reference}: expected a commit, tag or branch, such as v1.2")
    try:
        path = Path(os.path.relpath(candidate)).as_posix()
    except ValueError:  # another drive of Windows
        raise UserError(f"--since {reference}: {candidate} is not in this repository; give BASE as REF:PATH") from None
    name = f"{reference}:{path}"
    try:
        done = subprocess.run(["git", "cat-file", "-e", f"{reference}:./{path}"], capture_output=True)
    except FileNotFoundError:
        raise UserError(f"--since {reference}: git isn't installed; give a model file as BASE") from None
    if done.returncode != 0:
        why = _first_line(done.stderr) or "git does not have it"
        raise UserError(
            f"--since {reference}: {why}; if the file has another path there, give BASE as {reference}:PATH; if the tag"
            " is missing: git fetch --tags"
        )
    return name


@contextmanager
def called(path: Path, name: str) -> Iterator[None]:
    """Replaces the path of the copy by the user's `name` in errors."""
    try:
        yield
    except UserError as error:
        raise type(error)(str(error).replace(str(path.resolve()), name).replace(str(path), name)) from None


def _first_line(said: bytes) -> str:
    """The first line of git's message, without the advice about its settings."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ").rstrip(".") if lines else ""


def _written(data: bytes, name: str, into: Path) -> Path:
    if data.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{name}: the commit holds a Git LFS pointer, not the file; get that with: git cat-file blob {name}"
            " | git lfs smudge > base.tflite, and give base.tflite"
        )
    into.write_bytes(data)
    return into
