"""The kinds of sources, one line each, and how `--source` selects one."""

from collections.abc import Mapping
from pathlib import Path

from device import addresses, declared
from device.errors import UserError
from device.live.interfaces.secrets import Secret
from device.live.sources.camera import CameraOptions
from device.live.sources.image_files import ImageFilesOptions
from device.live.sources.mjpeg import MjpegOptions
from device.live.sources.options import SourceOptions
from device.live.sources.pattern import PatternOptions
from device.live.sources.picamera import PiCameraOptions
from device.live.sources.rtsp import RtspOptions
from device.live.sources.video_file import VideoFileOptions

# The first that matches; names come before files, which may have such a name.
KINDS: tuple[type[SourceOptions], ...] = (
    CameraOptions,
    PiCameraOptions,
    PatternOptions,
    MjpegOptions,
    RtspOptions,
    VideoFileOptions,
    ImageFilesOptions,
)
SHOWN = ", ".join(kind.shown for kind in KINDS)
DEFAULT = "0"

MAX_LENGTH = 4096
# Everybody on the host can read the command line, and a camera's address may contain a password.
SECRET = Secret("the source", "--source-file", "FRAMELITE_SOURCE", MAX_LENGTH + 1)


def given(text: str | None, file: Path | None) -> str:
    """The text of `--source`, else the only line of `--source-file`, else FRAMELITE_SOURCE, else the first camera.

    UserError for both options, and for a file or variable without a source; the error doesn't repeat the text, which
    may be another secret.
    """
    if text is not None and file is not None:
        raise UserError("--source and --source-file were both given, expected one; omit the other")
    if text is not None:
        return text
    found = SECRET.read(file)
    if found is None:
        return DEFAULT
    found = found.strip()
    if found.isprintable() and 0 < len(found) <= MAX_LENGTH and (addresses.is_address(found) or _kind(found)):
        return found
    raise UserError(f"{SECRET.origin(file)}: this is not a source; expected one line, {SHOWN}")


def options(text: str, values: Mapping[str, object]) -> SourceOptions:
    """The kind of source that `text` names, with its options. UserError if it is none, or lacks a given option.

    values: the given options, by the fields' names.
    """
    if addresses.is_address(text):
        addresses.parse(text, "--source ")  # refuse a malformed one before anything loads
    kind = _kind(text) if text.isprintable() or not text.startswith("/dev/") else None
    if kind is None:
        raise UserError(_why_none(text))
    for name in values:
        if name not in declared.options(kind):
            option, shown = declared.spelled(name), addresses.shown(text)
            raise UserError(f"{option} was given, but --source {shown} is of another kind; omit it")
    return kind(text, **values)


def _kind(text: str) -> type[SourceOptions] | None:
    return next((kind for kind in KINDS if kind.matches(text)), None)


def _why_none(text: str) -> str:
    if text.startswith("/dev/"):  # a name that is not UTF-8 would end the process in OpenCV
        return f"--source {text}: there is no such camera; expected {SHOWN}"
    if addresses.is_address(text):
        scheme, known = text.partition(":")[0].lower(), ", ".join(f"{scheme}://" for scheme in addresses.PORTS)
        return f"--source {addresses.shown(text)}: {scheme}:// is not supported; expected one of {known}"
    if not text.strip():
        return f"--source is empty, expected {SHOWN}"
    if addresses.lacks_scheme(text):
        return f"--source: there is no such file, and as an address it lacks the scheme; expected {SHOWN}"
    return f"--source {text}: there is no such file or folder; expected {SHOWN}"
