"""A gate's outcome as text, Markdown, JUnit XML and JSON, for those who read it: people, GitHub, CI, scripts."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.gate import formats
from benchmarks.gate.gate import GateOutcome
from benchmarks.gate.verdict import Answer
from benchmarks.statistics.stats import Interval
from device import files
from device.evaluation.by_label import ByLabel, compare
from tests.benchmarks.gated import drop, outcome, verdict

GOOD = outcome("no regression", verdict("no regression", ratio=Interval(0.99, 1.0, 1.01)), notes=("latency only",))
SLOWER = outcome("regression", verdict("regression"), drop("no regression"))
WORSE = outcome("regression", verdict("no regression"), drop("regression"))
NOT_TOLD = outcome("can't tell", verdict("can't tell", clock="cpu", taken=0.4), drop("can't tell"), threads=2)
NOTHING = outcome(
    "can't tell", verdict("can't tell", ratio=None, floor=None, rounds=0), notes=("interrupted",), interrupted=True
)
ALL = (GOOD, SLOWER, WORSE, NOT_TOLD, NOTHING)


def test_text() -> None:
    assert formats.text(WORSE) == [
        "regression: b.tflite against main:a.tflite",
        "  latency   no regression: because; 1.080 (1.075-1.085) of the base's p50, base to itself 1.001 (0.998-1.004),"
        " 8 rounds, 1 thread, wall clock",
        "  accuracy  regression: on these grounds; 92.00 % to 90.00 % on 1000 images, 25 lost, 5 won",
    ]
    assert formats.text(GOOD)[-1] == "  note: latency only"
    assert formats.text(NOT_TOLD)[1].endswith("8 rounds, 2 threads, CPU time of the thread")
    assert "because; - of the base's p50, base to itself -, 0 rounds" in formats.text(NOTHING)[1]


def by_label(label: str = "rare", n: int = 20) -> ByLabel:
    """A label that is lost beside one of 980 images that isn't."""
    targets = np.repeat([0, 1], [980, n])
    return compare(np.ones(980 + n, bool), targets == 0, targets, ["common", label])


def test_balanced_accuracy_and_the_worst_label_where_labels_are_uneven() -> None:
    uneven = outcome("regression", verdict("no regression"), drop("regression", by_label=by_label()))
    assert formats.text(uneven)[-1].endswith(
        "25 lost, 5 won; balanced 100.00 % to 50.00 %, worst label rare 100.00 % to 0.00 % (n 20)"
    )
    even = outcome("regression", verdict("no regression"), drop("regression", by_label=by_label(n=980)))
    assert formats.text(even)[-1].endswith("25 lost, 5 won")
    for each in (uneven, even):
        found = json.loads(json.dumps(each.document()))["gate"]["accuracy"]["by_label"]
        assert found["balanced"] == [1.0, 0.5] and found["worst"]["label"] == "rare"
        (lost,) = found["beyond_chance"]
        assert (lost["lost"], lost["won"], lost["first"], lost["second"]) == (found["worst"]["n"], 0, 1.0, 0.0)


@pytest.mark.parametrize("label", ["a|b", "a\x1b[0m", "a&<b>\x00", "a\nb", "\udcff"])
def test_any_label_can_be_written(label: str) -> None:
    why, notes = f"label {label}: 20 of 20 images lost, beyond chance", (f"label {label}: 5 of 5 images lost",)
    found = drop("regression", by_label=by_label(label), reason=why)
    odd = outcome("regression", verdict("no regression"), found, notes=notes)
    failure = suite(odd).findall("testcase")[1].find("failure")
    assert failure is not None and failure.get("message") == formats.printable(why)
    assert f"worst label {formats.printable(label)} " in (failure.text or "")
    lines = formats.markdown(odd).encode().decode().splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")} == {5}
    assert lines[-1] == f"- label {formats.printable(label)}: 5 of 5 images lost"


# Markdown, as GitHub reads it: https://github.github.com/gfm/#tables-extension-


@pytest.mark.parametrize("each", ALL)
def test_a_table_in_markdown(each: GateOutcome) -> None:
    heading, empty, *table, end = formats.markdown(each).split("\n")
    assert heading.startswith("### ") and f"{each.answer}: `b.tflite` against `main:a.tflite`" in heading
    assert empty == end == ""
    rows = table[: 3 if each.accuracy is None else 4]
    assert {row.count("|") for row in rows} == {5} and set(rows[1]) == set("| -")
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["latency", "accuracy"][: len(rows) - 2]
    assert [line for line in table[len(rows) :] if line] == [f"- {note}" for note in each.notes]


def test_signs_in_markdown() -> None:
    heading, _, _, _, latency, accuracy, *_ = formats.markdown(WORSE).splitlines()
    assert heading.startswith("### ❌ regression")
    assert latency.startswith("| latency | ✅ no regression | because | 1.080")
    assert accuracy.startswith("| accuracy | ❌ regression | on these grounds | 92.00 % to 90.00 %")
    assert formats.markdown(NOT_TOLD).startswith("### ❔ can't tell")


# JUnit XML.


def suite(each: GateOutcome) -> ElementTree.Element:
    """Checked against the structure that https://github.com/testmoapp/junitxml gathers from Jenkins, GitLab and others:
    counts are those of the cases, a case has a name and a class, and at most one of failure, error and skipped.
    """
    root = ElementTree.fromstring(formats.junit(each))
    assert root.tag == "testsuite" and set(root.attrib) <= {"name", "tests", "failures", "errors", "skipped", "time"}
    cases = root.findall("testcase")
    assert list(root) == cases and root.get("name") and float(root.get("time", "")) == each.seconds
    assert int(root.get("tests", "")) == len(cases)
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(kind, "")) == len(root.findall(f"testcase/{tag}"))
    for case in cases:
        assert case.get("name") and case.get("classname")
        assert {child.tag for child in case} <= {"failure", "skipped", "system-out"}
        assert len(case.findall("failure") + case.findall("skipped")) <= 1
        for judged in case.findall("failure") + case.findall("skipped"):
            assert judged.get("message") and judged.text
    return root


def results(each: GateOutcome) -> dict[str | None, str]:
    """What became of each test case: passed, failure or skipped."""
    found = {}
    for case in suite(each).findall("testcase"):
        judged = [child.tag for child in case if child.tag != "system-out"]
        found[case.get("name")] = judged[0] if judged else "passed"
    return found


@pytest.mark.parametrize(
    ("each", "found"),
    [
        (GOOD, {"latency": "passed"}),
        (SLOWER, {"latency": "failure", "accuracy": "passed"}),
        (WORSE, {"latency": "passed", "accuracy": "failure"}),
        (NOT_TOLD, {"latency": "skipped", "accuracy": "skipped"}),
        (NOTHING, {"latency": "skipped"}),
    ],
)
def test_cases_in_junit(each: GateOutcome, found: dict[str, str]) -> None:
    assert results(each) == found


def test_grounds_in_junit() -> None:
    latency, accuracy = suite(WORSE).findall("testcase")
    failure = accuracy.find("failure")
    assert failure is not None and failure.get("message") == "on these grounds"
    assert "25 lost" in (failure.text or "") and "1.080" in (latency.findtext("system-out") or "")
    assert "latency only" in (suite(GOOD).findtext("testcase/system-out") or "")


@pytest.mark.parametrize("name", ["a&b<c>\"'.tflite", "über.tflite", "a\x01\x1b[0m.tflite", "\udcff.tflite", "a\nb"])
def test_any_file_name_can_be_written(name: str) -> None:
    """XML has no place for control characters, UTF-8 none for a lone surrogate."""
    odd = outcome("regression", verdict("regression"), candidate=name, base=name)
    classname = suite(odd).find("testcase").get("classname")  # type: ignore[union-attr]
    assert classname == f"gate.{formats.printable(name)}"
    assert formats.markdown(odd).encode().decode().splitlines()[0].count("`") == 4
    assert formats.printable("über a.tflite") == "über a.tflite"


# JSON.


@pytest.mark.parametrize(("each", "code"), [(GOOD, 0), (SLOWER, 1), (WORSE, 1), (NOT_TOLD, 3), (NOTHING, 130)])
def test_a_document(each: GateOutcome, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    files.deliver_json(each.document(), "-")
    whole = json.loads(capsys.readouterr().out)
    assert set(whole) >= {"schema", "machine", "results", "gate"} and whole["results"] == []
    gate = whole["gate"]
    assert (gate["answer"], gate["exit_code"], gate["interrupted"]) == (each.answer, code, code == 130)
    assert gate["limits"] == {"slowdown": 0.05, "drop": 0.01 if each.accuracy else None}
    assert gate["notes"] == list(each.notes)
    known = {"answer", "ratio", "floor", "clock", "taken", "rounds", "reason", "step_ms", "dependent"}
    assert set(gate["latency"]) == known
    if each is WORSE:
        assert gate["latency"]["ratio"] == {"low": 1.075, "middle": 1.08, "high": 1.085}
        assert gate["accuracy"]["points"] == {"low": 0.01, "middle": 0.02, "high": 0.03}
        assert (gate["accuracy"]["n"], gate["accuracy"]["lost"], gate["accuracy"]["won"]) == (1000, 25, 5)
    if each is NOTHING:
        assert gate["latency"]["ratio"] is gate["accuracy"] is None


def test_every_answer_has_a_sign() -> None:
    answers: tuple[Answer, ...] = ("no regression", "regression", "can't tell")
    assert len({formats.SIGNS[answer] for answer in answers}) == 3
