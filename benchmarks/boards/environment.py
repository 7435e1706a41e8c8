"""The Python that measures on a board: one that the user names, or an environment made there once and kept."""

from benchmarks.boards.connection import SshConnection
from device import command
from device.errors import UserError

FOLDER = "venv"
# Written last: what the environment was made from. Where it is missing or says otherwise, it is made anew.
MARK = f"{FOLDER}/made-from.txt"
# The locked packages have wheels for these.
PYTHONS = ((3, 11), (3, 14))
# Whether all that is needed can be imported; what can't is said.
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
    """After an upgrade of the board's Python its old environment can import nothing."""
    return f"# Python {'.'.join(map(str, board.python_version[:2]))}\n".encode() + requirements


def python(board: SshConnection) -> str:
    """The one in the folder there."""
    return f"{board.described['place']}/{FOLDER}/bin/python"


def make(board: SshConnection, requirements: str) -> None:
    """Makes it from a file in the folder. UserError says what the board lacks; nothing half-made stays."""
    _check(board)
    bits = board.described["bits"]
    command.say(f"{board.name}: makes an environment for the measurement, once; this takes some minutes")
    board.remove_environment()
    # 32-bit programs: numpy and OpenCV are Debian's.
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
                f"{board.name}: the environment couldn't be made; why stands above. One that is ready can be named"
                " with --python PATH"
            )


def _check(board: SshConnection) -> None:
    version = board.python_version
    if not PYTHONS[0] <= version < PYTHONS[1]:
        raise UserError(
            f"{board.name}: python3 there is Python {'.'.join(map(str, version))}, and the locked packages are for 3.11"
            " to 3.13; name another Python, or an environment of your own, with --python PATH"
        )
    if not board.described["can_make_environments"]:
        raise UserError(
            f"{board.name}: python3 there can't make environments; on the board: sudo apt install python3-venv"
        )


def try_out(board: SshConnection, python: str) -> None:
    """UserError where that Python can't import what is needed."""
    tried = board.run([python, "-c", TRIAL])
    if tried.code != 0:
        said = " ".join(tried.output.split())[:300] or f"it ended with {tried.code}"
        more = (
            "; for 32-bit systems numpy and OpenCV are Debian's: sudo apt install python3-numpy python3-opencv"
            if board.described["bits"] == 32
            else ""
        )
        raise UserError(f"{board.name}: {python} lacks what is needed: {said}{more}")
