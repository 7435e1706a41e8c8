"""`benchmarks board`: measures latency of model files on another machine over ssh. Writes nothing here before the end.

Copies what is missing to ~/.cache/framelite/bench on the board, checks the golden images there, and runs `python -m
benchmarks latency`.
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
    """The options of the command line. options: of `benchmarks latency`, to pass on."""

    address: SshAddress
    models: list[Path]
    options: tuple[str, ...] = ()
    json: str | None = None


@dataclass(frozen=True)
class BoardOutcome:
    """The result. wrong: the models whose golden images fail on the board."""

    document: Results
    health: health.Health
    wrong: tuple[str, ...]


def run(request: BoardRequest) -> int:
    """Returns 0, or 1 if golden images fail on the board."""
    found = models.find_whole(request.models)
    target = _target(request, found)
    files.check_target(target, "--json")
    with connection.connect(request.address) as board:
        outcome = measure(board, request, found)
    rows, interrupted = outcome.document.latency, outcome.document.interrupted
    if interrupted:
        target = request.json  # a run folder only gets complete results
    results.deliver(outcome.document, results.latency_lines(rows), target)
    name = request.address.name
    if target is None:
        command.say(f"note: {name}: the result is not kept; --json FILE keeps it")
    elif target != "-":
        command.say(f"{name}: {target}")
    for line in health.lines(outcome.health, name):
        command.say(line)
    for wrong in outcome.wrong:
        command.say(f"WARNING: {name} doesn't predict what export did: {wrong}; run there: python -m device check")
    if interrupted:
        raise KeyboardInterrupt
    results.require_all(rows, f"{name}: ")
    return command.FAILED if outcome.wrong else command.GOOD


def _target(request: BoardRequest, found: list[Model]) -> str | None:
    """Where the result goes: --json, else the models' run folder."""
    if request.json:
        return request.json
    run = models.common_run(found)
    return str(run / "boards" / request.address.file) if run else None


def measure(board: SshConnection, request: BoardRequest, found: list[Model]) -> BoardOutcome:
    """Copies files, prepares the board, checks golden images, and measures."""
    own = request.address.python is None
    requirements = parcel.requirements(board.described["bits"]) if own else None
    packed = parcel.pack(found, requirements)
    python = deliver(board, packed, requirements)
    environment.try_out(board, python)
    wrong = tuple(
        model.path.name for path, model in zip(packed.models, found, strict=True) if _wrong(board, python, path, model)
    )
    before = _healthy(board, python)
    command.say(f"{board.name}: measuring {text.count(len(found), 'file')}")
    words = [python, "-m", "benchmarks", "latency", *packed.models, *request.options, "--json", "-"]
    ran = board.run(words, to_its_end=True)
    if ran.code == command.INTERRUPTED and not ran.output:
        raise KeyboardInterrupt
    document = whole(ran, board.name, found)
    judged = health.judge(before, _healthy(board, python), document.latency)
    machine = BoardMachine(**vars(document.machine), throttling=health.board_throttling(judged))
    return BoardOutcome(replace(document, machine=machine), judged, wrong)


def deliver(board: SshConnection, packed: Parcel, requirements: bytes | None) -> str:
    """Sends missing files and creates the environment if needed; returns the Python that measures."""
    hashes = packed.hashes()
    mark = {} if requirements is None else {environment.MARK: environment.mark(board, requirements)}
    hashes |= Parcel(mark, ()).hashes()
    missing = board.keep(hashes)
    sent = {path: packed.files[path] for path in missing if path in packed.files}
    if sent:
        command.say(f"{board.name}: sending {len(sent)} files, {text.size(sum(map(len, sent.values())))}")
        board.send(sent)
    if requirements is None:
        return str(board.described["python"])
    if environment.MARK in missing:
        environment.make(board, parcel.REQUIREMENTS)
        board.send(mark)
    return environment.python(board)


def _wrong(board: SshConnection, python: str, path: str, model: Model) -> bool:
    """Whether the file's golden images fail there; False if it has none."""
    if model.card is None or not model.card.golden:
        return False
    ran = board.run([python, "-m", "device", "check", path])
    if ran.code not in (command.GOOD, command.FAILED):
        raise UserError(f"{board.name}: the check of {model.path.name} ended with {ran.code}; see above")
    return ran.code == command.FAILED


def _healthy(board: SshConnection, python: str) -> Throttling | None:
    ran = board.run([python, "-m", "benchmarks.boards.health"])
    return health.parse(ran.output) if ran.code == 0 else None


def whole(ran: Ran, name: str, found: list[Model]) -> Results:
    """The result document, if it is complete and of these files; else UserError.

    If a file fails, the command ends with 2, but still prints the others' results.
    """
    try:
        document = results.parse(ran.output, name)
    except UserError:
        document = None
    expected = {model.sha256() for model in found}
    hashes = {row.sha256 for row in document.latency} if document else set()
    if document is None or document.latency != document.results or hashes != expected:
        raise UserError(f"{name}: no complete result (the measurement ended with {ran.code}); see above, and try again")
    return document
