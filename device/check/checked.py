"""The report of `device check`: lines for people and a document for scripts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from device import command, text
from device.check.mismatches import Mismatch, MismatchCounts, MismatchTrial
from device.evaluation import evaluate
from device.inference.classifier import Classifier
from device.inference.golden import GoldenResult, Replay


@dataclass(frozen=True)
class Cause:
    """A mismatch that reproduces every recorded score, and the golden images' result with it."""

    mismatch: Mismatch
    verdict: GoldenResult


@dataclass(frozen=True)
class Report:
    """verdict: None if the file has no golden images. trial: None if no data was given."""

    classifier: Classifier
    verdict: GoldenResult | None
    causes: tuple[Cause, ...]
    trial: MismatchTrial | None

    @property
    def code(self) -> int:
        """FAILED by the golden images or by the data, else GOOD if there are golden images."""
        if (self.verdict and not self.verdict.passed) or (self.trial and self.trial.named()):
            return command.FAILED
        return command.GOOD if self.verdict else command.INCONCLUSIVE


def lines(report: Report) -> list[str]:
    """A table of the golden images and one of the mismatches, each followed by its conclusion."""
    found: list[str] = []
    if report.verdict is not None:
        header = ("image", "differs from export at", "score error", "tolerance", "prediction", "at export")
        found += text.table(header, [_row(replay, report) for replay in report.verdict.images])
        found += _judgment(report, report.verdict)
    if report.trial is not None:
        columns = ("images", "accuracy", "gained", "lost", "p")
        found += text.table(columns, list(_accuracies(report.trial)))
        found.append(_conclusion(report, report.trial))
    return [line.rstrip() for line in found]


def _row(replay: Replay, report: Report) -> list[str]:
    return [
        replay.image,
        ", ".join(replay.differing) or "-",
        _number(replay.score_error),
        _number(replay.tolerance),
        "-" if replay.best is None else _label(report, replay.best),
        _label(report, replay.expected),
    ]


def _label(report: Report, index: int) -> str:
    labels = report.classifier.card.labels
    return str(index) if labels is None else labels[index]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _judgment(report: Report, verdict: GoldenResult) -> Iterator[str]:
    runtime, n, first = report.classifier.runtime, len(verdict.images), verdict.first
    on = f"{n} golden images, {runtime.name} {runtime.version}"
    error = f"largest score error {_number(verdict.score_error)}"
    if not verdict.passed:
        assert first is not None
        yield f"FAIL: {on}, first difference at: {first} ({verdict.count(first)} of {n}), {error}"
        yield from _explanations(report)
        return
    yield f"PASS: {on}, {error}"
    if first is not None:
        yield f"note: the bytes of {verdict.count(first)} of {n} differ from export, first at: {first}; scores agree"


def _explanations(report: Report) -> Iterator[str]:
    """Every mismatch that reproduces the scores; five images may not distinguish two of them."""
    if not report.causes:
        yield "no known preprocessing mismatch reproduces the recorded scores; export again, or try another --runtime"
    for cause in report.causes:
        error = f"largest error {_number(cause.verdict.score_error)}"
        bytes_too = "" if cause.verdict.first else ", and every stage's bytes"
        yield (
            f"{cause.mismatch.how} the file gives the recorded scores ({error}){bytes_too}: the file and its card"
            f" disagree on {cause.mismatch.about}; export the model again"
        )


def _accuracies(trial: MismatchTrial) -> Iterator[list[str]]:
    yield ["as configured", _accuracy(trial.right, trial.n), "", "", ""]
    for one in sorted(trial.measured, key=lambda one: -one.right):
        yield [one.mismatch.name, _accuracy(one.right, one.n), str(one.gained), str(one.lost), _number(one.p)]


def _accuracy(right: int, n: int) -> str:
    return text.accuracy(right / n, evaluate.wilson(right, n), n)


def _conclusion(report: Report, trial: MismatchTrial) -> str:
    best = trial.named() or trial.suspected()
    if best is None:
        return "no known preprocessing mismatch gets significantly more of these images right"
    would, instead = (text.percent(right / trial.n, 1) for right in (best.right, trial.right))
    found = f"{best.mismatch.how} the accuracy would be {would} instead of {instead} (n {trial.n})"
    if trial.named() is None:
        return f"{found}, which may be chance with {len(trial.measured)} ways tried; give more images"
    fix = f"; {best.mismatch.fix}" if report.verdict is None else ""
    return f"{found}: {best.mismatch.cause}{fix}"


def document(report: Report) -> dict[str, Any]:
    """One result of a `--json` document. passed: null if there are no golden images."""
    classifier, verdict, trial = report.classifier, report.verdict, report.trial
    return {
        "file": classifier.path.name,
        "runtime": classifier.runtime.name,
        "runtime_version": classifier.runtime.version,
        "threads": classifier.threads,
        "passed": verdict.passed if verdict else None,
        "differs_first_at": verdict.first if verdict else None,
        "score_error": verdict.score_error if verdict else None,
        "golden": [_replay_document(replay, report) for replay in verdict.images] if verdict else [],
        "reproduced_by": [
            {"mismatch": cause.mismatch.name, "score_error": cause.verdict.score_error} for cause in report.causes
        ],
        "data": _trial_document(trial) if trial else None,
    }


def _replay_document(replay: Replay, report: Report) -> dict[str, Any]:
    return {
        "image": replay.image,
        "passed": replay.passed,
        "differing": list(replay.differing),
        "score_error": replay.score_error,
        "tolerance": replay.tolerance,
        "label": None if replay.best is None else _label(report, replay.best),
        "label_at_export": _label(report, replay.expected),
    }


def _trial_document(trial: MismatchTrial) -> dict[str, Any]:
    named = trial.named()
    return {
        "top1": trial.right / trial.n,
        "n": trial.n,
        "interval": list(evaluate.wilson(trial.right, trial.n)),
        "named": named.mismatch.name if named else None,
        "mismatches": [_measured_document(one) for one in trial.measured],
    }


def _measured_document(one: MismatchCounts) -> dict[str, Any]:
    return {
        "mismatch": one.mismatch.name,
        "top1": one.right / one.n,
        "interval": list(evaluate.wilson(one.right, one.n)),
        "gained": one.gained,
        "lost": one.lost,
        "p": one.p,
    }
