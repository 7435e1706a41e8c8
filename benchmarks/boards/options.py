"""The command line of `benchmarks board`; options after `--` are passed on to `benchmarks latency`."""

import argparse
import shlex
from pathlib import Path

from device.commands import options
from device.errors import UserError


def add(board: argparse.ArgumentParser) -> None:
    board.epilog = "Options of `benchmarks latency` follow behind --, as in: -- --threads 1,4 --sustained 300"
    board.add_argument("host", metavar="USER@HOST", help="as for ssh; ~/.ssh/config applies")
    board.add_argument("models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder")
    board.add_argument("--port", type=options.whole_number(1, 65535), metavar="N", help="the port of its sshd")
    board.add_argument(
        "--ssh-options",
        type=_words,
        default=(),
        metavar="WORDS",
        help="more options of ssh, as in --ssh-options='-i KEY'",
    )
    board.add_argument(
        "--python", metavar="PATH", help="a Python on the board with all packages (default: one is created there)"
    )
    board.add_argument(
        "--json", metavar="FILE|-", help="the result document (default RUN/boards/HOST.json); - for stdout"
    )


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """The command line before and after --; other commands are not split."""
    if words[:1] != ["board"] or "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def run(given: argparse.Namespace, passed_on: list[str], latency: argparse.ArgumentParser) -> int:
    """latency: the parser of the board's own command line, to refuse wrong options here already."""
    read = latency.parse_args(["latency", "MODEL", *passed_on])
    if len(read.models) > 1 or read.json or read.keep:
        raise UserError(
            f"{shlex.join(passed_on)}: expected only options of `benchmarks latency` after --, without --json and"
            " --keep; give models before it"
        )
    options.check_seconds("--seconds", read.seconds)
    if read.sustained:
        options.check_seconds("--sustained", read.sustained)
    from benchmarks.boards import measurement
    from benchmarks.boards.connection import SshAddress

    address = SshAddress(given.host, given.port, given.ssh_options, given.python)
    return measurement.run(measurement.BoardRequest(address, given.models, tuple(passed_on), given.json))


def _words(text: str) -> tuple[str, ...]:
    """A `type` for argparse: splits words as a shell would."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} can't be split into words: {error}") from None
