"""The command `select`: finds the fastest file and number of threads on this board, within a drop of accuracy."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from device import command, files, text
from device.commands import options
from device.errors import UserError

if TYPE_CHECKING:
    from benchmarks.documents.models import Model
    from benchmarks.documents.rows import LatencyRow
    from benchmarks.gate.drop import Right
    from device.evaluation.evaluate import TopOne


def add_select(select: argparse.ArgumentParser) -> None:
    select.add_argument("models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder")
    select.add_argument(
        "--max-drop", type=options.percent, default=0.01, metavar="POINTS", help="below the most accurate (default 1)"
    )
    select.add_argument("--data", metavar="NAME|DIR", help="labeled images (default: the cards' accuracies)")
    select.add_argument("--seconds", type=float, default=2.0, metavar="S", help="for each case, at most (default 2)")
    select.add_argument(
        "-o", "--into", type=Path, metavar="FILE", help="for live --auto (default: selection.json in the run folder)"
    )
    select.add_argument("--json", metavar="FILE|-", help="the measurements and the choice; - for stdout")
    options.add_runtime(select)
    options.add_overrides(select, "for third-party files, which have no card, with --data")


def select(given: argparse.Namespace) -> int:
    options.check_seconds("--seconds", given.seconds)
    files.check_target(given.json, "--json")
    from benchmarks.documents import models, results
    from benchmarks.measure import latency
    from benchmarks.select import choose
    from device.host import system
    from device.inference import runtime
    from device.live import selection

    found = models.find_whole(given.models)
    for into in [given.into] if given.into else [model.run / selection.NAME for model in found if model.run]:
        files.check_target(into, "--into")
    if not given.data:
        _check_comparable(found)
    engine = latency.Engine(runtime=runtime.find(given.runtime).name)
    overrides = options.overrides(given)
    accuracies = _accuracies(found, given) if given.data else FileAccuracies({}, None)
    measured = latency.measure(
        found, given.seconds, system.thread_counts(system.usable_cores()), [engine], size=overrides.size
    )
    choice = choose.choose([accuracies.apply(row) for row in measured.rows], given.max_drop, accuracies.right)
    chosen = {name: getattr(choice.chosen, name) for name in ("file", "sha256", "threads", "runtime")}
    judged = {"max_drop": given.max_drop, "paired": choice.losses.paired, "flattery": choice.losses.flattery}
    document = results.of(choose.selected_rows(choice), measured.interrupted)
    results.deliver(document, choose.lines(choice), given.json, chosen=chosen, judged=judged)
    if measured.interrupted:
        raise KeyboardInterrupt
    model = next(model for model in found if model.sha256() == choice.chosen.sha256)
    into = given.into or (model.run / selection.NAME if model.run else None)
    if into:
        choose.keep(into, model.path, choice)
        message = f"{into}: for python -m device live --auto {into}"
        command.say(message) if given.json == "-" else command.show([message])
    return command.GOOD


@dataclass(frozen=True)
class FileAccuracy:
    """A file's accuracy on the images of a split."""

    found: "TopOne"
    split: str


@dataclass(frozen=True)
class FileAccuracies:
    """Each file's accuracy, or why it is unknown, and its correct predictions. By SHA-256."""

    known: "Mapping[str, FileAccuracy | str]"
    right: "dict[str, Right] | None"

    def apply(self, row: "LatencyRow") -> "LatencyRow":
        """The row with this accuracy instead of the card's."""
        known = self.known.get(row.sha256)
        if row.error or known is None:
            return row
        if isinstance(known, str):
            return replace(row, top1=None, error=known)
        found = known.found
        return replace(row, top1=found.top1, accuracy_n=found.n, interval=found.interval, accuracy_split=known.split)


def _accuracies(found: Sequence["Model"], given: argparse.Namespace) -> FileAccuracies:
    """Measures all files on the same images. UserError if none works."""
    from benchmarks.measure import accuracy
    from device.evaluation import evaluate

    known: dict[str, FileAccuracy | str] = {}
    right: dict[str, Right] = {}
    failures: list[UserError] = []
    for model in found:
        name = model.sha256()
        try:
            got = accuracy.score(model, given.data, options.overrides(given), 1, given.runtime)
        except UserError as error:
            failures.append(error)
            known[name] = str(error).removeprefix(f"{model.path}: ")
            continue
        right[name] = got.right()
        known[name] = FileAccuracy(evaluate.accuracy(got.scores, got.images.targets), got.images.split)
    if len(failures) == len(found):
        raise failures[0]
    return FileAccuracies(known, right)


def _check_comparable(found: Sequence["Model"]) -> None:
    """UserError for models with different labels; a note if their accuracies are on different images."""
    from device.model import model_data

    known = [(model.path, model.card.labels, model.card) for model in found if model.card and model.card.labels]
    for path, labels, _ in known[1:]:
        first, expected, _ = known[0]
        if sorted(labels) != sorted(expected):  # a name that stands twice counts twice
            raise UserError(
                f"{first} and {path} have different labels ({text.some(expected)}; {text.some(labels)}), so their"
                " accuracies can't be compared; give files for one task"
            )
    if len({model_data.of(card).fingerprint for _, _, card in known}) > 1:
        command.say("note: these files' accuracies are on different images; --data measures all on the same")
