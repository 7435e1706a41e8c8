"""`benchmarks board` against a real sshd: what comes back, what is sent, what is said of the board."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.boards import connection, environment, health, measurement, parcel
from benchmarks.boards.connection import Ran
from benchmarks.documents import models, results
from benchmarks.documents.machine import MeasuredMachine
from benchmarks.documents.results import Results
from benchmarks.documents.rows import LatencyRow
from device.errors import UserError
from device.host.throttling import Throttling
from device.model.card import Card
from tests.benchmarks import ssh_server
from tests.benchmarks.ssh_server import QUICK, Board, ready_python
from tests.conftest import Run, model
from tests.device import altering, crafted
from tests.device.refusals import names, refusal, says

pytestmark = pytest.mark.programs


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    """What the board's firmware says, as hexadecimal digits."""
    path = tmp_path / "flags"
    path.write_text("0x0")
    return path


@pytest.fixture
def board(tmp_path: Path, flags: Path) -> Iterator[Board]:
    """With a Raspberry Pi's vcgencmd, written by hand: no such firmware is here."""
    tools = tmp_path / "tools"
    path = ssh_server.python3(tools)
    (tools / "vcgencmd").write_text(f'#!/bin/sh\necho "throttled=$(cat "{flags}")"\n')
    (tools / "vcgencmd").chmod(0o755)
    with Board(tmp_path / "board", PATH=path) as started:
        yield started


def document(text: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(text)
    assert whole.keys() >= {"schema", "machine", "results"} and whole["schema"] == results.SCHEMA
    return whole


def files_on(board: Board) -> dict[str, int]:
    """What is kept there, with the time each was written."""
    kept = (path for path in board.bench.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(board.bench)): path.stat().st_mtime_ns for path in kept}


def test_a_run_folder_measured_twice(command: Run, board: Board, flags: Path, tmp_path: Path) -> None:
    (tmp_path / "runs/shapes/export").mkdir(parents=True)
    for variant in ("int8", "float32"):
        shutil.copyfile(model(variant), tmp_path / f"runs/shapes/export/shapes_{variant}.tflite")
    words = ["benchmarks", "board", "127.0.0.1", "runs/shapes", *ready_python(board)]

    done = command(*words, "--", *QUICK)
    assert done.returncode == 0, done.stderr
    file = f"127.0.0.1_{board.port}.json"
    kept = tmp_path / "runs/shapes/boards" / file
    whole = document(kept.read_text())
    assert [(row["variant"], row["file"]) for row in whole["results"]] == [
        ("float32", "shapes_float32.tflite"),
        ("int8", "shapes_int8.tflite"),
    ]
    assert whole["results"][0]["ratio_to_float32"] == 1
    assert whole["machine"]["throttling"] == {"measuring": [], "before": []}
    assert done.stdout.splitlines() == results.latency_lines(results.read(kept).latency)
    sent, measures, where = done.stderr.splitlines()
    assert sent.startswith("127.0.0.1: sending ") and measures == "127.0.0.1: measuring 2 files"
    assert where == f"127.0.0.1: runs/shapes/boards/{file}"
    assert names(tmp_path / "runs/shapes") == ["boards", "export"] and names(kept.parent) == [file]
    there = files_on(board)
    assert {"device/host/system.py", "benchmarks/measure/latency.py", "lock"} < set(there)

    flags.write_text("0x50000")  # under-voltage and throttling since it was started, not now
    done = command(*words, "--json", "-", "--", *QUICK)
    assert done.returncode == 0, done.stderr
    whole = document(done.stdout)  # stdout holds the JSON alone
    assert whole["machine"]["throttling"] == {"measuring": [], "before": ["under-voltage", "throttled"]}
    measures, note = done.stderr.splitlines()  # nothing is sent
    assert measures == "127.0.0.1: measuring 2 files"
    says(note, "note: 127.0.0.1 ", "(under-voltage, throttled)")
    there.pop("lock")
    assert {path: written for path, written in files_on(board).items() if path != "lock"} == there


def wrong(card: Card) -> Card:
    return replace(card, golden=tuple(replace(one, scores=tuple(reversed(one.scores))) for one in card.golden))


def test_a_name_that_a_shell_would_read(command: Run, board: Board, flags: Path, tmp_path: Path) -> None:
    """Of a model whose answers are not those of export, on a board that holds back: both are said, and it is 1."""
    odd = '-it\'s "a" $(touch pwned) `touch pwned`; é\n.tflite'
    altering.altered(tmp_path / odd, "int8", wrong)
    flags.write_text("0x1")
    done = command("benchmarks", "board", "127.0.0.1", f"./{odd}", *ready_python(board), "--", *QUICK)
    assert done.returncode == 1, done.stderr
    assert not list(tmp_path.rglob("pwned"))
    assert [path.name for path in (board.bench / "models").rglob("*.tflite")] == [odd]
    *_, kept, loud, other = done.stderr.splitlines()
    says(kept, "note: 127.0.0.1: ", "--json FILE")
    says(loud, "WARNING: 127.0.0.1 ", "(under-voltage)")
    says(other, "WARNING: 127.0.0.1 ", ": -it's")
    assert not list(tmp_path.glob("*.json"))


def test_a_model_that_fails_beside_one_that_does_not(command: Run, board: Board, tmp_path: Path) -> None:
    """Also: what an older version left in the board's folder goes."""
    crafted.write(tmp_path / "custom.tflite", crafted.echo(operator="Unknown"))
    old = board.bench / "device/gone/module.py"
    old.parent.mkdir(parents=True)
    old.write_text("raise RuntimeError\n")
    words = ["custom.tflite", model("int8"), "--json", "out.json"]
    done = command("benchmarks", "board", "127.0.0.1", *words, *ready_python(board), "--", *QUICK)
    says(refusal(done), "127.0.0.1: ", "1 of 2 ", "custom.tflite: ")
    rows = document((tmp_path / "out.json").read_text())["results"]
    assert [row["error"] is None for row in rows] == [False, True] and rows[1]["p50_ms"] > 0
    assert not old.parent.exists()


def test_what_came_back_is_whole_or_refused() -> None:
    (found,) = models.find([model("int8")])
    row: dict[str, object] = {"file": "shapes_int8.tflite", "sha256": found.sha256(), "p50_ms": None, "throttled": []}
    good = {"schema": results.SCHEMA, "machine": {}, "interrupted": False, "results": [row]}
    expected = LatencyRow("shapes_int8.tflite", found.sha256(), p50_ms=None)
    assert measurement.whole(Ran(0, json.dumps(good)), "pi", [found]) == Results(
        machine=MeasuredMachine(), results=(expected,)
    )
    for bad in (
        "",
        "{",
        "[]",
        json.dumps({**good, "schema": results.SCHEMA - 1}),
        json.dumps({**good, "machine": None}),
        json.dumps({**good, "interrupted": None}),
        json.dumps({**good, "results": []}),
        json.dumps({**good, "results": [{**row, "sha256": "0"}]}),
        json.dumps({**good, "results": [{"sha256": found.sha256()}]}),
        json.dumps({**good, "results": [{**row, "p50_ms": "fast"}]}),
    ):
        with pytest.raises(UserError, match=r"pi: .* ended with 2\)"):
            measurement.whole(Ran(2, bad), "pi", [found])


CLEAR = Throttling()


@pytest.mark.parametrize(
    ("before", "after", "noted", "facts"),
    [
        (CLEAR, CLEAR, [], ()),
        (None, None, [], ("note: ", "pi ", "vcgencmd")),
        (CLEAR, replace(CLEAR, error="it failed"), [], ("note: ", "pi ", "(it failed)")),
        (None, None, ["throttled"], ("WARNING: pi ", "(throttled)")),
        (CLEAR, CLEAR, ["throttled"], ("WARNING: pi ", "(throttled)")),
        (CLEAR, replace(CLEAR, now=("throttled",)), [], ("WARNING: pi ", "(throttled)")),
        # Set in between, while nobody looked.
        (CLEAR, replace(CLEAR, since_boot=("throttled",)), [], ("WARNING: pi ", "(throttled)")),
        (
            replace(CLEAR, since_boot=("throttled",)),
            replace(CLEAR, since_boot=("throttled",)),
            [],
            ("note: pi ", "(throttled)"),
        ),
    ],
)
def test_what_is_said_of_a_board(
    before: Throttling | None, after: Throttling | None, noted: list[str], facts: tuple[str, ...]
) -> None:
    judged = health.judge(before, after, [LatencyRow("net.tflite", throttled=tuple(noted), p50_ms=1.0)])
    lines = health.lines(judged, "pi")
    assert len(lines) == bool(facts)
    says("".join(lines), *facts)
    assert (health.board_throttling(judged) is None) == (bool(facts) and "(throttled)" not in facts), "it can't tell"


def test_a_kernel_that_keeps_a_copy_of_the_flags(tmp_path: Path) -> None:
    """As a Raspberry Pi's sysfs has it, by hand: no such kernel is here."""
    assert health.read(tmp_path) is None
    for path, content in (
        ("sys/class/hwmon/hwmon2/name", "rpi_volt\n"),
        ("sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled", "10004\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(content)
    assert health.read(tmp_path) == Throttling(("throttled", "under-voltage"))


def test_an_environment_is_made_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A real venv and a real pip with the real lock, but without a network: it finds the tests' packages there."""
    path = ssh_server.python3(tmp_path / "tools")
    requirements = parcel.requirements(64)
    packed = parcel.pack(models.find([model("int8")]), requirements)
    with Board(tmp_path / "board", PATH=path, PIP_NO_INDEX="1", PYTHONPATH=ssh_server.packages()) as board:
        made = "creating an environment for the measurement, once"
        for expected in (True, False):
            with connection.connect(board.address()) as connected:
                python = measurement.deliver(connected, packed, requirements)
                environment.try_out(connected, python)
                mark = environment.mark(connected, requirements)
            assert python == str(board.bench / "venv/bin/python")
            shown = capfd.readouterr().err
            assert (made in shown) == expected and ("sending" in shown) == expected
    assert (board.bench / environment.MARK).read_bytes() == mark
    assert mark.startswith(b"# Python 3.") and mark.endswith(requirements)


def test_an_environment_belongs_to_a_lock_and_a_python() -> None:
    whole, alone = parcel.requirements(64), parcel.requirements(32)
    assert b"numpy==" in whole and b"opencv" in whole and b"ai-edge-litert==" in whole
    first, *rest = alone.decode().splitlines()
    assert first.startswith("tflite-runtime==") and rest and all(line.strip().startswith("--hash=") for line in rest)
    assert not rest[-1].endswith("\\")


def test_an_environment_that_cannot_be_made_does_not_stay(command: Run, tmp_path: Path) -> None:
    path = ssh_server.python3(tmp_path / "tools")
    with Board(tmp_path / "board", PATH=path, PIP_NO_INDEX="1") as board:
        done = command("benchmarks", "board", "127.0.0.1", model("int8"), *board.words(), "--json", "out.json")
        assert refusal(done).startswith("127.0.0.1: ")
        assert "No matching distribution found for " in done.stderr  # pip's own words
        assert not (board.bench / "venv").exists() and not (tmp_path / "out.json").exists()


def test_a_board_without_the_module_that_makes_environments(command: Run, tmp_path: Path) -> None:
    """Debian's Python without python3-venv has no ensurepip; here it is hidden."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/sitecustomize.py").write_text('import sys\nsys.modules["ensurepip"] = None\n')
    path = ssh_server.python3(tmp_path / "tools")
    with Board(tmp_path / "board", PATH=path, PYTHONPATH=str(tmp_path / "hidden")) as board:
        done = command("benchmarks", "board", "127.0.0.1", model("int8"), *board.words())
    assert refusal(done).endswith("on the board: sudo apt install python3-venv")


def test_a_python_that_lacks_what_is_needed(command: Run, board: Board, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", board.home / "bare"], check=True)
    words = [model("int8"), *board.words(), "--python", "~/bare/bin/python"]
    done = command("benchmarks", "board", "127.0.0.1", *words)
    said = refusal(done)
    says(said, "127.0.0.1: ", f"{board.home}/bare/bin/python", "'cv2'")
