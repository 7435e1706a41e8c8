"""docs/boards.json, the table that users add to: good rows, rows that are refused, and the page that is made of it."""

import copy
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.boards import rows
from experiments.markdown import markdown
from tests.conftest import ROOT, Run
from tests.device.refusals import refusal

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
GIVEN = {"by": "Ada", "cooling": "heat sink", "power": "3 A | hub", "date": "2026-11-30"}


def table(**changes: Any) -> dict[str, Any]:
    (row,) = rows.make(RESULT, GIVEN)
    return {"schema": 1, "rows": [{**row, **changes}]}


def test_the_table_of_the_documents_is_good() -> None:
    assert rows.mistakes(json.loads(rows.TABLE.read_bytes()), datetime.date.today()) == []


def test_the_page_shows_that_table() -> None:
    page = (ROOT / "docs/raspberry-pi.md").read_text()
    (shown,) = re.findall(r"<!-- table: boards -->\n(.*?)<!-- end -->", page, re.DOTALL)
    header, cells = rows.cells(json.loads(rows.TABLE.read_bytes()))
    assert shown.splitlines() == (markdown(header, cells) if cells else [rows.EMPTY])


def test_a_result_becomes_a_row() -> None:
    assert rows.mistakes(table(), TODAY) == []
    header, (cells,) = rows.cells(table())
    assert dict(zip(header, cells, strict=True)) == {
        "board": "Raspberry Pi 4 Model B Rev 1.4",
        "model": "shapes_int8.tflite (00000000)",
        "runtime": "litert 2.3.0, 64 bits",
        "threads": "1",
        "p50 ms": "1.50",
        "p90": "1.75",
        "p99": "2.00",
        "cold → sustained": "4.00 → 5.00 (frame, 300 s)",
        "held back": "**under-voltage**",
        "set-up": r"heat sink; 3 A \| hub; governor ondemand",
        "by": "Ada, 2026-11-30",
    }


def test_of_few_samples_the_99th_percentile_is_not_known() -> None:
    assert rows.mistakes(table(p99_ms=None), TODAY) == []
    header, (cells,) = rows.cells(table(p99_ms=None))
    assert cells[header.index("p99")] == "-"


def test_whether_it_held_back() -> None:
    """Of a result without what the board said before and after, only what was noted is known."""
    result = copy.deepcopy(RESULT)
    result["machine"]["throttling"] = {"measuring": [], "before": ["throttled"]}
    assert [row["throttled"] for row in rows.make(result, GIVEN)] == [[]]
    assert rows.cells(table(throttled=[]))[1][0][8] == "no"
    result["machine"]["throttling"] = None
    assert [row["throttled"] for row in rows.make(result, GIVEN)] == [None]
    assert rows.cells(table(throttled=None))[1][0][8] == "can't tell"
    del result["machine"]["throttling"]
    result["results"][0]["throttled"] = ["throttled"]
    assert [row["throttled"] for row in rows.make(result, GIVEN)] == [["throttled"]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"more": 1}, "expected the fields "),
        ({"board": "Raspberry Pi 9"}, "board and cpu don't fit"),
        ({"board": "Raspberry Pi 45"}, "board and cpu don't fit"),
        ({"board": "Raspberry Pi 5 Model B Rev 1.0"}, "board and cpu don't fit"),
        ({"board": None}, "board and cpu don't fit"),
        ({"p50_ms": 0}, "times must be above 0"),
        ({"p50_ms": 1.8}, "times must be above 0"),
        ({"p99_ms": 1e6}, "times must be above 0"),
        ({"p90_ms": None}, "times must be above 0"),
        ({"p50_ms": True}, "times must be above 0"),
        ({"sustained": {"seconds": 3}}, "sustained must be null"),
        ({"sustained": {"what": "x", "seconds": 3, "cold_p50_ms": 1, "p50_ms": 1}}, "sustained must be null"),
        ({"throttled": ["hot"]}, "throttled must be null"),
        ({"throttled": ""}, "throttled must be null"),
        ({"sha256": "x"}, "sha256 must have"),
        ({"threads": 0}, "threads must be"),
        ({"bits": 16}, "threads must be"),
        ({"temperature_c": [60, 50]}, "temperature_c must be"),
        ({"temperature_c": [60, 500]}, "temperature_c must be"),
        ({"by": " "}, "by, cooling, power"),
        ({"cooling": None}, "by, cooling, power"),
        ({"date": "2026-12-03"}, "date must be"),
        ({"date": "2020-01-01"}, "date must be"),
        ({"date": "yesterday"}, "date must be"),
    ],
)
def test_a_row_that_is_refused(changes: dict[str, Any], said: str) -> None:
    (mistake,) = rows.mistakes(table(**changes), TODAY)
    assert mistake.startswith(f"row 1: {said}")


def test_a_table_that_is_refused() -> None:
    twice = table()
    twice["rows"] *= 2
    assert rows.mistakes(twice, TODAY) == ["row 2: is there twice"]
    for broken in ([], {"schema": 2, "rows": []}, {"schema": 1, "rows": [], "more": 1}, {"schema": 1, "rows": [3]}):
        assert len(rows.mistakes(broken, TODAY)) == 1
    pc = table(board=None, cpu="AMD EPYC", architecture="x86_64", throttled=None, sustained=None, temperature_c=None)
    assert rows.mistakes(pc, TODAY) == []


def test_a_result_is_added_once(command: Run, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    (tmp_path / "boards.json").write_text('{"schema": 1, "rows": []}')
    words = ["benchmarks.boards.rows", "result.json", "--table", "boards.json"]
    words += [f"--{field}={GIVEN[field]}" for field in ("by", "cooling", "power")]
    done = command(*words)
    assert done.returncode == 0 and done.stderr.startswith("boards.json: 1 row more")
    added = json.loads((tmp_path / "boards.json").read_text())
    assert added == table(date="2026-01-02")
    assert refusal(command(*words)) == "boards.json stays as it was, row 2: is there twice"
    (tmp_path / "result.json").write_text('{"schema": 1, "results": []}')
    said = "result.json: no latency result of schema 2, expected what `benchmarks board` writes"
    assert refusal(command(*words)) == said
    bare = {**RESULT, "machine": {"cpu": "Cortex-A76"}}
    failed = {**RESULT, "results": [{**row, "error": "it failed"} for row in RESULT["results"]]}
    nothing = "result.json: no row of it has figures, so there is nothing to add; measure anew"
    for document, reason in ((bare, said), (failed, nothing)):
        (tmp_path / "result.json").write_text(json.dumps(document))
        assert refusal(command(*words)) == reason
    assert json.loads((tmp_path / "boards.json").read_text()) == added
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    for damaged in ("[]", "{", '{"rows": 3}'):
        (tmp_path / "boards.json").write_text(damaged)
        assert refusal(command(*words)) == "boards.json: this is no table of boards; take it anew from git"
