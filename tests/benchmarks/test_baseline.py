"""A stored baseline: written, read, refused; and made by real processes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import parser
from benchmarks.documents import fingerprint, models
from benchmarks.documents.models import Model
from benchmarks.gate import baseline, command, pairs
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from device.inference import runtime
from tests.conftest import Run, model
from tests.device.refusals import names, refusal, says
from tests.limits import limits

RUNTIME = runtime.find()
RATIO = Interval(0.98, 1.0, 1.02)
ANSWERS = {"a" * 64: True, "b" * 64: False}


def int8() -> Model:
    return models.find([model("int8")])[0]


def written(folder: Path, right: dict[str, bool] | None = None, **changes: Any) -> Path:
    path = folder / "stored.json"
    baseline.write(path, int8(), 1, RUNTIME, RATIO, "shapes" if right else None, right)
    document = json.loads(path.read_bytes())
    assert set(changes) <= set(document)
    path.write_text(json.dumps({**document, **changes}))
    return path


def read(path: Path, threads: int = 1, other_machine: bool = False) -> baseline.Baseline:
    return baseline.read(path, threads, RUNTIME, other_machine)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = read(written(tmp_path, ANSWERS))
    assert (found.file, found.sha256, found.threads) == ("shapes_int8.tflite", int8().sha256(), 1)
    assert (found.interval, found.data, found.right) == (RATIO, "shapes", ANSWERS)
    assert found.fingerprint == fingerprint.take(RUNTIME.name, RUNTIME.version)
    found = read(written(tmp_path))
    assert found.data is found.right is None
    path = written(tmp_path)
    document = json.loads(path.read_bytes())
    assert tuple(document) == (
        *("baseline", "file", "sha256", "reference_sha256", "threads", "ratio", "fingerprint", "data", "right"),
    )
    path.write_text(json.dumps({**document, "delegate": "gpu"}))  # of a later version
    assert read(path) == found


def test_it_names_no_place_of_the_machine(tmp_path: Path) -> None:
    """It is committed, and read elsewhere."""
    assert str(tmp_path) not in written(tmp_path).read_text() and "tests/models" not in written(tmp_path).read_text()


# Refused.


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baseline": 9}, "version 9, expected 1;"),
        ({"reference_sha256": "0" * 64}, "another reference workload;"),
        ({"threads": 4}, "4 threads, not 1; "),
        ({"ratio": [1.0, 1.0]}, "ratio is [1.0, 1.0],"),
        ({"ratio": None}, "ratio is None,"),
        ({"ratio": [0.0, 0.0, 0.0]}, "ratio is [0.0, 0.0, 0.0],"),
        ({"ratio": [-1.0, -1.0, -1.0]}, "ratio is [-1.0, -1.0, -1.0],"),
        ({"ratio": [2.0, 1.0, 0.5]}, "ratio is [2.0, 1.0, 0.5],"),
        ({"ratio": [1.0, 1.0, float("nan")]}, "ratio is [1.0, 1.0, nan],"),
        ({"ratio": [1.0, 1.0, float("inf")]}, "ratio is [1.0, 1.0, inf],"),
        ({"fingerprint": "a laptop"}, "fingerprint is 'a laptop', expected dict;"),
        ({"right": ["a", "b"]}, "right is ['a', 'b'], expected dict;"),
        ({"right": {"a": 1}}, "right.a is 1, expected bool;"),
    ],
)
def test_what_does_not_fit(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(UserError) as refused:
        read(path)
    says(str(refused.value), f"{path}: ", said)
    made_anew = str(refused.value).endswith(f"python -m benchmarks baseline MODEL -o {path}")
    assert made_anew == ("threads" not in changes)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[1]", '"baseline"', "\xff", '{"schema": 2, "results": []}'])
def test_what_is_no_baseline(text: str, tmp_path: Path) -> None:
    path = tmp_path / "stored.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"stored\.json: .*python -m benchmarks baseline"):
        read(path)


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path / "none.json")
    path = tmp_path / "none.json"
    says(str(refused.value), f"{path}: ", f"python -m benchmarks baseline MODEL -o {path}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cores": 128}, "cores: 128 against"),
        ({"cpu": "Another", "governor": "performance"}, "cpu: Another against"),
        ({"runtime_version": "0.1"}, "runtime's version: 0.1 against"),
    ],
)
def test_another_machines_is_refused_unless_it_is_asked_for(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    taken = fingerprint.take(RUNTIME.name, RUNTIME.version)
    path = written(tmp_path, fingerprint={**taken, **changes})
    with pytest.raises(UserError, match=f"{re.escape(said)}.*--other-machine"):
        read(path)
    assert read(path, other_machine=True).interval == RATIO


def test_which_file_is_one() -> None:
    assert baseline.is_baseline(Path("a/stored.json")) and not baseline.is_baseline(Path("net.tflite"))


# Made.


@pytest.mark.programs
def test_made_by_real_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shapes_folder: Path
) -> None:
    """However wide the interval is: it ends with the tenth round."""
    limits(monkeypatch, pairs, ROUND_S=0.05)
    limits(monkeypatch, baseline, NARROW=1e9, WIDE=1e9)
    words = ["baseline", str(model("int8")), "-o", str(tmp_path / "stored.json"), "--data", str(shapes_folder)]
    assert command.baseline(parser().parse_args([*words, "--seconds", "250"])) == 0
    found = read(tmp_path / "stored.json")
    assert 0 < found.interval.low <= found.interval.middle <= found.interval.high
    assert found.sha256 == int8().sha256() and found.right is not None and len(found.right) == 30
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path}/stored.json: shapes_int8.tflite takes {found.interval.middle:.3f} (")
    assert said.endswith(" 10 rounds; 30 images\n")


@pytest.mark.programs
def test_not_made_where_it_cannot_be_told(command: Run, tmp_path: Path) -> None:
    done = command("benchmarks", "baseline", model("int8"), "-o", "stored.json", "--seconds", "0.01")
    says(refusal(done), f"{model('int8')}: ", " 0.01 s")
    assert names(tmp_path) == []


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.tflite", "-o", "stored.json"], "none.tflite: "),
        (
            [model("int8"), "-o", "stored.json", "--seconds", "0"],
            "--seconds is 0,",
        ),
        (
            [model("int8"), "-o", "stored.txt"],
            "stored.txt: ",
        ),
    ],
)
def test_bad_input_is_refused(words: list[object], said: str, command: Run, tmp_path: Path) -> None:
    assert refusal(command("benchmarks", "baseline", *words)).startswith(said)
    assert names(tmp_path) == []
