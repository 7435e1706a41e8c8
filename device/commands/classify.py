"""`device classify`: classifies images and folders of images with one model file, in order."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import command, files, text
from device.data import walk
from device.data.passed_over import PassedOver
from device.data.walk import Walk
from device.errors import ImageError, UserError
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.inference.prediction import Prediction, Ranked
from device.model.confidence import UNKNOWN


@dataclass(frozen=True)
class ClassifyRequest:
    """The options of the command line."""

    model: Path
    sources: tuple[Path, ...]
    overrides: Overrides
    top_k: int
    threads: int | None
    runtime: str | None
    json: str | None


@dataclass(frozen=True)
class ClassifiedImage:
    """The prediction for one image; `Unread` if there is none."""

    image: Path
    prediction: Prediction
    top_k: int

    @property
    def label(self) -> str:
        """The label to show: the best one, or `unknown`."""
        return UNKNOWN if self.prediction.is_unknown else self.prediction.label

    @property
    def top(self) -> list[Ranked]:
        return self.prediction.top(self.top_k)

    def to_json(self) -> dict[str, Any]:
        known = self.prediction.unknown_below is None
        return {
            "image": str(self.image),
            "top": [{"label": ranked.label, "score": ranked.score} for ranked in self.top],
            **({} if known else {"unknown": self.prediction.is_unknown}),
            "ms": {stage: round(value, 4) for stage, value in self.prediction.timings_ms.items()},
        }


@dataclass(frozen=True)
class Unread:
    """Why an image has no prediction."""

    error: str


def run(request: ClassifyRequest) -> int:
    """Classifies every image. Names broken ones, goes on, and exits with 2 at the end."""
    sources = list(request.sources)
    for source in sources:
        if not source.exists():
            raise UserError(f"{source}: there is no such image or folder; check the path")
    one_image = len(sources) == 1 and sources[0].is_file()
    classifier = Classifier(request.model, request.overrides, request.threads or 1, request.runtime)
    for note in classifier.notes:
        command.say(f"note: {note}")

    def work(own: Classifier, path: Path) -> ClassifiedImage | Unread:
        return _classify(own, path, request.top_k)

    paths = Paths(sources)
    if one_image:
        lines: Iterator[ClassifiedImage | Unread] = iter([work(classifier, sources[0])])
    else:
        lines = classifier.in_order(work, paths)
    with ExitStack() as stack:
        emit = _emitter(request, one_image, stack)
        classified, broken = _emit_all(lines, emit)
        if not classified + broken:
            seen = f"; passed over: {paths.passed_over.describe()}" if paths.passed_over else ""
            raise UserError(f"{sources[0]}: no images; {walk.EXPECTED}{seen}")
    if paths.passed_over:
        command.say(f"note: passed over: {paths.passed_over.describe()}")
    if broken and one_image:
        return command.USER_ERROR
    if broken:
        raise UserError(f"{broken} of {classified + broken} images could not be read; the others were classified")
    return command.GOOD


def _emit_all(lines: Iterator[ClassifiedImage | Unread], emit: Callable[[ClassifiedImage], None]) -> tuple[int, int]:
    """(images classified, images broken)"""
    classified = broken = 0
    for line in lines:
        if isinstance(line, ClassifiedImage):
            classified += 1
            emit(line)
        else:
            broken += 1
            command.say(f"error: {line.error}")
    return classified, broken


def _classify(classifier: Classifier, path: Path, top_k: int) -> ClassifiedImage | Unread:
    try:
        return ClassifiedImage(path, classifier(path), top_k)
    except ImageError as error:
        return Unread(str(error))


class Paths:
    """The given files, and every image in the given folders at any depth, in order of path. Iterate once."""

    def __init__(self, sources: Iterable[Path]) -> None:
        self._sources = sources
        self._walks: list[Walk] = []

    @property
    def passed_over(self) -> PassedOver:
        """What the walk has skipped so far."""
        return PassedOver.sum(one.passed_over for one in self._walks)

    def __iter__(self) -> Iterator[Path]:
        for source in self._sources:
            if source.is_dir():
                self._walks.append(Walk(source))
                yield from self._walks[-1]
            else:
                yield source


def _emitter(request: ClassifyRequest, one_image: bool, stack: ExitStack) -> Callable[[ClassifiedImage], None]:
    """Where predictions go: JSON lines to a file or stdout, or text on stdout."""
    if request.json and request.json != "-":
        temporary = stack.enter_context(files.replacing(Path(request.json)))
        file = stack.enter_context(temporary.open("w", encoding="utf-8", errors="backslashreplace"))
        return lambda line: print(json.dumps(line.to_json(), ensure_ascii=False), file=file)
    if request.json:
        flushes = not sys.stdout.isatty()
        return lambda line: print(text.visible(json.dumps(line.to_json(), ensure_ascii=False)), flush=flushes)
    if one_image:
        return lambda line: print(text.visible("\n".join(bars(line))))
    return lambda line: print(text.visible(f"{line.image}  {line.label}  {line.prediction.score:.3f}"))


def bars(line: ClassifiedImage) -> list[str]:
    """The top labels of one image with their scores as bars, and the time of each stage."""
    top = line.top
    widest = max(len(ranked.label) for ranked in top)
    rows = [
        f"{ranked.label:<{widest}}  {ranked.score:6.3f}  {'#' * round(30 * min(max(ranked.score, 0), 1))}".rstrip()
        for ranked in top
    ]
    stages = ", ".join(f"{stage} {text.milliseconds(ms)}" for stage, ms in line.prediction.timings_ms.items())
    return [*([UNKNOWN] if line.prediction.is_unknown else []), *rows, f"ms: {stages}"]
