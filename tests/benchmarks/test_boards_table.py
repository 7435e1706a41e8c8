"""docs/boards.json, the table that users add to: good rows, rows that are refused, and the page that is made of it."""

import copy
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.boards import rows
from benchmarks.boards.rows import Given
from benchmarks.documents import results
from benchmarks.documents.results import Results
from device import records
from experiments.markdown import markdown
from tests.conftest import ROOT, Run
from tests.device.refusals import refusal, says

TODAY = datetime.date(2026, 12, 1)
# Invented, as a Raspberry Pi's result might be: only the form counts here.
RESULT: dict[str, Any] = {
    "schema": 2,
    "date": "2026-01-02",
    "machine": {
        "cpu": "Cortex-A72",
        "board": "Raspberry Pi 4 Model B Rev 1.4",
        "architecture": "aarch64",
        "cores": 4,
        "system": "Debian GNU/Linux 12 (bookworm), Linux 6.6",
        "governor": "ondemand",
        "fingerprint": {"bits": 64},
        "throttling": {"measuring": ["under-voltage"], "before": []},
    },
    "results": [
        {
            "file": "shapes_int8.tflite",
            "sha256": "0" * 64,
            "variant": "int8",
            "runtime": "litert",
            "runtime_version": "2.3.0",
            "threads": 1,
            "error": None,
            "p50_ms": 1.5,
            "p90_ms": 1.75,
            "p99_ms": 2.0,
            "processes": 8,
            "temperature_c": [50.0, 61.5],
            "throttled": [],
            "sustained": {
                "what": "frame",
                "seconds": 300.2,
                "cold_p50_ms": 4.0,
                "p50_ms": 5.0,
                "frames_per_second": 200,
            },
        },
        {"error": "it can't be loaded", "file": "custom.tflite", "p50_ms": None},
    ],
}
GIVEN = Given("Ada", "heat sink", "3 A | hub", "2026-11-30")


def result(document: dict[str, Any]) -> Results:
    return results.parse(json.dumps(document), "it")


def cells(**changes: Any) -> list[str]:
    (line,) = rows.cells(rows.parse(table(**changes)))[1]
    return line


def table(**changes: Any) -> dict[str, Any]:
    (row,) = rows.make(result(RESULT), GIVEN)
    return {"schema": 1, "rows": [{**records.to_json(row), **changes}]}


def test_the_table_of_the_documents_is_good() -> None:
    assert rows.problems(json.loads(rows.TABLE.read_bytes()), datetime.date.today()) == []


def test_the_page_shows_that_table() -> None:
    page = (ROOT / "docs/raspberry-pi.md").read_text()
    (shown,) = re.findall(r"<!-- table: boards -->\n(.*?)<!-- end -->", page, re.DOTALL)
    header, lines = rows.cells(rows.parse(json.loads(rows.TABLE.read_bytes())))
    assert shown.splitlines() == (markdown(header, lines) if lines else [rows.EMPTY])


def test_a_result_becomes_a_row() -> None:
    assert rows.problems(table(), TODAY) == []
    header, (line,) = rows.cells(rows.parse(table()))
    assert dict(zip(header, line, strict=True)) == {
        "board": "Raspberry Pi 4 Model B Rev 1.4",
        "model": "shapes_int8.tflite (00000000)",
        "runtime": "litert 2.3.0, 64 bits",
        "threads": "1",
        "p50 ms": "1.50",
        "p90": "1.75",
        "p99": "2.00",
        "cold → sustained": "4.00 → 5.00 (frame, 300 s)",
        "throttled": "**under-voltage**",
        "set-up": r"heat sink; 3 A \| hub; governor ondemand",
        "by": "Ada, 2026-11-30",
    }


def test_of_few_samples_the_99th_percentile_is_not_known() -> None:
    assert rows.problems(table(p99_ms=None), TODAY) == []
    assert cells(p99_ms=None)[6] == "-"


def test_whether_it_was_throttled() -> None:
    """Of a result without what the board said before and after, only what was noted is known."""
    document = copy.deepcopy(RESULT)
    document["machine"]["throttling"] = {"measuring": [], "before": ["throttled"]}
    assert [row.throttled for row in rows.make(result(document), GIVEN)] == [()]
    assert cells(throttled=[])[8] == "no"
    document["machine"]["throttling"] = None
    assert [row.throttled for row in rows.make(result(document), GIVEN)] == [None]
    assert cells(throttled=None)[8] == "unknown"
    del document["machine"]["throttling"]
    document["results"][0]["throttled"] = ["throttled"]
    assert [row.throttled for row in rows.make(result(document), GIVEN)] == [("throttled",)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"more": 1}, "'more'"),
        ({"board": "Raspberry Pi 9"}, "board and cpu"),
        ({"board": "Raspberry Pi 45"}, "board and cpu"),
        ({"board": "Raspberry Pi 5 Model B Rev 1.0"}, "board and cpu"),
        ({"board": None}, "board and cpu"),
        ({"p50_ms": 0}, "p50_ms is 0,"),
        ({"p50_ms": 1.8}, "times are [1.8, 1.75, 2.0], expected p50_ms <="),
        ({"p99_ms": 1e6}, "p99_ms is 1000000.0,"),
        ({"p90_ms": None}, "p90_ms is None,"),
        ({"p50_ms": True}, "p50_ms is True,"),
        ({"sustained": {"seconds": 3}}, "'cold_p50_ms'"),
        (
            {"sustained": {"what": "x", "seconds": 3, "cold_p50_ms": 1, "p50_ms": 1}},
            "sustained.what is 'x',",
        ),
        ({"throttled": ["hot"]}, "throttled[0] is 'hot',"),
        ({"throttled": ""}, "throttled is '', expected a list"),
        ({"sha256": "x"}, "sha256 is 'x', expected 64 hexadecimal digits"),
        ({"threads": 0}, "threads is 0,"),
        ({"bits": 16}, "bits is 16, expected 32 or 64"),
        ({"temperature_c": [60, 50]}, "temperature_c is [60, 50], expected null, or [lowest,"),
        ({"temperature_c": [60, 500]}, "temperature_c is [60, 500], expected null, or"),
        ({"by": " "}, "by is ' ',"),
        ({"cooling": None}, "cooling is None,"),
        ({"date": "2026-12-03"}, "date is '2026-12-03', expected YYYY-MM-DD, from 2026-01-01"),
        ({"date": "2020-01-01"}, "date is '2020-01-01', expected"),
        ({"date": "yesterday"}, "date is 'yesterday', expected"),
    ],
)
def test_a_row_that_is_refused(changes: dict[str, Any], said: str) -> None:
    (mistake,) = rows.problems(table(**changes), TODAY)
    says(mistake, "row 1: ", said)


def test_a_table_that_is_refused() -> None:
    twice = table()
    twice["rows"] *= 2
    assert rows.problems(twice, TODAY) == ["row 2: is there twice"]
    others: list[Any] = [
        [],
        {"schema": 2, "rows": []},
        {"schema": 1, "rows": [], "more": 1},
        {"schema": 1, "rows": [3]},
    ]
    for broken in others:
        assert len(rows.problems(broken, TODAY)) == 1
    pc = table(board=None, cpu="AMD EPYC", architecture="x86_64", throttled=None, sustained=None, temperature_c=None)
    assert rows.problems(pc, TODAY) == []


def test_a_result_is_added_once(command: Run, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    (tmp_path / "boards.json").write_text('{"schema": 1, "rows": []}')
    words = ["benchmarks.boards.rows", "result.json", "--table", "boards.json"]
    words += [f"--{field}={getattr(GIVEN, field)}" for field in ("by", "cooling", "power")]
    done = command(*words)
    assert done.returncode == 0 and done.stderr.startswith("boards.json: 1 row added")
    added = json.loads((tmp_path / "boards.json").read_text())
    assert added == table(date="2026-01-02")
    assert refusal(command(*words)) == "boards.json is unchanged: row 2: is there twice"
    (tmp_path / "result.json").write_text('{"schema": 1, "results": []}')
    assert refusal(command(*words)) == "result.json: it has schema 1, this version reads 2; measure again"
    said = "result.json: no latency of a known machine, expected a result of `benchmarks board`; measure again"
    bare = {**RESULT, "machine": {"cpu": "Cortex-A76"}}
    failed = {**RESULT, "results": [{**row, "error": "it failed"} for row in RESULT["results"]]}
    nothing = "result.json: none of its rows has figures, expected some; measure again"
    for document, reason in ((bare, said), (failed, nothing)):
        (tmp_path / "result.json").write_text(json.dumps(document))
        assert refusal(command(*words)) == reason
    assert json.loads((tmp_path / "boards.json").read_text()) == added
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    for damaged in ("[]", "{", '{"rows": 3}'):
        (tmp_path / "boards.json").write_text(damaged)
        assert refusal(command(*words)).startswith("boards.json: ")
