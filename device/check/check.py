"""`device check`: replays a file's golden images on this machine and compares every stage with export.

With labeled images it also checks that preprocessing matches training. The report: device/check/checked.py.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from device import command, files
from device.check import checked, mismatches
from device.check.checked import Cause, Report
from device.check.mismatches import MismatchTrial
from device.data import folders
from device.host import system
from device.inference import golden
from device.inference.classifier import Classifier
from device.inference.golden import GoldenResult
from device.inference.overrides import Overrides
from device.model import card as cards
from device.model import model_data, model_kinds


@dataclass(frozen=True)
class CheckRequest:
    """The options of the command line. data: a data set by name, or a folder of labeled images."""

    model: Path
    overrides: Overrides
    data: str | None
    threads: int
    runtime: str | None
    json: str | None


def run(request: CheckRequest) -> int:
    """Returns 0 if the golden images pass, 1 if they fail or the data show a mismatch, 3 if there are none."""
    report = examine(request)
    if report.verdict is None:
        begin = "can't tell" if report.code == command.INCONCLUSIVE else "note"
        more = "" if request.data else "; labeled images check the preprocessing: --data DIR"
        command.say(f"{begin}: {request.model}: no golden images in the file (export records them){more}")
    if request.json:
        document = {"schema": 1, "machine": vars(system.describe()), "results": [checked.document(report)]}
        files.deliver_json(document, request.json)
    else:
        command.show(checked.lines(report))
    return report.code


def examine(request: CheckRequest) -> Report:
    """Replays the golden images, looks for causes if they fail, and tries the labeled images."""
    classifier = _load(request)
    verdict = golden.replay(classifier) if classifier.card.golden else None
    causes = explain(classifier, verdict) if verdict and not verdict.passed else ()
    return Report(classifier, verdict, causes, _on_data(request, classifier))


def _load(request: CheckRequest) -> Classifier:
    """Without data a third-party file gets no images, so neither its scaling nor its labels must be known."""
    model_kinds.require_tflite(request.model)
    overrides = request.overrides
    fed = request.data is not None or cards.read(request.model) is not None
    if not fed and overrides.mean is None and overrides.std is None:
        overrides = replace(overrides, mean=0.0, std=1.0)
    classifier = Classifier(request.model, overrides, request.threads, request.runtime, request.data is not None)
    for note in classifier.notes if fed else ():
        command.say(f"note: {note}")
    return classifier


def explain(classifier: Classifier, verdict: GoldenResult) -> tuple[Cause, ...]:
    """The mismatches that reproduce the recorded scores: within the tolerance, and at most half the present error."""
    causes = []
    for mismatch in mismatches.classic(classifier.card.input):
        so = golden.replay(mismatch.applied(classifier), change=mismatch.relabeled)
        was, left = verdict.score_error, so.score_error
        if so.passed and left is not None and (was is None or left <= was / 2):
            causes.append(Cause(mismatch, so))
    return tuple(causes)


def _on_data(request: CheckRequest, classifier: Classifier) -> MismatchTrial | None:
    """Tries a sample of the labeled images with the card's preprocessing and with every mismatch."""
    if request.data is None:
        return None
    data = folders.labeled(request.data, model_data.of(classifier.card))

    def make() -> Classifier:
        return Classifier(request.model, request.overrides, request.threads, request.runtime)

    workers = max(1, system.usable_cores() // request.threads)
    return mismatches.on_data(make, mismatches.classic(classifier.card.input), data, workers)
