"""A real sshd on a port of the loopback, with keys, settings and a home of its own: the board of these tests.

Nothing of the user's is read or written: the client is given its own key, known hosts and no configuration, and what
the sshd starts has its home in the test's folder.
"""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from benchmarks.boards.connection import SshAddress
from tests import servers
from tests.conftest import ROOT

PACKAGES = "openssh-server"
QUICK = ("--seconds", "0.02", "--sustained", "0")


class Board:
    """The sshd, started. environment: more of what its programs find; wrapper: a command that starts the sshd."""

    def __init__(self, folder: Path, wrapper: tuple[str, ...] = (), **environment: str) -> None:
        self._folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.bench = self.home / ".cache/framelite/bench"
        for name in ("host_key", "key", "other_key"):
            self._make_key(name)
        self.port = servers.free_port()
        self.trust()
        self._write_settings({"HOME": str(self.home), **environment})
        if os.geteuid() == 0:  # Debian's start script makes it; sshd won't start without
            Path("/run/sshd").mkdir(exist_ok=True)
        command = [*wrapper, servers.program("sshd", PACKAGES), "-D", "-e", "-f", str(folder / "sshd_config")]
        self.log = (folder / "sshd.log").open("wb")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        servers.wait_for(self.port, self._process, (folder / "sshd.log").read_text)

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self.log.close()

    def trust(self, known: bool = True) -> None:
        """Whether the client knows the board's key."""
        kind, key, *_ = (self._folder / "host_key.pub").read_text().split()
        (self._folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n" if known else "")

    def words(self, key: str = "key") -> list[str]:
        """What `benchmarks board` needs to come here."""
        return ["--port", str(self.port), f"--ssh-options={shlex.join(self._options(key))}"]

    def address(self) -> SshAddress:
        return SshAddress("127.0.0.1", self.port, tuple(self._options("key")))

    def _options(self, key: str) -> list[str]:
        """BatchMode: asked for a password, ssh would wait at the terminal of the tests."""
        options = ["-F", "none", "-i", str(self._folder / key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
        options += ["-o", f"UserKnownHostsFile={shlex.quote(str(self._folder / 'known_hosts'))}"]
        return [*options, "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes"]

    def processes(self) -> list[int]:
        """What runs on the board now, by the home it has."""
        mark, found = f"HOME={self.home}\0".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # ended meanwhile, or somebody else's
                continue
        return found

    def lose(self) -> None:
        """Ends the processes that serve the connection under way (two, where the user isn't root)."""
        for pid in _children(self._process.pid):
            for each in (*_children(pid), pid):
                if program_of(each).startswith("sshd"):
                    os.kill(each, signal.SIGKILL)

    def _make_key(self, name: str) -> None:
        path = str(self._folder / name)
        subprocess.run(
            [servers.program("ssh-keygen", PACKAGES), "-q", "-t", "ed25519", "-N", "", "-f", path], check=True
        )

    def _write_settings(self, environment: dict[str, str]) -> None:
        assert not any('"' in value for value in environment.values())
        lines = [
            f"ListenAddress 127.0.0.1:{self.port}",
            f'HostKey "{self._folder / "host_key"}"',
            f'AuthorizedKeysFile "{self._folder / "key.pub"}"',
            "SetEnv " + " ".join(f'"{name}={value}"' for name, value in environment.items()),
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "StrictModes no",
            "PidFile none",
            "UsePAM no",
        ]
        (self._folder / "sshd_config").write_text("\n".join(lines) + "\n")


def ready_python(board: Board) -> list[str]:
    """The tests' own environment, as one that a user has ready on the board."""
    return [*board.words(), "--python", sys.executable]


def python3(folder: Path) -> str:
    """A PATH on which python3 is the one that the tests' environment was made with."""
    folder.mkdir()
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\nexec "{Path(sys.base_prefix) / "bin" / "python3"}" "$@"\n')
    path.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def packages() -> str:
    """Where the tests' environment keeps its packages."""
    return str(next((Path(sys.prefix) / "lib").glob("python3.*/site-packages")))


def start(board: Board, folder: Path, *words: object) -> "subprocess.Popen[str]":
    """`benchmarks board` under way, with the signals of a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "board", "127.0.0.1", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,  # so that Ctrl-C can be sent to it and its ssh, as a terminal does
    )


def program_of(process: int) -> str:
    """Its name; none when it has ended meanwhile."""
    try:
        return Path(f"/proc/{process}/comm").read_text().rstrip()
    except OSError:
        return ""


def _children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
