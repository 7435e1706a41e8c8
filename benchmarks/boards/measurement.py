"""`benchmarks board`: latency of model files on another machine, over ssh. Nothing is written here until all is well.

What is needed is copied to ~/.cache/framelite/bench on the board, what is there already is not sent again; then it
checks its golden images and runs `python -m benchmarks latency` as one would there.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.boards import connection, environment, health, parcel
from benchmarks.boards.connection import Ran, SshAddress, SshConnection
from benchmarks.boards.parcel import Parcel
from benchmarks.documents import models, results
from benchmarks.documents.machine import BoardMachine
from benchmarks.documents.models import Model
from benchmarks.documents.results import Results
from device import command, files, text
from device.errors import UserError
from device.host.throttling import Throttling


@dataclass(frozen=True)
class BoardRequest:
    """What the command line asks for. options: of `benchmarks latency`, as they are passed on."""

    address: SshAddress
    models: list[Path]
    options: tuple[str, ...] = ()
    json: str | None = None


@dataclass(frozen=True)
class BoardOutcome:
    """What came back. wrong: the models whose golden images the board answers otherwise than export did."""

    document: Results
    health: health.Health
    wrong: tuple[str, ...]


def run(request: BoardRequest) -> int:
    """0, or 1 when the board's answers are not those of export."""
    found = models.find_whole(request.models)
    target = _target(request, found)
    files.check_target(target, "--json")
    with connection.connect(request.address) as board:
        outcome = measure(board, request, found)
    rows, interrupted = outcome.document.latency, outcome.document.interrupted
    if interrupted:
        target = request.json  # what a run folder holds is whole
    results.deliver(outcome.document, results.latency_lines(rows), target)
    name = request.address.name
    if target is None:
        command.say(f"note: {name}: kept nowhere; --json FILE keeps the result")
    elif target != "-":
        command.say(f"{name}: {target}")
    for line in health.lines(outcome.health, name):
        command.say(line)
    for wrong in outcome.wrong:
        command.say(f"WARNING: {name} doesn't answer as export did: {wrong}; ask there: python -m device check")
    if interrupted:
        raise KeyboardInterrupt
    results.require_all(rows, f"{name}: ")
    return command.FAILED if outcome.wrong else command.GOOD


def _target(request: BoardRequest, found: list[Model]) -> str | None:
    """Where the result goes: --json, else into the run folder whose models they are."""
    if request.json:
        return request.json
    runs = {model.run for model in found}
    run = runs.pop() if len(runs) == 1 else None
    if run is None:
        return None
    return str(run / "boards" / request.address.file)


def measure(board: SshConnection, request: BoardRequest, found: list[Model]) -> BoardOutcome:
    """Copies, prepares, checks, measures."""
    own = request.address.python is None
    requirements = parcel.requirements(board.described["bits"]) if own else None
    packed = parcel.pack(found, requirements)
    python = deliver(board, packed, requirements)
    environment.try_out(board, python)
    wrong = tuple(
        model.path.name for path, model in zip(packed.models, found, strict=True) if _wrong(board, python, path, model)
    )
    before = _healthy(board, python)
    command.say(f"{board.name}: measures {len(found)} file{'s' if len(found) > 1 else ''}")
    words = [python, "-m", "benchmarks", "latency", *packed.models, *request.options, "--json", "-"]
    ran = board.run(words, to_its_end=True)
    if ran.code == command.INTERRUPTED and not ran.output:
        raise KeyboardInterrupt
    document = whole(ran, board.name, found)
    judged = health.judge(before, _healthy(board, python), document.latency)
    machine = BoardMachine(**vars(document.machine), throttling=health.held_back(judged))
    return BoardOutcome(replace(document, machine=machine), judged, wrong)


def deliver(board: SshConnection, packed: Parcel, requirements: bytes | None) -> str:
    """Sends what is missing there and makes the environment if it is to be; the Python that measures."""
    hashes = packed.hashes()
    mark = {} if requirements is None else {environment.MARK: environment.mark(board, requirements)}
    hashes |= Parcel(mark, ()).hashes()
    missing = board.keep(hashes)
    sent = {path: packed.files[path] for path in missing if path in packed.files}
    if sent:
        command.say(f"{board.name}: sends {len(sent)} files, {text.size(sum(map(len, sent.values())))}")
        board.send(sent)
    if requirements is None:
        return str(board.described["python"])
    if environment.MARK in missing:
        environment.make(board, parcel.REQUIREMENTS)
        board.send(mark)
    return environment.python(board)


def _wrong(board: SshConnection, python: str, path: str, model: Model) -> bool:
    """Whether the golden images in the file have other answers there; a file without any can't be asked."""
    if model.card is None or not model.card.golden:
        return False
    ran = board.run([python, "-m", "device", "check", path])
    if ran.code not in (command.GOOD, command.FAILED):
        raise UserError(f"{board.name}: the check of {model.path.name} ended with {ran.code}; why stands above")
    return ran.code == command.FAILED


def _healthy(board: SshConnection, python: str) -> Throttling | None:
    ran = board.run([python, "-m", "benchmarks.boards.health"])
    return health.told(ran.output) if ran.code == 0 else None


def whole(ran: Ran, name: str, found: list[Model]) -> Results:
    """The result document, if it is one of these very files; UserError where it isn't whole.

    Where a file failed the command ends with 2, and still gives the others' results.
    """
    try:
        document = results.parse(ran.output, name)
    except UserError:
        document = None
    wanted = {model.sha256() for model in found}
    if document is None or document.latency != document.results or {row.sha256 for row in document.latency} != wanted:
        raise UserError(f"{name}: no whole result came back (the measurement ended with {ran.code}); why stands above")
    return document
