"""One ssh connection to a board, and the program on its other side (benchmarks/boards/agent.py).

Uses the user's own OpenSSH: ~/.ssh/config applies, and ssh itself asks for a password or about a new host's key.
Everything goes through this one connection, so it asks once. Of the user's input, only the quoted path of a Python is
part of a command line for the board's shell; everything else is data.
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
# Prints the version first, because an old Python can't parse the rest; then runs the program that follows its length.
BOOTSTRAP = (
    f'import sys; print("{MARK} %d.%d.%d" % sys.version_info[:3], flush=True);'
    " exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"
)
# After the user's options, because ssh uses the first of two settings. A vanished board is noticed within a minute.
OPTIONS = ("-T", "-o", "RemoteCommand=none", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
# Characters of user@host, an alias, an IPv6 address and ssh://user@host:port; no shell metacharacters, because the
# user's ProxyCommand may pass the name to a shell.
HOST = re.compile(r"[\w.@:%+/\[\]][\w.@:%+/\[\]-]*")
PATIENCE_S = 10


@dataclass(frozen=True)
class SshAddress:
    """The destination for ssh. python: of an existing environment on the board; None: create one."""

    host: str
    port: int | None = None
    options: tuple[str, ...] = ()
    python: str | None = None

    def __post_init__(self) -> None:
        if not HOST.fullmatch(self.host):
            raise UserError(f"{self.host!r} is not a board's address, expected user@host, or a name in ~/.ssh/config")
        if self.python is not None and (not self.python or self.python.startswith("-")):
            raise UserError(f"--python is {self.python!r}, expected the path of a Python on the board")

    @property
    def name(self) -> str:
        """The host only, as a file name."""
        host = self.host.removeprefix("ssh://").rpartition("@")[2]
        return re.sub(r"[^\w.-]", "_", host).strip(".") or "board"

    @property
    def file(self) -> str:
        """The file name of its results, with the port if given: one router may have two boards behind it."""
        return f"{self.name}.json" if self.port is None else f"{self.name}_{self.port}.json"

    def words(self) -> list[str]:
        """ssh's command line."""
        port = [] if self.port is None else ["-p", str(self.port)]
        return ["ssh", *port, *self.options, *OPTIONS, "--", self.host, f"exec {self._program()} -c '{BOOTSTRAP}'"]

    def _program(self) -> str:
        """The Python for the board's shell, quoted except for ~/."""
        python = self.python or "python3"
        return f"~/{shlex.quote(python[2:])}" if python.startswith("~/") else shlex.quote(python)


@dataclass(frozen=True)
class Ran:
    """A finished command on the board: its exit code and its stdout."""

    code: int
    output: str


class SshConnection:
    """Requests to the board. UserError if it refuses, or if the connection is lost."""

    def __init__(self, address: SshAddress, process: "subprocess.Popen[bytes]") -> None:
        self.name = address.host
        self._address, self._process = address, process
        self.python_version = self._hello()
        source = Path(agent.__file__).read_bytes()
        self._write(b"%d\n" % len(source) + source)
        self.described = self._response()

    def keep(self, files: dict[str, str]) -> list[str]:
        """Keeps only these files (path to SHA-256) in the folder there; returns which are missing."""
        return list(self._ask({"do": "keep", "files": files})["missing"])

    def send(self, files: dict[str, bytes]) -> None:
        """Sends files, by their paths in the folder."""
        sizes = [(path, len(content)) for path, content in files.items()]
        self._ask({"do": "take", "files": sizes}, *files.values())

    def run(self, words: list[str], to_its_end: bool = False) -> Ran:
        """Runs a command in the folder, without a shell. Its stderr appears on ours.

        to_its_end: passes Ctrl-C on to it, and returns its output. A second Ctrl-C doesn't wait for that.
        """
        request = {"do": "run", "words": words}
        try:
            response = self._ask(request)
        except KeyboardInterrupt:
            if not to_its_end:
                raise
            self._write(b"\n")
            response = self._response()
        return Ran(response["code"], response["output"])

    def remove_environment(self) -> None:
        self._ask({"do": "remove"})

    def _hello(self) -> tuple[int, ...]:
        """The version of Python there; skips output of the shell's startup files."""
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
            f"{self.name}: its {which} is Python {'.'.join(map(str, version))}, expected"
            f" {'.'.join(map(str, LEAST_PYTHON))} or later; give a later one with --python"
        )

    def _silent(self, code: int) -> str:
        """Why no Python responded: ssh itself ends with 255, a shell with 127 or 126 if it can't find or run the
        program."""
        which = self._address.python or "python3"
        if code == 255:
            return f"{self.name}: no connection; see ssh's message above"
        if code in (126, 127):
            return f"{self.name}: can't run {which} there; install it, or give another with --python"
        return f"{self.name}: {which} didn't start there (exit code {code}); try: ssh {self.name} {which} --version"

    def _ask(self, request: dict[str, Any], *contents: bytes) -> dict[str, Any]:
        self._write(json.dumps(request).encode() + b"\n", *contents)
        return self._response()

    def _write(self, *contents: bytes) -> None:
        assert self._process.stdin is not None
        # The reason for a closed pipe is in the last response, or is that there is none.
        with suppress(BrokenPipeError):
            for content in contents:
                self._process.stdin.write(content)
            self._process.stdin.flush()

    def _response(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise UserError(f"{self.name}: the connection was lost (ssh ended with {_end(self._process)}); try again")
        try:
            response: dict[str, Any] = json.loads(line)
        except ValueError:
            raise UserError(f"{self.name}: a response was damaged; try again") from None
        if "error" in response:
            raise UserError(f"{self.name}: {_refused(response)}")
        return response


def _refused(response: dict[str, Any]) -> str:
    if response["error"] == "busy":
        return "another measurement is running on this board, and two would disturb each other; wait for its end"
    return f"{response['path'] or 'its cache'}: {command.FIXABLE.get(response['errno'], response['error'])}"


def _ssh(address: SshAddress) -> "subprocess.Popen[bytes]":
    """Starts ssh with SIGINT ignored: a terminal sends Ctrl-C to ssh too, which would end the connection before the
    board could respond.
    """
    stderr = subprocess.DEVNULL if sys.stderr is None else sys.stderr
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(address.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
    except FileNotFoundError:
        raise UserError("there is no ssh on this machine; on Debian: apt install openssh-client") from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def connect(address: SshAddress) -> Iterator[SshConnection]:
    """A connection that closes with the block, and ends whatever still runs on the board."""
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
    """Closes ssh's stdin, which stops the board's program, and waits for ssh; returns its exit code."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
