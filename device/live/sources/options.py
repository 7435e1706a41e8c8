"""What a kind of source says of itself: which `--source` it is, and the options that go with it.

A kind is one module with two classes: a frozen dataclass, derived from SourceOptions, whose fields are its options, and
a Source, which `source` makes. It is registered by one line in device/live/sources/__init__.py.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from device import declared
from device.declared import Limits, option
from device.live.interfaces.frames import Source

if TYPE_CHECKING:
    from device.images.images import Size

CaptureSize = tuple[int, int]  # width, height
MAX_SIDE = 16384


def _capture_size(text: str) -> CaptureSize:
    width, x, height = text.partition("x")
    if not (x and width.isdigit() and height.isdigit() and 0 < int(width) <= MAX_SIDE and 0 < int(height) <= MAX_SIDE):
        raise ValueError(f"{text} is not WIDTHxHEIGHT, such as 640x480")
    return int(width), int(height)


@dataclass(frozen=True)
class SourceOptions:
    """What `--source` names, and how its frames are wanted. UserError for values that can't be.

    shown: how the kind is called in help and errors.
    """

    where: str = field(repr=False)  # may hold a password

    shown: ClassVar[str]

    def __post_init__(self) -> None:
        declared.check(self)

    @classmethod
    def matches(cls, text: str) -> bool:
        """Whether `--source TEXT` is of this kind."""
        raise NotImplementedError

    def source(self, target: "Size") -> Source:
        """The source, not opened yet, for a network of that size. UserError where it can be none."""
        raise NotImplementedError


@dataclass(frozen=True)
class LiveOptions(SourceOptions):
    """Of sources that go on for ever."""

    stall_if_still: float | None = option(
        None,
        "open a camera anew that shows the same image for so long (default: what keeps coming is a stream)",
        limits=Limits(0, 3600, above=True),
        metavar="SECONDS",
    )


@dataclass(frozen=True)
class CaptureOptions(LiveOptions):
    """Of cameras that have several sizes."""

    capture: CaptureSize | None = option(
        None, "the size that a camera is asked for", parse=_capture_size, metavar="WxH"
    )


@dataclass(frozen=True)
class DecodeOptions(LiveOptions):
    """Of sources that send JPEGs."""

    decode: str = option(
        "full",
        "auto: decode an MJPEG at a part of its size where that is enough (default full)",
        choices=("auto", "full"),
    )


@dataclass(frozen=True)
class FileOptions(SourceOptions):
    """Of sources that end."""

    loop: bool = option(False, "of a file: begin again at its end")
