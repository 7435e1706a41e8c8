"""REF:PATH, a file as it is committed there: `main:models/doors_int8.tflite`, `v1.2:doors_int8.tflite`."""

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
    """The file's bytes, written into `folder` under its own name. PATH counts from where the user is, as git has it
    after `./`, else from the top of the repository. UserError says what git says.
    """
    reference, _, path = name.partition(":")
    if not reference or not path:
        raise UserError(f"{name}: expected REF:PATH, a commit, tag or branch and a file in it")
    if reference.startswith("-"):
        raise UserError(f"{name}: {reference} is no commit, tag or branch")
    for place in (f"./{path}", path):
        try:
            done = subprocess.run(["git", "cat-file", "blob", f"{reference}:{place}"], capture_output=True)
        except FileNotFoundError:
            raise UserError(f"{name}: git isn't installed; give a file in place of REF:PATH") from None
        if done.returncode == 0:
            return _written(done.stdout, name, folder / Path(path).name)
    raise UserError(f"{name}: {_first_line(done.stderr) or 'git can not show it'}")


def since(reference: str, candidate: Path) -> str:
    """REF:PATH of the file that has the candidate's own path there, from where the user is. UserError where there is
    none, or no repository, and for what can't be a reference.
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
        said = _first_line(done.stderr) or "git does not have it"
        raise UserError(
            f"--since {reference}: {said}; where the file has another path there, give BASE as {reference}:PATH; tags"
            " that are missing here: git fetch --tags"
        )
    return name


@contextmanager
def called(path: Path, name: str) -> Iterator[None]:
    """Errors say `name`, the user's own, where they would say the path of the copy."""
    try:
        yield
    except UserError as error:
        raise type(error)(str(error).replace(str(path.resolve()), name).replace(str(path), name)) from None


def _first_line(said: bytes) -> str:
    """What git says, without what follows: advice about its own settings."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else ""


def _written(data: bytes, name: str, into: Path) -> Path:
    if data.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{name}: the commit holds a Git LFS pointer, not the file; get that with: git cat-file blob {name}"
            " | git lfs smudge > base.tflite, and give base.tflite"
        )
    into.write_bytes(data)
    return into
