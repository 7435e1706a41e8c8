"""A gate's outcome as text, as Markdown (for GitHub's job summary), and as JUnit XML."""

from xml.etree import ElementTree

from benchmarks.gate.drop import Drop
from benchmarks.gate.gate import GateOutcome
from benchmarks.gate.verdict import Answer
from device.text import count, percent

SIGNS: dict[Answer, str] = {"no regression": "✅", "regression": "❌", "can't tell": "❔"}


def text(outcome: GateOutcome) -> list[str]:
    """The answer first, then the reasons, then notes."""
    lines = [f"{outcome.answer}: {outcome.candidate} against {outcome.base}"]
    lines += [f"  {name:<9} {answer}: {reason}; {grounds}" for name, answer, reason, grounds in rows(outcome)]
    return lines + [f"  note: {note}" for note in outcome.notes]


def rows(outcome: GateOutcome) -> list[tuple[str, Answer, str, str]]:
    """Name, answer, reason and figures of each judgment."""
    by_time, lost = outcome.latency, outcome.accuracy
    found = [("latency", by_time.answer, by_time.reason, _latency(outcome))]
    if lost:
        found.append(("accuracy", lost.answer, lost.reason, _accuracy(lost)))
    return found


def _accuracy(lost: Drop) -> str:
    """top-1; with uneven labels also balanced accuracy and the worst label."""
    figures = f"{_from_to(lost.base, lost.candidate)} on {lost.n} images, {lost.lost} lost, {lost.won} won"
    paired = lost.by_label
    if paired is None or not paired.uneven:
        return figures
    worst = paired.worst
    return (
        f"{figures}; balanced {_from_to(*paired.balanced)}, worst label {worst.label}"
        f" {_from_to(worst.first, worst.second)} (n {worst.n})"
    )


def _from_to(base: float, candidate: float) -> str:
    return f"{percent(base)} to {percent(candidate)}"


def _latency(outcome: GateOutcome) -> str:
    by_time = outcome.latency
    clock = "CPU time of the thread" if by_time.clock == "cpu" else "wall clock"
    return (
        f"{by_time.ratio or '-'} of the base's p50, base to itself {by_time.floor or '-'},"
        f" {by_time.rounds} rounds, {count(outcome.threads, 'thread')}, {clock}"
    )


def markdown(outcome: GateOutcome) -> str:
    candidate, base = printable(outcome.candidate), printable(outcome.base)
    lines = [
        f"### {SIGNS[outcome.answer]} {outcome.answer}: `{candidate}` against `{base}`",
        "",
        "| | answer | why | figures |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {SIGNS[answer]} {answer} | {_cell(why)} | {_cell(figures)} |"
            for name, answer, why, figures in rows(outcome)
        ),
        "",
        *(f"- {printable(note)}" for note in outcome.notes),
    ]
    return "\n".join(lines) + "\n"


def _cell(words: str) -> str:
    """Escapes a table cell; a label may contain anything."""
    return printable(words).replace("|", "\\|")


def printable(name: str) -> str:
    """A file name or label for a document, with escapes for bytes that are not UTF-8 or invalid in XML."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def junit(outcome: GateOutcome) -> bytes:
    """One test case for latency and one for accuracy. 'Can't tell' counts as skipped: neither passed nor failed.

    https://github.com/testmoapp/junitxml
    """
    found = rows(outcome)
    suite = ElementTree.Element(
        "testsuite",
        name="framelite gate",
        tests=str(len(found)),
        failures=str(sum(answer == "regression" for _, answer, _, _ in found)),
        errors="0",
        skipped=str(sum(answer == "can't tell" for _, answer, _, _ in found)),
        time=str(outcome.seconds),
    )
    for name, answer, why, figures in found:
        case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{printable(outcome.candidate)}", name=name)
        if answer != "no regression":
            kind = "failure" if answer == "regression" else "skipped"
            ElementTree.SubElement(case, kind, message=printable(why)).text = printable(figures)
        ElementTree.SubElement(case, "system-out").text = "\n".join(map(printable, [figures, *outcome.notes]))
    ElementTree.indent(suite)
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
