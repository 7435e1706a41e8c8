"""What --qualify plants, counts and says; gates of a round each; and a time that is too short for it."""

import itertools
import shutil
from pathlib import Path

import pytest

from benchmarks.gate import pairs, qualify
from benchmarks.gate.qualify import Trials, TrialsRow
from benchmarks.gate.verdict import Answer
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from tests.benchmarks import failing
from tests.benchmarks.gated import verdict
from tests.conftest import Run
from tests.device import crafted
from tests.device.refusals import refusal, says
from tests.limits import limits

EIGHT = Interval(1.077, 1.08, 1.083)
FINE: Answer = "no regression"
SLOWER: Answer = "regression"
UNTOLD: Answer = "can't tell"


def trials(of_itself: list[Answer], planted: list[Answer], network: str = "small") -> Trials:
    return Trials(network, EIGHT, [verdict(each, taken=0.1) for each in of_itself], [verdict(each) for each in planted])


@pytest.mark.parametrize(
    ("limit", "file"), [(0.01, "small_5"), (0.03, "small_5"), (0.031, "small_8"), (0.05, "small_8"), (0.06, "small_8")]
)
def test_what_is_planted_is_slower_than_the_limit(limit: float, file: str) -> None:
    found = qualify.larger("small", limit)
    assert found.name == f"{file}.tflite" and found.is_file()
    assert qualify.larger("large", limit).is_file()


RELIABLE = ([FINE] * 5, [SLOWER] * 5)


@pytest.mark.parametrize(
    ("of_itself", "planted", "why_not"),
    [
        ([FINE] * 5, [SLOWER] * 5, None),
        ([FINE] * 4 + [SLOWER], [SLOWER] * 5, "false alarm"),
        ([FINE] * 5, [SLOWER] * 4 + [FINE], "missed"),
        ([FINE] * 4 + [UNTOLD], [SLOWER] * 5, None),
        ([FINE] * 3 + [UNTOLD] * 2, [SLOWER] * 4 + [UNTOLD], "inconclusive"),
        ([FINE] * 4, [SLOWER] * 3, "fewer than 4 gates"),
        ([], [], "fewer than 4 gates"),
    ],
)
def test_whether_a_gate_can_be_relied_on(of_itself: list[Answer], planted: list[Answer], why_not: str | None) -> None:
    for both in ([trials(of_itself, planted)], [trials(*RELIABLE), trials(of_itself, planted)]):
        said = qualify.doubt(both, 0.05)
        assert said == why_not or (said is not None and why_not is not None and why_not in said)


def test_what_is_hardly_slower_than_the_limit_shows_nothing() -> None:
    """Not known to be slower than it, too: then a gate that lets it pass may be right."""
    assert qualify.doubt([trials(*RELIABLE)], 0.07) is None
    for network in (trials(*RELIABLE), trials([FINE] * 5, [FINE] * 5)):
        said = qualify.doubt([network], 0.077)
        assert said is not None and "uncertain" in said


def test_in_words() -> None:
    missed = [trials([FINE] * 3 + [UNTOLD], [SLOWER] * 2 + [FINE])]
    counted = (
        "small: against itself 0 false alarms and 1 can't tell in 4 gates; 8.0 % slower (7.7 % to 8.3 %): caught"
        " 2 of 3, missed 1"
    )
    first, last = qualify.lines(missed, 0.05)
    assert first == counted
    says(last, " 5 % ", "missed; ", "--max-slowdown")
    assert qualify.lines(missed, 0.05, interrupted=True) == [counted], "no verdict"
    told = qualify.lines([trials(*RELIABLE)], 0.02)[-1]
    says(told, " 2 % ", " 0 false alarms in 5 gates (at most 45 in 100)", " 0 missed of 5 ", " 8.3 % slower; ")
    other = Trials("large", Interval(1.078, 1.084, 1.09), trials(*RELIABLE).of_itself, trials(*RELIABLE).planted)
    assert " 9.0 % slower; " in qualify.lines([trials(*RELIABLE), other], 0.02)[-1], "the larger's bound"


def test_as_a_row() -> None:
    assert trials([FINE, UNTOLD], [SLOWER] * 2).row() == TrialsRow(
        network="small",
        truth=(1.077, 1.08, 1.083),
        of_itself={"regression": 0, "no regression": 1, "can't tell": 1},
        planted={"regression": 2, "no regression": 0, "can't tell": 0},
        taken=0.1,
    )
    assert trials([], []).row().taken == 0


# With real processes.


@pytest.mark.programs
def test_both_networks_are_gated_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round for each gate: nothing is told, everything is counted."""
    limits(monkeypatch, pairs, ROUND_S=0.05, WARMUP_S=0.01)
    both = [Trials("small", EIGHT), Trials("large", EIGHT)]
    took_s = list(itertools.islice(qualify.run(both, 0.05, 1, 0.01, 1000), 4))
    assert len(took_s) == 4 and min(took_s) > 0
    for each in both:
        assert [v.answer for v in each.of_itself] == [v.answer for v in each.planted] == [UNTOLD]
        assert [v.rounds for v in each.of_itself + each.planted] == [1, 1]


@pytest.mark.programs
def test_the_larger_network_is_what_is_planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Here it fails half way, so that it is known when its turn has come. The real ones are good."""
    shutil.copyfile(qualify.NETWORKS / "small.tflite", tmp_path / "small.tflite")
    crafted.write(tmp_path / "small_8.tflite", failing.network(20))
    monkeypatch.setattr(qualify, "NETWORKS", tmp_path)
    limits(monkeypatch, pairs, ROUND_S=0.05)
    (small,) = both = [Trials("small", EIGHT)]
    gates = qualify.run(both, 0.05, 1, 0.01, 1000)
    next(gates)
    with pytest.raises(UserError, match=r"small_8\.tflite: the model failed while running"):
        next(gates)
    assert (len(small.of_itself), len(small.planted)) == (1, 0)


def test_no_gate_is_begun_that_might_not_end_in_time() -> None:
    both = [Trials("small", EIGHT), Trials("large", EIGHT)]
    assert list(qualify.run(both, 0.05, 1, gate_s=20, seconds=19.9)) == []
    assert both[0].of_itself == []


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seconds", "0"], "--seconds is 0, expected more than 0 and at most 3600"),
        (["--max-slowdown", "10"], "--max-slowdown is 10, expected at most 6 "),
        (["a.tflite", "b.tflite"], "--qualify gates the latency of its own networks; omit BASE a.tflite"),
        (["--data", "shapes"], "omit --data shapes"),
        (["--history", "x.csv"], "omit --history x.csv"),
        (["--markdown", "x.md"], "omit --markdown x.md"),
        (["--seconds", "12"], "too short to start"),
    ],
)
def test_what_cannot_be_qualified(words: list[str], said: str, command: Run) -> None:
    assert said in refusal(command("benchmarks", "gate", "--qualify", *words))
