"""The interface of a kind of source: which `--source` it is, and its options.

A kind is one module with two classes: a frozen dataclass derived from SourceOptions, whose fields are its options, and
a Source, which `source` creates. One line in device/live/sources/__init__.py registers it.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

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
    """A source from `--source`, with its options. UserError for invalid values.

    shown: the kind in help and errors.
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
        """The source, not open yet, for a network of that size. UserError if it is impossible.

        What is impossible whatever the network, `__post_init__` refuses: before a model is loaded.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class LiveOptions(SourceOptions):
    """Options of sources that never end."""

    stall_if_still: float | None = option(
        None,
        "reopen a camera that sends the same image for so long (default: never)",
        limits=Limits(0, 3600, above=True),
        metavar="SECONDS",
    )


@dataclass(frozen=True)
class CaptureOptions(LiveOptions):
    """Options of cameras with several sizes."""

    capture: CaptureSize | None = option(None, "the size to request from a camera", parse=_capture_size, metavar="WxH")


@dataclass(frozen=True)
class DecodeOptions(LiveOptions):
    """Options of sources that send JPEGs."""

    decode: Literal["auto", "full"] = option(
        "full",
        "auto: decode MJPEG at a reduced size if that is enough (default full)",
    )


@dataclass(frozen=True)
class FileOptions(SourceOptions):
    """Options of sources that end."""

    loop: bool = option(False, "restart a file at its end")
