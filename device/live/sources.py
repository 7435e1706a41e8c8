"""What `--source` means: a camera, a video, pictures, a stream or the test pattern."""

import os
from dataclasses import dataclass
from pathlib import Path

from device import addresses, files
from device.data import walk
from device.errors import UserError
from device.live.frames import Source
from device.pictures import Size

# Where a source may stand that has a password: what is on the command line, everybody on the machine can read.
VARIABLE = "FRAMELITE_SOURCE"
MAX_LENGTH = 4096
CAMERA = "0"
KINDS = "a camera (0, /dev/video0, picamera2), a video, a picture or a folder of them, http://…, rtsp://…, or test"


@dataclass(frozen=True)
class Wishes:
    """How the frames are wanted.

    target: the network's size. capture: (width, height) that a camera is asked for. reduced: JPEGs of a stream are
    decoded at a part of their size where that is enough. loop, realtime: for files. stall_if_still: for cameras, how
    many seconds of one image mean that it hangs; None: none do.
    """

    target: Size
    capture: tuple[int, int] | None = None
    reduced: bool = False
    loop: bool = False
    realtime: bool = False
    stall_if_still: float | None = None


def given(text: str | None, file: Path | None) -> str:
    """What `--source` says, else the one line of `--source-file`, else FRAMELITE_SOURCE, else the first camera.

    UserError for both options, and for a file or a variable that holds no source; what came is not repeated, since it
    may be a secret that was meant for something else.
    """
    if text is not None and file is not None:
        raise UserError("--source and --source-file were given; leave one of them out")
    if text is not None:
        return text
    if file is None:
        found = os.environ.get(VARIABLE)
        return CAMERA if found is None else _checked(found, VARIABLE)
    try:
        return _checked(files.read_start(file, MAX_LENGTH + 1), f"--source-file {file}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        expected = "expected a text file, its one line the source"
        raise UserError(f"--source-file {file} can't be read ({reason}); {expected}") from None


def _checked(text: str, origin: str) -> str:
    text = text.strip()
    if text.isprintable() and 0 < len(text) <= MAX_LENGTH:
        names = text in ("test", "picamera2") or text.isdigit() or text.startswith("/dev/")
        if names or addresses.is_address(text) or any(sign in text for sign in "*?[") or Path(text).exists():
            return text
    raise UserError(f"{origin}: what stands there is no source; expected one line, {KINDS}")


def find(text: str, wishes: Wishes) -> Source:
    """The source that `text` names, not opened yet; UserError where it can be none, or a wish doesn't fit it."""
    kind, source = _find(text, wishes)
    files = kind in ("video", "pictures")
    for option, given, fits in (
        ("--loop", wishes.loop, files),
        ("--realtime", wishes.realtime, kind == "video"),
        ("--capture", wishes.capture, kind in ("camera", "picamera2")),
        ("--decode auto", wishes.reduced, kind in ("camera", "http")),
        ("--stall-if-still", wishes.stall_if_still, source.is_live),
    ):
        if given and not fits:
            raise UserError(
                f"{option} was given, but --source {addresses.shown(text)} is of another kind; leave it out"
            )
    source.stall_if_still = wishes.stall_if_still
    return source


def _find(text: str, wishes: Wishes) -> tuple[str, Source]:
    """The modules are imported here, so that a missing camera library is nobody's trouble but its user's."""
    if text.startswith("/dev/") and not text.isprintable():  # what is no UTF-8 would end the process in OpenCV
        raise UserError(f"--source {text}: there is no camera of such a name; expected {KINDS}")
    if text == "test":
        from device.live.pattern import Pattern

        return "test", Pattern()
    if text.isdigit() or text.startswith("/dev/"):
        from device.live.cameras import Camera

        return "camera", Camera(text, wishes.target, wishes.capture, wishes.reduced)
    if text == "picamera2":
        from device.live.picamera import PiCamera

        return text, PiCamera(wishes.target, wishes.capture)
    if addresses.is_address(text):
        return _find_stream(text, wishes)
    return _find_file(text, wishes)


def _find_stream(text: str, wishes: Wishes) -> tuple[str, Source]:
    address = addresses.parse(text, "--source ")
    if address.scheme in ("http", "https"):
        from device.live.mjpeg import Mjpeg

        return "http", Mjpeg(text, wishes.target if wishes.reduced else None)
    if address.scheme in ("rtsp", "rtsps"):
        from device.live.cameras import Rtsp

        return "rtsp", Rtsp(text)
    known = ", ".join(f"{scheme}://" for scheme in addresses.PORTS)
    raise UserError(f"--source {address.shown}: {address.scheme}:// can't be read; expected one of {known}")


def _find_file(text: str, wishes: Wishes) -> tuple[str, Source]:
    from device.live.stored import Film, Pictures

    path = Path(text)
    if not text.strip():
        raise UserError(f"--source is empty, expected {KINDS}")
    if path.is_file() and not walk.is_image(path):
        return "video", Film(path, wishes.loop, wishes.realtime)
    if not path.exists() and addresses.lacks_scheme(text):
        raise UserError(f"--source: there is no such file, and an address lacks its scheme; expected {KINDS}")
    if path.exists() or any(sign in text for sign in "*?["):
        return "pictures", Pictures(text, wishes.loop)
    raise UserError(f"--source {text}: there is no such file or folder; expected {KINDS}")
