"""What the pages say of the gate: the simulation's noise and cells, the plan of the measurement, and the tables."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gate import pairs, qualify
from device.host import system
from experiments import gate_limits, gate_simulation, gate_tables, record
from experiments.gate_limits import CELLS, COPY, Cell
from tests.benchmarks.gated import verdict
from tests.conftest import ROOT
from tests.limits import limits

# The simulation.


@pytest.mark.parametrize("noise", ["normal", "heavy-tailed", "skewed", "AR(1) 0.5", "AR(1) 0.8"])
def test_noise_has_the_size_it_says(noise: str) -> None:
    off = gate_simulation.deviations(noise, 0.01, 4000, np.random.default_rng(1))
    assert off.shape == (4000, gate_simulation.ROUNDS, 3)
    assert abs(off.mean()) < 0.0002 and off.std() == pytest.approx(0.01, rel=0.15)
    kept = float(noise.split()[1]) if noise.startswith("AR") else 0.0
    assert np.mean(off[:, 1:] * off[:, :-1]) / off.var() == pytest.approx(kept, abs=0.03)


def test_drift_is_shared_but_for_one_size() -> None:
    off = gate_simulation.deviations("drifting", 0.01, 4000, np.random.default_rng(1)).mean(axis=0)
    assert off[-1, :2] - off[0, :2] == pytest.approx([0.1, 0.1], abs=0.001)
    assert off[-1, 2] - off[0, 2] == pytest.approx(0.09, abs=0.001)


def test_a_cell_is_the_same_each_time_and_ends_early() -> None:
    found = gate_simulation.cell("normal", 0.01, 0.05, 0.0, "product", gates=30)
    assert found == gate_simulation.cell("normal", 0.01, 0.05, 0.0, "product", gates=30)
    assert (found["regression"], found["gates"]) == (0, 30)
    assert found["no_regression"] + found["cannot_tell"] == 30 and 10 <= found["mean_rounds"] < 15


@pytest.mark.long
@pytest.mark.parametrize("noise", gate_simulation.NOISES)
def test_looks_that_are_passed_over_would_not_have_ended_a_gate(noise: str) -> None:
    off = gate_simulation.deviations(noise, 0.01, 40, np.random.default_rng(2))
    for truth, limit in ((1.0, 0.01), (1.01, 0.01), (1.03, 0.01), (1.0, 0.05)):
        looks = gate_simulation.open_looks(off, truth, limit)
        for one, at in zip(off, looks, strict=True):
            assert gate_simulation.gate(one, truth, limit, at) == gate_simulation.gate(one, truth, limit)


def test_rounds_that_follow_one_another_are_seldom_answered_at_the_limit() -> None:
    """Half of them are without the test, and it is there again afterwards."""
    cells = [gate_simulation.cell("AR(1) 0.8", 0.01, 0.01, 0.01, rule, gates=200) for rule in ("no test", "product")]
    without, tested = (found["regression"] + found["no_regression"] for found in cells)
    assert without > 80 and tested < without / 2
    assert cells[0]["dependent"] == 0 and cells[1]["dependent"] > 100


def test_what_was_simulated_is_what_is_planned() -> None:
    rows = record.read("gate_simulation")["results"]
    fields = ("noise", "size", "limit", "truth", "rule")
    assert {tuple(row[name] for name in fields) for row in rows} == set(gate_simulation.planned())
    assert all(row["gates"] == gate_simulation.GATES for row in rows)


def test_false_alarms_in_the_simulation() -> None:
    """At most one in a thousand of what is as fast, whatever the noise of independent rounds."""
    rows = record.read("gate_simulation")["results"]
    mine = [row for row in rows if row["truth"] == 0 and row["rule"] == "product" and not row["noise"].startswith("AR")]
    assert len(mine) == 4 * len(gate_simulation.SIZES) * len(gate_simulation.LIMITS)  # independent noise
    assert all(row["regression"] <= row["gates"] / 1000 for row in mine)


def test_dependent_rounds_in_the_simulation() -> None:
    """What docs/benchmarks.md says below its tables, in words."""
    rows = record.read("gate_simulation")["results"]
    known = {"noise": "AR(1) 0.8", "size": 0.01, "limit": 0.01, "truth": 0.01}
    at_limit = {row["rule"]: row for row in rows if known.items() <= row.items()}

    def shares(rule: str) -> tuple[float, float]:
        row = at_limit[rule]
        return (row["regression"] + row["no_regression"]) / row["gates"], row["covered"] / row["gates"]

    assert shares("no test") == pytest.approx((1 / 2, 1 / 3), abs=0.04)
    assert shares("product") == pytest.approx((1 / 11, 8 / 9), abs=0.01)
    alarms = [row for row in rows if row["rule"] == "product" and row["truth"] == 0 and row["regression"]]
    assert alarms and all(row["size"] >= row["limit"] for row in alarms if row["noise"].startswith("AR"))


# The measurement.


def test_the_plan_has_every_cell_as_often_as_it_says() -> None:
    counts = {part: Counter(cell for cell, _ in gate_limits.planned(part)) for part in gate_limits.PARTS}
    assert sorted(map(repr, (cell for cells in counts.values() for cell in cells))) == sorted(map(repr, CELLS))
    assert [counts[cell.part][cell] for cell in CELLS] == [cell.gates for cell in CELLS]
    assert counts["one"].total() == 400
    assert [cell for cell, _ in gate_limits.planned("one")[:20]] != [CELLS[0]] * 20, "the hours are shared"
    for cell in CELLS:
        assert cell.candidate == COPY or (qualify.NETWORKS / f"{gate_limits.NETWORK}{cell.candidate}.tflite").is_file()
    assert gate_limits.parts("near,one") == ["near", "one"]


@pytest.mark.programs
@pytest.mark.parametrize("candidate", [COPY, "_3"])
def test_a_gate_becomes_a_row(candidate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a single round, which tells nothing."""
    limits(monkeypatch, pairs, ROUND_S=0.05)
    limits(monkeypatch, gate_limits, GATE_S=0.01)
    row = gate_limits.gate(Cell("one", candidate, 0.01, 1, 1, 100), 7, 1)
    assert (row["candidate"], row["busy"], row["number"], row["answer"], row["rounds"]) == (
        *(candidate, 1, 7, "can't tell", 1),
    )
    json.dumps(row)


def test_what_is_left_begins_with_what_is_true() -> None:
    cell = next(cell for cell in CELLS if cell.part == "near")
    every = gate_limits.left("near", [], {})
    assert sorted(gate_limits.truth_name(cell) for cell, number in every[:2] if number is None) == ["_5 1", "_8 1"]
    assert len(every) == 102 and all(number is not None for _, number in every[2:])
    truths = {"_8 1": [1.07, 1.08, 1.09], "_5 1": [1.04, 1.05, 1.06]}
    left = gate_limits.left("near", [{**vars(cell), "number": 7}], truths)
    assert len(left) == 99 and (cell, 7) not in left
    (true,) = (cell for cell, number in gate_limits.left("one", [], {}) if number is None)
    assert not true.busy, "what is true is measured without neighbors, on one core too"


def test_a_document_goes_on_where_it_was_begun() -> None:
    machine = vars(system.describe())
    assert gate_limits.is_same_machine(machine, {**machine, "load_1min": 99.0})
    assert not gate_limits.is_same_machine(machine, {**machine, "cores": 4096})


def test_two_cores_are_for_neighbors_and_threads() -> None:
    assert {(cell.part, cell.busy): cell.cores for cell in CELLS} == {
        **{("one", 0): 1, ("one", 2): 2, ("near", 0): 1, ("threads", 0): 2}
    }


def test_the_shared_machine_gave_no_wrong_answer_and_few_answers() -> None:
    """What docs/benchmarks.md and docs/ci.md say of it."""
    rows = record.read("gate_limits_shared")["results"]
    answers = Counter((row["candidate"], row["busy"], row["answer"]) for row in rows)
    copies, slower = ([row for row in rows if row["candidate"] == name] for name in (COPY, "_3"))
    assert (len(copies), len(slower)) == (120, 127)
    assert all(answers[COPY, busy, "regression"] == answers["_3", busy, "no regression"] == 0 for busy in (0, 2))
    assert [answers["_3", busy, "regression"] for busy in (0, 2)] == [48, 18]
    assert [answers[COPY, busy, "can't tell"] for busy in (0, 2)] == [47, 46]


@pytest.mark.parametrize("busy", [0, 2])
def test_the_small_machine_gave_no_wrong_answer(busy: int) -> None:
    """What docs/benchmarks.md says of it."""
    every = record.read("gate_limits")["results"]
    rows = [row for row in every if row["part"] == "one" and row["busy"] == busy]
    answers = Counter((row["candidate"], row["answer"]) for row in rows)
    assert answers[COPY, "regression"] == answers["_3", "no regression"] == 0
    copies, slower = (sum(row["candidate"] == name for row in rows) for name in (COPY, "_3"))
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert f"no false alarm in {copies} gates" in page
    assert f"caught in {answers['_3', 'regression']} of {slower}" in page


def test_every_gate_of_the_plan_is_measured() -> None:
    document = record.read("gate_limits")
    assert not any(gate_limits.left(part, document["results"], document["truths"]) for part in gate_limits.PARTS)


def test_no_gate_near_its_limit_or_of_two_threads_was_wrong() -> None:
    """What docs/benchmarks.md says of them."""
    rows = [row for row in record.read("gate_limits")["results"] if row["part"] != "one"]
    answers = Counter((row["candidate"], row["limit"], row["answer"]) for row in rows)
    assert not any(answers[name, limit, "no regression"] for name, limit in (("_8", 0.07), ("_5", 0.04), ("_3", 0.01)))
    assert not any(answers[name, limit, "regression"] for name, limit in (("_8", 0.09), ("_5", 0.06), (COPY, 0.01)))


# The tables.


def test_how_often_the_intervals_of_the_first_gates_hold_the_truth() -> None:
    told = "\n".join(gate_tables.gate_coverage())
    assert "389 of 400" in told and "572 of 600" in told


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of other results in the place of the committed ones."""
    for module in (record, gate_tables):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    return tmp_path


GROUPS = {"cores": 1, "side_by_side": 1}


def row(cell: Cell, number: int, answer: Any) -> dict[str, Any]:
    return {
        **vars(cell),
        "number": number,
        **vars(verdict(answer)),
        "ratio": None,
        "floor": None,
        "seconds": 12.0,
        **GROUPS,
    }


def test_what_is_not_measured_yet_is_said(results: Path) -> None:
    assert gate_tables.gate_limits_table() == ["Not measured yet: `python -m experiments.gate_limits`"]
    rows = [row(CELLS[0], number, answer) for number, answer in enumerate(["no regression"] * 3 + ["regression"])]
    record.write("gate_limits", rows, "command", results, truths={"_3 1": [1.03, 1.033, 1.036]})
    told = gate_tables.gate_limits_table()
    assert told[2] == "| a copy of the file | 1 % | 1 | none | 4 of 100 | 1 | 3 | 0 | 0 of 0 | 12 s |"
    assert told[3] == "| truly 3.3 % slower (3.0-3.6) | 1 % | 1 | none | not measured | - | - | - | - | - |"
    assert sum("not measured" in line for line in told) == len(CELLS) - 1
    assert "side by side" not in told[-1]


def test_wrong_answers_are_told_by_what_is_true(results: Path) -> None:
    """Against a limit of 7 % a candidate that is 8 % slower fails; against 9 % it doesn't."""
    below, above = (next(cell for cell in CELLS if cell.limit == limit) for limit in (0.07, 0.09))
    rows = [
        {**row(cell, number, "can't tell"), "ratio": {"low": 1.06, "middle": 1.07, "high": 1.081}, "side_by_side": 4}
        for cell in (below, above)
        for number in range(10)
    ]
    rows[0]["ratio"]["high"] = 1.07
    record.write("gate_limits_shared", rows, "command", results, truths={"_8 1": [1.079, 1.08, 1.081]})
    told = gate_tables.gate_limits_shared()
    lines = [line.split(" | ")[4:9] for line in told if line.startswith("| truly 8.0")]
    assert lines == [
        ["10 of 25", "0", "0 (at most 26 in 100)", "10", "9 of 10"],
        ["10 of 25", "0 (at most 26 in 100)", "0", "10", "10 of 10"],
    ]
    assert "(1), 4 gates side by side" in told[-1]
