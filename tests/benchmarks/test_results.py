"""The result document: written as it always was, and read again with what other versions of it have."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import results
from benchmarks.documents.machine import BoardMachine, BoardThrottling, MeasuredMachine
from benchmarks.documents.results import Results
from benchmarks.documents.rows import (
    AccuracyRow,
    BurstRow,
    FailedRow,
    FrameSeries,
    LatencyRow,
    SelectedRow,
    SustainedRate,
)
from device.errors import UserError
from device.evaluation.evaluate import LabelTopOne
from tests.device.refusals import says

TIMED = LatencyRow(
    file="x_int8.tflite",
    sha256="a",
    variant="int8",
    runtime="litert",
    runtime_version="2.3.0",
    threads=2,
    p50_ms=1.5,
    p50_interval_ms=(1.4, 1.6),
    p50_by_process_ms=(1.5, None, 1.6),
    n=3,
    frame=FrameSeries(p50_ms=2.5, samples_ms=(2.5,)),
    sustained=SustainedRate("frame", 1.0, 300.0, 2.0, 3.0),
    throttled=("throttled",),
    temperature_c=(-5.0, 3.0),
    bursts=(BurstRow("invoke", 0.1, 3, 1.5, -5.0, 900.0, ("throttled",)),),
    samples_ms=(1.5, 1.25),
)
JUDGED = AccuracyRow("x_int8.tflite", "a", "int8", n=4, per_class=(LabelTopOne("cat", 0.5, 4, (0.15, 0.85)),))
FAILED = FailedRow("y.tflite", "b", error="there is no such label")
HERE = MeasuredMachine(cpu="EPYC", cores=2, fingerprint={"cpu": "EPYC", "instructions": ("avx2",), "board": None})
WHOLE = Results("2026-11-27", "a command", machine=HERE, results=(TIMED, JUDGED, FAILED))


def read(tmp_path: Path, document: Any) -> Results:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    return results.read(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    document = WHOLE.to_json()
    assert read(tmp_path, document) == WHOLE
    assert tuple(document) == ("schema", "date", "command", "machine", "interrupted", "results")
    assert (WHOLE.latency, WHOLE.accuracy) == ((TIMED,), (JUDGED,))
    *_, failed = json.loads(json.dumps(document))["results"]
    assert failed == {"file": "y.tflite", "sha256": "b", "variant": None, "error": "there is no such label"}


@pytest.mark.parametrize("throttling", [None, BoardThrottling(("throttled",), ())])
def test_whether_a_board_was_throttled(throttling: BoardThrottling | None, tmp_path: Path) -> None:
    """Null where it can't tell; what was measured here says nothing of it."""
    board = replace(WHOLE, machine=BoardMachine(**vars(HERE), throttling=throttling))
    document = json.loads(json.dumps(board.to_json()))
    assert document["machine"]["throttling"] == (throttling and {"measuring": ["throttled"], "before": []})
    assert read(tmp_path, document) == board
    assert "throttling" not in WHOLE.to_json()["machine"]  # type: ignore[operator]


def test_what_a_command_found_beside_rows(tmp_path: Path) -> None:
    """It stands at the end, and who reads rows passes it over; what `select` says of a row too."""
    selected = SelectedRow(**vars(TIMED), standing="best")
    document = replace(WHOLE, results=(selected,)).to_json(chosen={"file": "x_int8.tflite"}, judged={"paired": True})
    assert tuple(document)[-2:] == ("chosen", "judged")
    assert document["results"][0]["standing"] == "best"  # type: ignore[index]
    assert read(tmp_path, document).results == (TIMED,)


def test_one_from_before_and_one_from_later(tmp_path: Path) -> None:
    document = json.loads(json.dumps(WHOLE.to_json()))
    row = document["results"][0]
    for name in ("energy_mj", "max_ms", "longest_ms", "clock_mhz", "p50_by_process_ms"):
        del row[name]
    found = read(tmp_path, {**document, "signed": "x", "results": [{**row, "delegate": "gpu"}]})
    assert found.results == (replace(TIMED, p50_by_process_ms=()),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threads": "two"}, "threads is 'two', expected a whole"),
        ({"p50_ms": True}, "p50_ms is True,"),
        ({"frame": {"n": 1}}, "'p50_ms'"),
        ({"sustained": {**vars(TIMED.sustained), "seconds": -1}}, "sustained.seconds is -1,"),
        ({"bursts": [5]}, "bursts[0] is 5, expected an object"),
        ({"clock_mhz": [2, 1]}, "clock_mhz is [2, 1], expected [low, high] or null"),
    ],
)
def test_a_value_that_cannot_be(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    document = json.loads(json.dumps(WHOLE.to_json()))
    document["results"][0] |= changes
    with pytest.raises(UserError) as refused:
        read(tmp_path, document)
    says(str(refused.value), f"{tmp_path}/x.json: ", said)
