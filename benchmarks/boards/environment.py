"""The Python that measures on a board: the user's, or an environment that is created there once and kept."""

from benchmarks.boards.connection import SshConnection
from device import command
from device.errors import UserError

FOLDER = "venv"
# Written last, with the requirements. If it is missing or differs, the environment is created again.
MARK = f"{FOLDER}/made-from.txt"
# The locked packages have wheels for these.
PYTHONS = ((3, 11), (3, 14))
# Imports everything that is needed, and prints what fails.
TRIAL = """
try:
    import cv2, numpy
    from device.inference import runtime
    runtime.find()
except Exception as error:
    print(error)
    raise SystemExit(1)
"""


def mark(board: SshConnection, requirements: bytes) -> bytes:
    """The mark's content, with the Python version: after an upgrade of Python the old environment is useless."""
    return f"# Python {'.'.join(map(str, board.python_version[:2]))}\n".encode() + requirements


def python(board: SshConnection) -> str:
    """The environment's Python."""
    return f"{board.described['place']}/{FOLDER}/bin/python"


def make(board: SshConnection, requirements: str) -> None:
    """Creates the environment from a file in the folder. UserError says what the board lacks; nothing incomplete
    stays."""
    _check(board)
    bits = board.described["bits"]
    command.say(f"{board.name}: creating an environment for the measurement, once; this takes some minutes")
    board.remove_environment()
    # On 32 bits, numpy and OpenCV are Debian's.
    system = ["--system-site-packages"] if bits == 32 else []
    install = [python(board), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    steps = (
        [board.described["python"], "-m", "venv", *system, FOLDER],
        [*install, "--only-binary", ":all:", "--require-hashes", "-r", requirements],
    )
    for step in steps:
        if board.run(step).code != 0:
            board.remove_environment()
            raise UserError(
                f"{board.name}: can't create the environment, see above; fix that, or give one that is ready with"
                " --python PATH"
            )


def _check(board: SshConnection) -> None:
    version = board.python_version
    if not PYTHONS[0] <= version < PYTHONS[1]:
        raise UserError(
            f"{board.name}: its python3 is Python {'.'.join(map(str, version))}, expected 3.11 to 3.13 for the locked"
            " packages; give another Python, or an environment of your own, with --python PATH"
        )
    if not board.described["can_make_environments"]:
        raise UserError(
            f"{board.name}: its python3 can't create environments; on the board: sudo apt install python3-venv"
        )


def try_out(board: SshConnection, python: str) -> None:
    """UserError if that Python can't import what is needed."""
    tried = board.run([python, "-c", TRIAL])
    if tried.code != 0:
        why = " ".join(tried.output.split())[:300] or f"it ended with {tried.code}"
        more = (
            "; on 32-bit systems: sudo apt install python3-numpy python3-opencv"
            if board.described["bits"] == 32
            else ""
        )
        raise UserError(f"{board.name}: {python} can't be used: {why}{more}")
