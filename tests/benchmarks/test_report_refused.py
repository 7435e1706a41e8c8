"""What the report refuses: documents that are none, values that cannot be, and a place without what it needs."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report import report
from device.errors import UserError
from tests.benchmarks import reporting
from tests.benchmarks.report_page import WRITE
from tests.benchmarks.reporting import PC
from tests.conftest import ROOT, Run, environment
from tests.device.refusals import names, refusal


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "x.json: there is no such result document; expected what python -m benchmarks"),
        ("{", "x.json: this is not JSON; expected what python -m benchmarks"),
        ("[" * 100_000, "x.json: this is not JSON; expected what python -m benchmarks"),
        ("[]", "x.json: it is [], expected an object; measure again"),
        ({"schema": 2, "results": []}, "x.json: it lacks the field 'machine'; measure again"),
        ({"schema": 1, "machine": {}, "results": [{}]}, "x.json: it has schema 1, this version reads 2; measure again"),
        ({"schema": 2, "machine": {}, "results": []}, "x.json: it has no results; measure anew"),
        ({"schema": 2, "machine": {}, "results": {}}, "x.json: results is {}, expected a list; measure again"),
        ({"schema": 2, "machine": [], "results": [{}]}, "x.json: machine is [], expected an object"),
        ({"schema": 2, "machine": {}, "results": [7]}, "x.json: results[0] is 7, expected an object"),
        (
            {"schema": 2, "machine": {}, "results": [{"ratio": 1}]},
            "x.json: results[0] has the fields 'ratio', expected",
        ),
    ],
)
def test_bad_documents(content: Any, said: str, tmp_path: Path) -> None:
    path, into = tmp_path / "x.json", tmp_path / "report.html"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    into.write_text("an older report")
    before = names(tmp_path)
    with pytest.raises(UserError) as refused:
        report.write([path], into)
    assert str(refused.value).startswith(f"{tmp_path}/{said}") and "\n" not in str(refused.value)
    assert into.read_text() == "an older report" and names(tmp_path) == before


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("p50_ms", "fast", "p50_ms is 'fast', expected a number from 0; measure again"),
        ("p50_ms", float("nan"), "p50_ms is nan, expected a number from 0; measure again"),
        ("n", 10**400, f"n is 1{59 * '0'}, expected a whole number from 0; measure again"),
        ("file_bytes", -1, "file_bytes is -1, expected a whole number from 0; measure again"),
        ("variant", 8, "variant is 8, expected str; measure again"),
        ("samples_ms", [1, None], "samples_ms[1] is None, expected a number from 0; measure again"),
        ("p50_interval_ms", [2, 1], "p50_interval_ms is [2, 1], expected [low, high] or null; measure again"),
        ("frame", 1, "frame is 1, expected an object; measure again"),
    ],
)
def test_a_value_that_cannot_be(field: str, value: Any, said: str, tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    document["results"][4][field] = value
    path = reporting.write(tmp_path / "x.json", document)
    with pytest.raises(UserError, match=rf": results\[4\]\.{re.escape(said)}"):
        report.write([path], tmp_path / "report.html")
    assert names(tmp_path) == ["x.json"]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"there is no benchmark.json in it; make it with: python -m benchmarks latency"
    ):
        report.write([tmp_path], tmp_path / "report.html")


def test_without_matplotlib(tmp_path: Path) -> None:
    """In an environment that really has none."""
    path = reporting.write(tmp_path / "x.json", reporting.latency(PC, 8.0))
    command: list[str | Path] = [environment("tflite-runtime"), "-c", WRITE, path, tmp_path / "report.html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    said = 'UserError: the report needs matplotlib; install it with: pip install ".[report]"'
    assert done.stderr.splitlines()[-1] == f"device.errors.{said}"
    assert names(tmp_path) == ["x.json"]


@pytest.mark.programs
def test_the_command_refuses(command: Run, tmp_path: Path) -> None:
    assert refusal(command("benchmarks", "report", "none.json")) == (
        "none.json: there is no such result document; expected what python -m benchmarks … --json FILE writes; measure"
        " again"
    )
    assert names(tmp_path) == []
