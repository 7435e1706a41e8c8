"""Qualifies the gate on this machine: gates networks with a known difference, and counts the answers.

Two networks, of about 0.1 and 8 ms on a desktop processor, are gated against themselves and against versions with more
layers (experiments/gate_networks.py). A long measurement first finds how much slower those are here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import monotonic

from benchmarks.gate import pairs, verdict
from benchmarks.gate.pairs import Round, Side
from benchmarks.gate.verdict import Answer, Verdict
from benchmarks.statistics import stats
from benchmarks.statistics.stats import Interval
from device.errors import UserError

NETWORKS = Path(__file__).parent / "networks"
# The suffix of the network with more layers, by limit: the first that is clearly slower than it allows.
PLANTED = ((0.03, "_5"), (0.06, "_8"))
# The share of the time for measuring how much slower the larger networks are.
TRUTH_SHARE = 0.2
# The least number of gates of each kind: if half were wrong, all would be right by chance in one case of sixteen.
FEWEST = 4
ANSWERS: tuple[Answer, ...] = ("regression", "no regression", "can't tell")


@dataclass
class Trials:
    """One network's gates. truth: how much slower the larger network really is here."""

    network: str
    truth: Interval
    of_itself: list[Verdict] = field(default_factory=list)
    planted: list[Verdict] = field(default_factory=list)

    def row(self) -> "TrialsRow":
        share = max((v.taken for v in self.of_itself + self.planted), default=0.0)
        return TrialsRow(self.network, self.truth.bounds, _counts(self.of_itself), _counts(self.planted), share)


@dataclass(frozen=True)
class TrialsRow:
    """A network's row in a result document's "qualify": how often each answer came.

    taken: the largest share of the time that other processes used the processor.
    """

    network: str
    truth: tuple[float, float, float]
    of_itself: dict[Answer, int]
    planted: dict[Answer, int]
    taken: float


def _counts(verdicts: list[Verdict]) -> dict[Answer, int]:
    answers = [each.answer for each in verdicts]
    return {answer: answers.count(answer) for answer in ANSWERS}


def larger(network: str, limit: float) -> Path:
    """The network that is slower than the limit allows; UserError for a limit without such a network."""
    for most, suffix in PLANTED:
        if limit <= most:
            return NETWORKS / f"{network}{suffix}.tflite"
    raise UserError(
        f"--max-slowdown is {100 * limit:g}, expected at most {100 * PLANTED[-1][0]:g} with --qualify; give less"
    )


def truth(network: str, candidate: Path, threads: int, seconds: float, runtime: str | None = None) -> Interval:
    """How much slower the candidate is than the network on this machine, in one long interleaved run."""
    base = Side(_path(network), threads, runtime)
    measured = list(pairs.rounds(base, Side(candidate, threads, runtime), seconds))
    clock, _ = verdict.clock(measured, threads)
    found = verdict.ratio(measured, clock, verdict.CONFIDENCE)
    if found is None:
        raise UserError(
            f"{seconds:g} s are too short to start: {len(measured)} rounds, expected at least"
            f" {stats.fewest(verdict.CONFIDENCE)}; give more time with --seconds"
        )
    return found


def gate(
    network: str, candidate: Path, limit: float, threads: int, seconds: float, seed: int, runtime: str | None = None
) -> Verdict:
    """One gate, as the command `gate` runs it."""
    measured: list[Round] = []
    base = Side(_path(network), threads, runtime)
    for each in pairs.rounds(base, Side(candidate, threads, runtime), seconds, seed):
        measured.append(each)
        if verdict.is_certain(measured, threads, limit):
            break
    return verdict.judge(measured, threads, limit)


def _path(network: str) -> Path:
    return NETWORKS / f"{network}.tflite"


def begin(limit: float, threads: int, seconds: float, runtime: str | None = None) -> list[Trials]:
    """Both networks, with their true slowdowns here."""
    return [
        Trials(network, truth(network, larger(network, limit), threads, seconds / 2, runtime))
        for network in ("small", "large")
    ]


def run(
    trials: list[Trials], limit: float, threads: int, gate_s: float, seconds: float, runtime: str | None = None
) -> Iterator[float]:
    """Adds gates to the trials until the next might not end in time; yields the seconds of each."""
    end, seed = monotonic() + seconds, 1
    for each, planted in cycle((each, planted) for each in trials for planted in (False, True)):
        start = monotonic()
        if start + gate_s > end:
            return
        candidate = larger(each.network, limit) if planted else _path(each.network)
        into = each.planted if planted else each.of_itself
        into.append(gate(each.network, candidate, limit, threads, gate_s, seed, runtime))
        seed += 1
        yield monotonic() - start


def lines(trials: list[Trials], limit: float, interrupted: bool = False) -> list[str]:
    """What the gate detects on this machine, for people; no verdict if interrupted."""
    found = []
    for each in trials:
        own, planted = _counts(each.of_itself), _counts(each.planted)
        found.append(
            f"{each.network}: against itself {own['regression']} false alarms and {own[CANNOT]} can't tell in"
            f" {len(each.of_itself)} gates; {verdict.percent(each.truth.middle)} slower"
            f" ({verdict.percent(each.truth.low)} to {verdict.percent(each.truth.high)}): caught"
            f" {planted['regression']} of {len(each.planted)}, missed {planted['no regression']}"
        )
    if interrupted:
        return found
    why_not = doubt(trials, limit)
    if why_not:
        found.append(f"a gate of {100 * limit:g} % is not proven reliable here now: {why_not}")
    else:
        # The caught networks may have been as slow as this; smaller slowdowns were perhaps never tried.
        slower = verdict.percent(max(each.truth.high for each in trials))
        same, slow = sum(len(each.of_itself) for each in trials), sum(len(each.planted) for each in trials)
        found.append(
            f"a gate of {100 * limit:g} % made no error here: 0 false alarms in {same} gates ({at_most(same)}), 0"
            f" missed of {slow} ({at_most(slow)}) that are up to {slower} slower; more --seconds give more gates"
        )
    return found


def at_most(tries: int) -> str:
    """The bound after none of so many: Clopper and Pearson's one-sided bound (1934), at 95 %."""
    return f"at most {100 * (1 - 0.05 ** (1 / tries)):.0f} in 100"


CANNOT: Answer = "can't tell"
ADVICE = "allow more (--max-slowdown), or use a quieter machine"


def doubt(trials: list[Trials], limit: float) -> str | None:
    """Why a gate is not proven reliable; None: no false alarm, nothing missed, and a definite answer in at least nine
    of ten of enough gates.
    """
    verdicts = [v for each in trials for v in each.of_itself + each.planted]
    if any(v.answer == "regression" for each in trials for v in each.of_itself):
        return f"there was a false alarm; {ADVICE}"
    if any(each.truth.low <= 1 + limit for each in trials):
        return "the slowdown of the larger networks is too uncertain; use a quieter machine"
    if any(v.answer == "no regression" for each in trials for v in each.planted):
        return f"a slower network was missed; {ADVICE}"
    if sum(v.answer == CANNOT for v in verdicts) > 0.1 * len(verdicts):
        return f"it was inconclusive too often; {ADVICE}"
    if any(min(len(each.of_itself), len(each.planted)) < FEWEST for each in trials):
        return f"there were fewer than {FEWEST} gates of a kind; give more time with --seconds"
    return None
