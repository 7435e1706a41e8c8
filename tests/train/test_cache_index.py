"""index.json: written and read by one module; another version's cache is refused and stays."""

import json
from pathlib import Path

import pytest

from device.data import cache_index, folders
from device.errors import UserError
from tests import drawing
from tests.conftest import Run
from train.data import cache
from train.data.cache import DataRequest

SIZE = (16, 16)


def made_cache(folder: Path) -> folders.Cache:
    splits: dict[str | None, int] = {"train": 12, "validation": 6, "test": 6}
    return cache.provide(DataRequest(str(drawing.write_folder(folder / "shapes", splits)), SIZE))


def test_what_is_read_is_written_in_the_same_bytes(tmp_path: Path) -> None:
    made = made_cache(tmp_path)
    index = cache_index.read(made.path)
    assert index == made.index and index.validation_rows is not None and index.copies is not None
    cache_index.write(tmp_path, index)
    assert (tmp_path / cache_index.NAME).read_bytes() == (made.path / cache_index.NAME).read_bytes()


def change(made: folders.Cache, **changes: object) -> None:
    path = made.path / cache_index.NAME
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_a_cache_of_another_version_is_refused_and_stays(command: Run, tmp_path: Path) -> None:
    made = made_cache(tmp_path)
    change(made, schema=2)
    before = {path: path.read_bytes() for path in made.path.iterdir()}
    done = command("train", "data", tmp_path / "shapes", "--size", "16x16")
    assert done.returncode == 2 and done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {made.path}/index.json: it has schema 2, this version reads 1; remove that folder")
    assert {path: path.read_bytes() for path in made.path.iterdir()} == before
    with pytest.raises(UserError, match="it has schema 2"):
        folders.find_cache("shapes", SIZE, "crop")


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": {"train": {"targets": [], "hashes": [], "origins": []}}},
        {"splits": {key: {"targets": [0], "hashes": [], "origins": []} for key in ("train", "test")}},
        {"copies": {"across": 1}},
        {"fit": "zoom"},
        {"labels": ["circle", 2, "triangle"]},
    ],
)
def test_a_damaged_index_is_no_cache(tmp_path: Path, changes: dict[str, object]) -> None:
    made = made_cache(tmp_path)
    change(made, unknown=1)
    assert folders.open_cache(made.path) == made
    change(made, **changes)
    assert folders.open_cache(made.path) is None
