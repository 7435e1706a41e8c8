"""What `benchmarks select` wrote, as live reads it: another machine's, a changed model's, and what is no selection."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.host import system
from device.live import selection
from device.live.selection import Selection
from tests.conftest import model


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run folder with one exported model and a selection."""
    (tmp_path / "run/export").mkdir(parents=True)
    shutil.copy(model("int8"), tmp_path / "run/export/net.tflite")
    write(tmp_path / "run/selection.json")
    return tmp_path / "run"


def write(path: Path, **changes: Any) -> None:
    digest = hashlib.sha256(model("int8").read_bytes()).hexdigest()
    selection.write(path, "export/net.tflite", digest, 2, "litert")
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_of_a_run_folder_or_a_file(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = Selection(run_folder / "export/net.tflite", 2, "litert")
    assert selection.read(run_folder) == selection.read(run_folder / "selection.json") == expected
    assert capsys.readouterr().err == ""


def test_a_selection_has_these_fields(tmp_path: Path) -> None:
    selection.write(tmp_path / "mine.json", "a.tflite", "0", 4, "tflite-runtime")
    assert json.loads((tmp_path / "mine.json").read_bytes()) == {
        **{"selection": 1, "file": "a.tflite", "sha256": "0", "threads": 4, "runtime": "tflite-runtime"},
        **{"cpu": system.cpu_model(), "cores": system.usable_cores()},
    }


def test_a_folder_that_was_copied_to_another_place(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "board")
    assert selection.read(tmp_path / "board").path == tmp_path / "board/export/net.tflite"


@pytest.mark.parametrize("changes", [{"cpu": "Cortex-A76"}, {"cores": 64}, {"cpu": None, "cores": None}])
def test_another_machine_s_is_taken_and_that_is_said(
    changes: dict[str, Any], run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(run_folder / "selection.json", **changes)
    assert selection.read(run_folder).threads == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {run_folder}/selection.json: ")
    assert str(next(iter(changes.values()))) in line
    assert line.endswith(f"python -m benchmarks select {run_folder}")


def refused(place: Path) -> str:
    with pytest.raises(UserError) as caught:
        selection.read(place)
    assert "python -m benchmarks select " in str(caught.value)
    return str(caught.value)


def test_none_is_there(tmp_path: Path) -> None:
    assert refused(tmp_path).startswith(f"{tmp_path}/selection.json: ")
    assert refused(tmp_path / "mine.json").startswith(f"{tmp_path}/mine.json: ")
    assert refused(tmp_path / "mine.json").endswith("python -m benchmarks select RUN")


def test_a_model_that_has_changed_or_is_gone(run_folder: Path) -> None:
    network = run_folder / "export/net.tflite"
    network.write_bytes(model("float32").read_bytes())
    assert f"{network} has changed " in refused(run_folder)
    network.unlink()
    assert f"{network} is missing; " in refused(run_folder)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_version(version: object, run_folder: Path) -> None:
    write(run_folder / "selection.json", selection=version)
    assert f"version {version}, expected 1; " in refused(run_folder)


@pytest.mark.parametrize(
    "changes",
    [{"threads": threads} for threads in (0, -1, 257, 1.5, True, "two", None, float("inf"))]
    + [{"file": 5}, {"cores": "two"}],
)
def test_fields_that_can_not_be(changes: dict[str, Any], run_folder: Path) -> None:
    write(run_folder / "selection.json", **changes)
    ((field, value),) = changes.items()
    assert f"selection.json: {field} is {value!r}, expected " in refused(run_folder)


def test_a_field_of_a_later_version_is_passed_over(run_folder: Path) -> None:
    write(run_folder / "selection.json", delegate="gpu")
    assert selection.read(run_folder).threads == 2


@pytest.mark.parametrize("missing", ["file", "sha256", "threads", "runtime", "cpu", "cores"])
def test_a_field_that_is_missing(missing: str, run_folder: Path) -> None:
    path = run_folder / "selection.json"
    told = json.loads(path.read_bytes())
    del told[missing]
    path.write_text(json.dumps(told))
    assert f"{path}: " in refused(run_folder) and f" {missing!r}; " in refused(run_folder)


@pytest.mark.parametrize(
    "data",
    [b'{"file": "export/net.tflite", "threads": 2}', b"", b"words", b"\xff\xfe", b"[]", b"null", b"5", b'"selection"'],
)
def test_what_is_no_selection(data: bytes, run_folder: Path) -> None:
    (run_folder / "selection.json").write_bytes(data)
    assert "selection.json: " in refused(run_folder)
