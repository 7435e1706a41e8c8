"""REF:PATH, a file as it is committed there: `main:models/doors_int8.tflite`, `v1.2:doors_int8.tflite`."""

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
    said = done.stderr.decode(errors="replace").strip().splitlines()
    # What follows the first line is advice about git's own settings.
    raise UserError(f"{name}: {said[0].removeprefix('fatal: ') if said else 'git can not show it'}")


@contextmanager
def called(path: Path, name: str) -> Iterator[None]:
    """Errors say `name`, the user's own, where they would say the path of the copy."""
    try:
        yield
    except UserError as error:
        raise type(error)(str(error).replace(str(path.resolve()), name).replace(str(path), name)) from None


def _written(data: bytes, name: str, into: Path) -> Path:
    if data.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{name}: the commit holds a Git LFS pointer, not the file; get that with: git cat-file blob {name}"
            " | git lfs smudge > base.tflite, and give base.tflite"
        )
    into.write_bytes(data)
    return into
