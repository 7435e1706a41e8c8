"""`compare`: two models, runtimes, numbers of threads or commits; in rounds of which as many are made as are enough."""

import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import parser
from benchmarks.compare import command
from benchmarks.compare import compare as comparisons
from benchmarks.compare.compare import Comparison
from benchmarks.gate import baseline, pairs
from benchmarks.gate.pairs import Round, Side
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from tests.benchmarks import failing
from tests.benchmarks.gated import series
from tests.benchmarks.measuring import is_there, needs_proc, wait_for_worker
from tests.conftest import Run, environment, missing, model
from tests.device import crafted
from tests.device.refusals import refusal, says
from tests.limits import limits
from tests.processes import PATIENCE_S, started

SMALL = baseline.REFERENCE
LARGE = SMALL.with_name("large.tflite")


def six_rounds(monkeypatch: pytest.MonkeyPatch, then: BaseException | None = None, count: int = 6) -> None:
    """Real ones, but short, and just so many, however busy this machine is; then what comes after them."""
    rounds = pairs.rounds

    def few(a: Side, b: Side, seconds: float) -> Iterator[Round]:
        yield from itertools.islice(rounds(a, b, 600), count)
        if then is not None:
            raise then

    limits(monkeypatch, pairs, ROUND_S=0.03, WARMUP_S=0.01)
    monkeypatch.setattr(pairs, "rounds", few)


def compare(*words: object) -> int:
    return command.compare(parser().parse_args(["compare", *map(str, words)]))


def measured(path: Path) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(path.read_bytes())
    assert (whole["schema"], whole["results"]) == (2, []) and whole["machine"]["fingerprint"]["cpu"]
    found: dict[str, Any] = whole["comparison"]
    assert set(found) == {"a", "b", "p50_ratio", "p95_ratio", "floor", "clock", "taken", "rounds"}
    for name in ("p50_ratio", "p95_ratio", "floor"):
        assert 0 < found[name][0] <= found[name][1] <= found[name][2]
    assert found["clock"] in ("wall", "cpu") and 0 <= found["taken"] < 1
    return found


@pytest.mark.programs
def test_a_much_larger_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes some eighty times as long."""
    six_rounds(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert compare(SMALL, LARGE, "--json", "out.json") == 0
    found = measured(tmp_path / "out.json")
    assert (found["a"], found["b"], found["rounds"]) == (str(SMALL), str(LARGE), 6)
    assert found["p50_ratio"][0] > 3
    assert found["floor"][1] < 3
    told, error = capsys.readouterr()
    lines = told.splitlines()
    assert error == "" and lines[0] == f"{LARGE} to {SMALL}:"
    assert [line.split()[0] for line in lines[1:4]] == ["p50", "p95", "a"]
    assert lines[4].startswith("  ratios with their 95 % intervals, 6 fresh processes, ")


@pytest.mark.programs
def test_one_model_in_two_runtimes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = environment("tflite-runtime")
    six_rounds(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert (
        compare(model("int8"), "--python", f",{other}", "--runtime", "litert,tflite-runtime", "--json", "o.json") == 0
    )
    found = measured(tmp_path / "o.json")
    assert found["rounds"] == 6
    assert found["a"].startswith(f"{model('int8')} (litert, ")
    assert found["b"] == f"{model('int8')} (tflite-runtime, {other})"
    assert capsys.readouterr().out.splitlines()[0] == f"{found['b']} to {found['a']}:"


@pytest.mark.programs
def test_one_model_on_one_and_two_threads_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    six_rounds(monkeypatch)
    assert compare(model("float32"), "--threads", "1,2", "--json", "-") == 0
    found = json.loads(capsys.readouterr().out)["comparison"]
    assert [found["a"], found["b"]] == [f"{model('float32')} (1 threads)", f"{model('float32')} (2 threads)"]


@pytest.mark.programs
def test_two_commits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A repository in which the network once was the small one."""
    if not shutil.which("git"):
        missing("git isn't installed")

    def git(*words: str) -> None:
        settings = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *settings, *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    git("init")
    for network in (SMALL, LARGE):
        shutil.copyfile(network, tmp_path / "net.tflite")
        git("add", "net.tflite")
        git("commit", "-m", network.stem)
    (tmp_path / "net.tflite").unlink()
    six_rounds(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert compare("HEAD~1:net.tflite", "HEAD:net.tflite", "--json", "out.json") == 0
    found = measured(tmp_path / "out.json")
    assert (found["a"], found["b"]) == ("HEAD~1:net.tflite", "HEAD:net.tflite")
    assert found["p50_ratio"][0] > 3
    with pytest.raises(UserError, match=r"HEAD:none\.tflite: "):
        compare("HEAD:net.tflite", "HEAD:none.tflite")


# Interrupted, too short, or a model that fails.


@pytest.mark.programs
def test_ctrl_c_after_enough_rounds_shows_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    six_rounds(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        compare(model("int8"))
    assert "6 fresh processes" in capsys.readouterr().out


@pytest.mark.programs
def test_too_few_rounds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    six_rounds(monkeypatch, count=1)
    with pytest.raises(UserError, match=r"^1 rounds in 5 s, .*--seconds"):
        compare(model("int8"), "--seconds", "5")
    six_rounds(monkeypatch, KeyboardInterrupt(), count=0)
    with pytest.raises(KeyboardInterrupt):
        compare(model("int8"))
    assert capsys.readouterr().out == ""


def test_times_below_the_clock_s_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Round(series(0.0), series(0.0), series(0.0))
    monkeypatch.setattr(pairs, "rounds", lambda *_: iter([nothing] * 8))
    with pytest.raises(UserError) as raised:
        comparisons.measure(Side(SMALL), Side(LARGE), 5.0)
    says(str(raised.value), f"{SMALL} or {LARGE}: ", " 0 ms, expected ", "larger")


@pytest.mark.programs
def test_models_that_fail(command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "at_once.tflite", failing.network(2))
    crafted.write(tmp_path / "half_way.tflite", failing.network(50))
    for name in ("at_once", "half_way"):
        done = command("benchmarks", "compare", model("int8"), f"{name}.tflite")
        says(refusal(done), f"{name}.tflite: ", "gather index")
        assert done.stdout == ""


@pytest.mark.programs
@needs_proc
def test_ctrl_c_and_a_process_that_is_killed(tmp_path: Path) -> None:
    for number, code, said in ((signal.SIGINT, 130, "interrupted\n"), (signal.SIGKILL, 2, "SIGKILL\n")):
        with started("benchmarks", "compare", model("int8"), cwd=tmp_path) as process:
            worker = wait_for_worker(process)
            os.kill(process.pid if number == signal.SIGINT else worker, number)
            out, error = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out) == (code, "") and error.endswith(said) and "Traceback" not in error
        assert not is_there(worker)


# What is asked for.


def test_the_two_sides(tmp_path: Path) -> None:
    words = ["compare", str(SMALL), str(LARGE), "--threads", "1,4", "--runtime", ",litert", "--python", "p,q"]
    a, b = command.sides(parser().parse_args(words), tmp_path)
    assert (a, b) == (Side(SMALL, 1, None, "p"), Side(LARGE, 4, "litert", "q"))


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["a.tflite", "b.tflite", "c.tflite"], ("3 models,",)),
        (["good.tflite", "none.tflite"], ("none.tflite: ",)),
        (["."], (".: ",)),
        (["words.tflite"], ("words.tflite: ", "TFL3")),
        (["good.tflite", "--threads", "1,2,3"], ("--threads: 3 values,",)),
        (["good.tflite", "--threads", "1,two"], ("--threads: two ", "1 to 256")),
        (["good.tflite", "--threads", "0"], ("--threads: 0 ", "1 to 256")),
        (["good.tflite", "--threads", ""], ("--threads: ", "1 to 256")),
        (["good.tflite", "--runtime", "onnx"], ("'onnx'", "litert, tflite-runtime")),
        (["good.tflite", "--runtime", "litert,litert,litert"], ("--runtime: 3 values,",)),
        (["good.tflite", "--python", "a,b,c"], ("--python: 3 values,",)),
        (["good.tflite", "--python", "./none"], ("./none: ", "No such file")),
        (["good.tflite", "--seconds", "0"], ("--seconds is 0,", "3600")),
        (["good.tflite", "--seconds", "nan"], ("--seconds is nan,", "3600")),
        ([":good.tflite"], (":good.tflite: ", "REF:PATH")),
    ],
)
def test_bad_input_is_refused(
    words: list[str], facts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(model("int8"), "good.tflite")
    Path("words.tflite").write_text("words")
    with pytest.raises(UserError) as caught:
        compare(*words)
    says(str(caught.value), *facts)
    assert "\n" not in str(caught.value)


def test_a_refusal_as_a_user_sees_it(command: Run) -> None:
    done = command("benchmarks", "compare", "none.tflite")
    assert refusal(done).startswith("none.tflite: ") and done.stdout == ""
    done = command("benchmarks", "compare")
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith(": MODEL")


# What is printed.


def test_lines_say_whose_clock_it_was() -> None:
    ratio, tail, floor = Interval(1.2, 1.25, 1.3), Interval(1.1, 1.5, 2.04), Interval(0.99, 1.0, 1.01)
    found = Comparison(ratio, tail, floor, "cpu", 0.2, 8)
    assert comparisons.lines(found, "a.tflite", "b.tflite") == [
        "b.tflite to a.tflite:",
        "  p50         1.250 (1.200-1.300)",
        "  p95         1.500 (1.100-2.040)",
        "  a to itself 1.000 (0.990-1.010)",
        "  ratios with their 95 % intervals, 8 fresh processes, CPU time of the thread",
    ]
    row = found.row("a", "b")
    assert (row.p50_ratio, row.p95_ratio, row.floor) == ((1.2, 1.25, 1.3), (1.1, 1.5, 2.04), (0.99, 1.0, 1.01))
