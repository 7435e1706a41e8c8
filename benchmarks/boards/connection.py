"""One ssh connection to a board, and the program at its other end (benchmarks/boards/agent.py).

The user's own OpenSSH makes it: ~/.ssh/config applies, and ssh asks for a password or a new host's key itself. All goes
through this one connection, so it asks once. Nothing of the user's is put into a command line for the board's shell but
the path of a Python, quoted; everything else is data.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.boards import agent
from device import command
from device.errors import UserError

MARK = "framelite-board"
LEAST_PYTHON = (3, 11)
# Says which Python it is, before anything that an old one couldn't read; then runs what comes after its length.
BOOTSTRAP = (
    f'import sys; print("{MARK} %d.%d.%d" % sys.version_info[:3], flush=True);'
    " exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"
)
# After the user's options: of two settings ssh takes the first. A board that vanished is noticed within a minute.
OPTIONS = ("-T", "-o", "RemoteCommand=none", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
# What user@host, an alias, an IPv6 address and ssh://user@host:port are made of; no shell's sign among them, since the
# user's own ProxyCommand may hand the name to one.
HOST = re.compile(r"[\w.@:%+/\[\]][\w.@:%+/\[\]-]*")
PATIENCE_S = 10


@dataclass(frozen=True)
class SshAddress:
    """Whom to connect to: what ssh is given. python: of an environment that is there; None makes one."""

    host: str
    port: int | None = None
    options: tuple[str, ...] = ()
    python: str | None = None

    def __post_init__(self) -> None:
        if not HOST.fullmatch(self.host):
            raise UserError(f"{self.host!r} can't be a board's address, expected user@host, or a name of ~/.ssh/config")
        if self.python is not None and (not self.python or self.python.startswith("-")):
            raise UserError(f"--python is {self.python!r}, expected the path of a Python on the board")

    @property
    def name(self) -> str:
        """The host alone, as a file can be called."""
        host = self.host.removeprefix("ssh://").rpartition("@")[2]
        return re.sub(r"[^\w.-]", "_", host).strip(".") or "board"

    @property
    def file(self) -> str:
        """Of its results. With the port where one is given: behind one router there may be two boards."""
        return f"{self.name}.json" if self.port is None else f"{self.name}_{self.port}.json"

    def words(self) -> list[str]:
        """ssh's command line."""
        port = [] if self.port is None else ["-p", str(self.port)]
        return ["ssh", *port, *self.options, *OPTIONS, "--", self.host, f"exec {self._program()} -c '{BOOTSTRAP}'"]

    def _program(self) -> str:
        """For the board's shell; a path from its home is the one thing that it may still read something into."""
        python = self.python or "python3"
        return f"~/{shlex.quote(python[2:])}" if python.startswith("~/") else shlex.quote(python)


@dataclass(frozen=True)
class Ran:
    """How a command on the board ended, and what it wrote on stdout."""

    code: int
    output: str


class SshConnection:
    """What may be asked of the board. UserError when it refuses, and when the connection is lost."""

    def __init__(self, address: SshAddress, process: "subprocess.Popen[bytes]") -> None:
        self.name = address.host
        self._address, self._process = address, process
        self.python_version = self._hello()
        source = Path(agent.__file__).read_bytes()
        self._write(b"%d\n" % len(source) + source)
        self.described = self._answer()

    def keep(self, files: dict[str, str]) -> list[str]:
        """The folder there shall hold these files, path to SHA-256, and no others: which of them are missing."""
        return list(self._ask({"do": "keep", "files": files})["missing"])

    def send(self, files: dict[str, bytes]) -> None:
        """Files by their path in the folder."""
        sizes = [(path, len(content)) for path, content in files.items()]
        self._ask({"do": "take", "files": sizes}, *files.values())

    def run(self, words: list[str], to_its_end: bool = False) -> Ran:
        """A command in the folder; no shell there reads it. Its stderr appears on ours as it comes.

        to_its_end: Ctrl-C is passed on to it, and what it says then is given back. A second one doesn't wait for that.
        """
        request = {"do": "run", "words": words}
        try:
            said = self._ask(request)
        except KeyboardInterrupt:
            if not to_its_end:
                raise
            self._write(b"\n")
            said = self._answer()
        return Ran(said["code"], said["output"])

    def remove_environment(self) -> None:
        self._ask({"do": "remove"})

    def _hello(self) -> tuple[int, ...]:
        """Which Python answers; what a shell's start-up files print before it is passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK.encode()):
                version = tuple(int(number) for number in line.split()[1].split(b"."))
                if version >= LEAST_PYTHON:
                    return version
                raise UserError(self._too_old(version))
        raise UserError(self._silent(_end(self._process)))

    def _too_old(self, version: tuple[int, ...]) -> str:
        which = self._address.python or "python3"
        return (
            f"{self.name}: {which} there is Python {'.'.join(map(str, version))}, expected"
            f" {'.'.join(map(str, LEAST_PYTHON))} or later; name a later one with --python"
        )

    def _silent(self, code: int) -> str:
        """Why no Python answered: 255 is ssh's own end, 127 and 126 a shell's that finds or may run no such program."""
        which = self._address.python or "python3"
        if code == 255:
            return f"{self.name}: no connection; what ssh says of it stands above"
        if code in (126, 127):
            return f"{self.name}: no {which} can be run there; install one, or name another with --python"
        return f"{self.name}: {which} didn't start there (exit code {code}); try: ssh {self.name} {which} --version"

    def _ask(self, request: dict[str, Any], *contents: bytes) -> dict[str, Any]:
        self._write(json.dumps(request).encode() + b"\n", *contents)
        return self._answer()

    def _write(self, *contents: bytes) -> None:
        assert self._process.stdin is not None
        # Why nobody takes it any more is in the last answer, or in that there is none.
        with suppress(BrokenPipeError):
            for content in contents:
                self._process.stdin.write(content)
            self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise UserError(f"{self.name}: the connection was lost (ssh ended with {_end(self._process)}); try again")
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            raise UserError(f"{self.name}: an answer came in pieces; try again") from None
        if "error" in said:
            raise UserError(f"{self.name}: {_refused(said)}")
        return said


def _refused(said: dict[str, Any]) -> str:
    if said["error"] == "busy":
        return "another measurement is under way on this board; two at once would spoil each other's figures"
    return f"{said['path'] or 'its cache'}: {command.MENDABLE.get(said['errno'], said['error'])}"


def _ssh(address: SshAddress) -> "subprocess.Popen[bytes]":
    """A terminal sends Ctrl-C to ssh as well, which would end the connection before the board could answer: ssh is
    started with it ignored, as it inherits that.
    """
    heard = subprocess.DEVNULL if sys.stderr is None else sys.stderr
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(address.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=heard)
    except FileNotFoundError:
        raise UserError("there is no ssh on this machine; on Debian: apt install openssh-client") from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def connect(address: SshAddress) -> Iterator[SshConnection]:
    """The connection, ended with the block; what still runs on the board ends with it."""
    process = _ssh(address)
    try:
        try:
            connection = SshConnection(address, process)
        except KeyboardInterrupt:  # while it asks for a password, say
            process.terminate()
            raise
        yield connection
    finally:
        _end(process)
        assert process.stdout is not None
        process.stdout.close()


def _end(process: "subprocess.Popen[bytes]") -> int:
    """The end of ssh's stdin tells the board to stop; ssh ends when it has, with the code that is given back."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
