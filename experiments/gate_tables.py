"""The tables about how often the gate is right: simulated, and measured near its limits."""

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from benchmarks.gate import qualify
from experiments import gate_limits, gate_simulation
from experiments.gate_limits import COPY, Cell
from experiments.markdown import markdown, source
from experiments.record import RESULTS, read

Row = dict[str, Any]
CANNOT = "can't tell"


def gate_coverage() -> list[str]:
    """How often the intervals of results/gate.json hold what is true, by what was gated."""
    document = read("gate")
    kinds = {"itself": "the same file twice", "8 %": "about 8 % slower", "5 %": "about 5 % slower"}
    rows = []
    for kind, words in kinds.items():
        mine = [row for row in document["results"] if row["kind"] == kind]
        rows.append([f"the ratio, {words}", _held(mine, "ratio", lambda row: _truth(row, document["truths"]))])
    rows.append(["the base to itself, all gates", _held(document["results"], "floor", lambda row: 1.0)])
    return [*markdown(("interval", "holds the truth"), rows), "", source(document)]


def _truth(row: Row, truths: dict[str, list[float]]) -> float:
    network = row["scene"].split()[0]
    return 1.0 if row["kind"] == "itself" else truths[f"{network}_{row['kind'][0]}"][1]


def _held(rows: list[Row], which: str, truth: Callable[[Row], float]) -> str:
    return _of(sum(row[which]["low"] <= truth(row) <= row[which]["high"] for row in rows), len(rows))


def _of(count: int, total: int) -> str:
    """389 of 400 (97 %)"""
    return f"{count:,} of {total:,} ({100 * count / total:.0f} %)"


def gate_limits_table(name: str = "gate_limits") -> list[str]:
    """Of each cell of gate_limits what was answered; which are not measured."""
    if not (RESULTS / f"{name}.json").exists():
        return [f"Not measured yet: `{gate_limits.COMMAND}`"]
    document = read(name)
    cells = []
    for cell in gate_limits.CELLS:
        mine = [row for row in document["results"] if Cell(**{name: row[name] for name in vars(cell)}) == cell]
        planned = (
            _candidate(cell, document["truths"]),
            f"{100 * cell.limit:g} %",
            str(cell.threads),
            "none" if not cell.busy else f"{cell.busy} cores busy",
        )
        cells.append([*planned, *(_answered(cell, mine, document["truths"]) if mine else ("not measured", *"-----"))])
    header = (
        *("candidate", "limit", "threads", "neighbors", "gates", "regression", "no regression", CANNOT),
        *("interval holds the truth", "a gate takes"),
    )
    return [*markdown(header, cells), "", f"{_side_by_side(document['results'])}{source(document)}"]


def gate_limits_shared() -> list[str]:
    """The same on a shared machine: results/gate_limits_shared.json."""
    return gate_limits_table("gate_limits_shared")


def _answered(cell: Cell, rows: list[Row], truths: dict[str, list[float]]) -> list[str]:
    """One cell's gates. Of the wrong answer, where there was none, how often it may be given all the same."""
    answers = Counter(row["answer"] for row in rows)
    slower = _slower(cell, truths)
    wrong = "regression" if slower < 1 + cell.limit else "no regression"
    bound = f" ({qualify.at_most(len(rows))})"
    intervals = [row["ratio"] for row in rows if row["ratio"] is not None]
    return [
        f"{len(rows)} of {cell.gates}",
        *(
            f"{answers[answer]}{bound if answer == wrong and not answers[answer] else ''}"
            for answer in ("regression", "no regression", CANNOT)
        ),
        f"{sum(each['low'] <= slower <= each['high'] for each in intervals)} of {len(intervals)}",
        f"{median(row['seconds'] for row in rows):.0f} s",
    ]


def _slower(cell: Cell, truths: dict[str, list[float]]) -> float:
    """The candidate's true ratio to the base, or about, where it wasn't measured."""
    if cell.candidate == COPY:
        return 1.0
    name = gate_limits.truth_name(cell)
    return truths[name][1] if name in truths else 1 + int(cell.candidate[1:]) / 100


def _side_by_side(rows: list[Row]) -> str:
    """That gates ran side by side, where they did."""
    most = max((row["side_by_side"] for row in rows), default=1)
    if most == 1:
        return ""
    cores = " or ".join(map(str, sorted({row["cores"] for row in rows})))
    upto = "up to " if any(row["side_by_side"] < most for row in rows) else ""
    return f"Each gate on cores of its own ({cores}), {upto}{most} gates side by side. "


def _candidate(cell: Cell, truths: dict[str, list[float]]) -> str:
    if cell.candidate == COPY:
        return "a copy of the file"
    if gate_limits.truth_name(cell) not in truths:
        return f"about {cell.candidate[1:]} % slower"
    low, middle, high = (100 * (bound - 1) for bound in truths[gate_limits.truth_name(cell)])
    return f"truly {middle:.1f} % slower ({low:.1f}-{high:.1f})"


def round_length() -> list[str]:
    """How a ratio varies from round to round, by how long a round measures."""
    document = read("round_length")
    by_length: dict[float, list[str]] = {}
    for row in document["results"]:
        low, high = row["interval"]
        by_length.setdefault(row["seconds"], []).append(f"{row['deviation_percent']:.1f} % ({low:.1f}-{high:.1f})")
    first = document["results"][0]
    caption = f"Standard deviation of {first['rounds']} rounds, with its 95 % interval. {source(document)}"
    cells = [[f"{length:g} s", *found] for length, found in by_length.items()]
    return [*markdown(("a round measures", "no neighbor", "two busy neighbors"), cells), "", caption]


def gate_rule() -> list[str]:
    """The rule on made-up rounds: false alarms, wrong answers at the limit, what is caught, coverage."""
    document = read("gate_simulation")
    rows = [row for row in document["results"] if row["rule"] == "product"]
    cells = []
    for noise in gate_simulation.NOISES:
        for size in gate_simulation.SIZES:
            mine = [row for row in rows if (row["noise"], row["size"]) == (noise, size)]
            as_fast = [row for row in mine if row["truth"] == 0]
            there = [row for row in mine if row["truth"] == row["limit"]]
            beyond = [row for row in mine if row["truth"] > row["limit"]]
            cells.append(
                [
                    f"{noise}, {100 * size:g} %",
                    _by_limit(row["regression"] for row in as_fast),
                    _shares(row["cannot_tell"] / row["gates"] for row in as_fast),
                    _shares((row["regression"] + row["no_regression"]) / row["gates"] for row in there),
                    _shares(row["regression"] / row["gates"] for row in beyond),
                    _span(row["dependent"] / row["gates"] for row in mine),
                    _span(row["covered"] / row["gates"] for row in mine),
                ]
            )
    header = (
        *("noise, size", "as fast: false alarms", "as fast: can't tell", "at the limit: any answer"),
        *("2 points beyond: caught", "called dependent", "interval holds the truth"),
    )
    caption = (
        f"{gate_simulation.GATES:,} gates a cell; three figures are of limits of 1, 2 and 5 %. {_seeded(document)}"
    )
    return [*markdown(header, cells), "", caption]


def gate_rules() -> list[str]:
    """What the test of dependence and the early end's confidence change, at the first size and limit."""
    document = read("gate_simulation")
    size, limit = gate_simulation.SIZES[0], gate_simulation.LIMITS[0]
    mine = [row for row in document["results"] if (row["size"], row["limit"]) == (size, limit)]
    by_cell = {(row["noise"], row["truth"], row["rule"]): row for row in mine}
    cells = []
    for noise in gate_simulation.NOISES:
        there, as_fast = ([by_cell[noise, truth, rule] for rule in gate_simulation.RULES] for truth in (limit, 0.0))
        cells.append(
            [
                noise,
                _shares((row["regression"] + row["no_regression"]) / row["gates"] for row in there),
                _shares(row["covered"] / row["gates"] for row in there),
                ", ".join(str(row["regression"]) for row in as_fast),
                _shares(row["cannot_tell"] / row["gates"] for row in as_fast),
                ", ".join(f"{row['mean_rounds']:.1f}" for row in as_fast),
            ]
        )
    header = (
        *("noise", "at the limit: any answer", "at the limit: interval holds the truth"),
        *("as fast: false alarms", "as fast: can't tell", "as fast: rounds"),
    )
    rules = "three figures: the gate's rule; without the test of dependence; as it was before, 99 % at an early end"
    caption = f"Size and limit {100 * limit:g} %, {gate_simulation.GATES:,} gates a cell; {rules}. {_seeded(document)}"
    return [*markdown(header, cells), "", caption]


def _seeded(document: dict[str, Any]) -> str:
    return f"Simulated {document['date']}: `{document['command']}`"


def _by_limit(counts: Iterable[int]) -> str:
    return ", ".join(map(str, counts))


def _shares(shares: Iterable[float]) -> str:
    return ", ".join(f"{100 * share:.1f}" for share in shares) + " %"


def _span(shares: Iterable[float]) -> str:
    """The lowest to the highest."""
    found = sorted(shares)
    return f"{100 * found[0]:.0f}-{100 * found[-1]:.0f} %"
