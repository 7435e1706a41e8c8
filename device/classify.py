"""`device classify`: pictures and folders of pictures through one model file, answered in order."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from device import answers, board, command, files, pictures, text
from device.classifier import Answer, Classifier, Ranked
from device.confidence import UNKNOWN
from device.contract import Hints
from device.data import walk
from device.data.passed_over import PassedOver
from device.data.walk import Walk
from device.errors import UserError


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    model: Path
    sources: tuple[Path, ...]
    hints: Hints
    top_k: int
    threads: int | None
    runtime: str | None
    json: str | None


@dataclass(frozen=True)
class Line:
    """The answer for one picture, or why there is none.

    unknown: whether the best score is too low to be believed; None where the card has no threshold.
    """

    picture: Path
    top: list[Ranked]
    decode_ms: float
    answer: Answer | None
    error: str | None
    unknown: bool | None = None

    @property
    def label(self) -> str:
        """What is shown: the best label, or that it is unknown."""
        return UNKNOWN if self.unknown else self.top[0].label

    def to_json(self) -> dict[str, Any]:
        assert self.answer is not None
        ms = {
            "decode": self.decode_ms,
            "preprocess": self.answer.preprocess_ms,
            "invoke": self.answer.invoke_ms,
            "postprocess": self.answer.postprocess_ms,
        }
        unknown = {} if self.unknown is None else {"unknown": self.unknown}
        return {
            "picture": str(self.picture),
            "top": [{"label": ranked.label, "score": ranked.score} for ranked in self.top],
            **unknown,
            "ms": {stage: round(value, 4) for stage, value in ms.items()},
        }


def run(request: Request) -> int:
    """Answers every picture; a broken one is named and the others are answered all the same, then exit 2."""
    sources = list(request.sources)
    for source in sources:
        if not source.exists():
            raise UserError(f"{source}: there is no such picture or folder")
    one_picture = len(sources) == 1 and sources[0].is_file()
    classifier = _make(request)
    for note in classifier.notes:
        command.say(f"note: {note}")

    def work(own: Classifier, path: Path) -> Line:
        return _classify(own, path, request.top_k)

    paths = Paths(sources)
    if one_picture:
        lines: Iterator[Line] = iter([work(classifier, sources[0])])
    else:
        workers = max(1, board.usable_cores() // (request.threads or 1))
        lines = answers.in_order(work, paths, _first_then_new(classifier, request), workers)
    with ExitStack() as stack:
        emit = _emitter(request, one_picture, stack)
        answered, broken = _answer_all(lines, emit)
        if not answered + broken:
            seen = f"; passed over: {paths.passed_over.describe()}" if paths.passed_over else ""
            raise UserError(f"{sources[0]}: no pictures in it; {walk.EXPECTED}{seen}")
    if paths.passed_over:
        command.say(f"note: passed over: {paths.passed_over.describe()}")
    if broken and one_picture:
        return command.USER_ERROR
    if broken:
        raise UserError(f"{broken} of {answered + broken} pictures could not be read; the others were answered")
    return command.GOOD


def _answer_all(lines: Iterator[Line], emit: Callable[[Line], None]) -> tuple[int, int]:
    answered = broken = 0
    for line in lines:
        if line.error is None:
            answered += 1
            emit(line)
        else:
            broken += 1
            command.say(f"error: {line.error}")
    return answered, broken


def _make(request: Request) -> Classifier:
    return Classifier(request.model, request.hints, request.threads or 1, request.runtime)


def _first_then_new(first: Classifier, request: Request) -> Callable[[], Classifier]:
    """The classifier that was already loaded serves the first worker; the others load their own."""
    loaded = [first]

    def make() -> Classifier:
        try:
            return loaded.pop()
        except IndexError:
            return _make(request)

    return make


def _classify(classifier: Classifier, path: Path, top_k: int) -> Line:
    start = perf_counter()
    try:
        picture = pictures.read(path)
    except UserError as error:
        return Line(path, [], 0.0, None, str(error))
    decode_ms = 1e3 * (perf_counter() - start)
    answer = classifier.classify(picture)
    top, threshold = classifier.top(answer.scores, top_k), classifier.card.confidence.unknown_below
    unknown = None if threshold is None else top[0].score < threshold
    return Line(path, top, decode_ms, answer, None, unknown)


class Paths:
    """Files as they are named; of folders every image at any depth, in order of path. Iterate once."""

    def __init__(self, sources: Iterable[Path]) -> None:
        self._sources = sources
        self._walks: list[Walk] = []

    @property
    def passed_over(self) -> PassedOver:
        """What was no image in the folders that were walked so far."""
        return PassedOver.sum(one.passed_over for one in self._walks)

    def __iter__(self) -> Iterator[Path]:
        for source in self._sources:
            if source.is_dir():
                self._walks.append(Walk(source))
                yield from self._walks[-1]
            else:
                yield source


def _emitter(request: Request, one_picture: bool, stack: ExitStack) -> Callable[[Line], None]:
    """Where the answers go: JSON lines to a file or stdout, or text for people on stdout."""
    if request.json and request.json != "-":
        temporary = stack.enter_context(files.replacing(Path(request.json)))
        file = stack.enter_context(temporary.open("w", encoding="utf-8", errors="backslashreplace"))
        return lambda line: print(json.dumps(line.to_json(), ensure_ascii=False), file=file)
    if request.json:
        flushes = not sys.stdout.isatty()
        return lambda line: print(text.visible(json.dumps(line.to_json(), ensure_ascii=False)), flush=flushes)
    if one_picture:
        return lambda line: print(text.visible("\n".join(bars(line))))
    return lambda line: print(text.visible(f"{line.picture}  {line.label}  {line.top[0].score:.3f}"))


def bars(line: Line) -> list[str]:
    """The top labels of one picture with their scores as bars, and what each stage took."""
    assert line.answer is not None
    widest = max(len(ranked.label) for ranked in line.top)
    rows = [
        f"{ranked.label:<{widest}}  {ranked.score:6.3f}  {'#' * round(30 * min(max(ranked.score, 0), 1))}".rstrip()
        for ranked in line.top
    ]
    stages = (
        ("decode", line.decode_ms),
        ("preprocess", line.answer.preprocess_ms),
        ("invoke", line.answer.invoke_ms),
        ("postprocess", line.answer.postprocess_ms),
    )
    unknown = [UNKNOWN] if line.unknown else []
    return [*unknown, *rows, "ms: " + ", ".join(f"{stage} {text.milliseconds(value)}" for stage, value in stages)]
