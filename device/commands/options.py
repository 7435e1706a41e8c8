"""Options that commands of several packages share, so that they are spelled and explained once."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from device.errors import UserError
from device.model import channels
from device.model.channels import Channels

if TYPE_CHECKING:
    from device.inference.overrides import Overrides

# More would not be faster anywhere, and asking for a hundred thousand takes a small machine down.
MAX_THREADS = 256
MAX_SIDE = 8192


class Parser(argparse.ArgumentParser):
    """argparse's, which repeats what it doesn't know: not the password of a camera that came without --source.

    fill: adds the options of a command that has many, when it is this command that is read.
    """

    def __init__(self, *given: Any, fill: "Callable[[Parser], None] | None" = None, **named: Any) -> None:
        super().__init__(*given, **named)
        self._fill = fill

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._fill is not None:
            fill, self._fill = self._fill, None
            fill(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        from device import addresses  # here: no good end needs it

        super().error(addresses.without_secrets(message))


def file(text: str) -> Path:
    """A `type` for argparse: a path; an address of the network is none."""
    if ":/" not in text:  # no address: how those are read takes as long to import as a small network to open
        return Path(text)
    from device import addresses

    if addresses.is_address(text):
        shown = addresses.shown(text)
        raise argparse.ArgumentTypeError(f"{shown} is a network address, expected a file; cameras: live --source")
    return Path(text)


def add_overrides(options: argparse.ArgumentParser, title: str, auto: bool = False) -> "argparse._ArgumentGroup":
    """What a file without a card is to be fed and what its outputs are. auto: whether its scaling can be found."""
    group = options.add_argument_group(title)
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="a text file with a label a line, in output order (or JSON, YAML, CSV)",
    )
    scaling = "the network takes (pixel - M) / S, pixels 0..255; M and S: a number, or three: 123.7,116.3,103.5"
    group.add_argument("--mean", type=per_channel, metavar="M", help=scaling)
    group.add_argument("--std", type=per_channel, metavar="S")
    # Else argparse takes '-1..1' for an option.
    options._negative_number_matcher = re.compile(r"^-(\d+|\d*\.\d+|1\.\.1)$")
    group.add_argument(
        "--scaling",
        choices=(*channels.SCALINGS, *([channels.AUTO] if auto else [])),
        help="mean and std by name: imagenet is torchvision's, caffe is BGR with its mean subtracted"
        + ("; auto: the one that labeled calibration images speak for" if auto else ""),
    )
    group.add_argument("--fit", choices=("crop", "stretch", "pad"), help="how an image is made to fit (default crop)")
    group.add_argument("--output", choices=("softmax", "sigmoid", "logits"), help="what the outputs are")
    add_size(group)
    return group


def add_size(options: "argparse._ActionsContainer") -> None:
    """The input's size, of a file that leaves it open."""
    options.add_argument("--size", type=size, metavar="HxW", help="the input's height and width, if the file has none")


def overrides(given: argparse.Namespace) -> "Overrides":
    """Of the parsed options. numpy comes in here, after wrong options were answered."""
    from device.inference.overrides import Overrides

    return Overrides(given.labels, given.mean, given.std, given.fit, given.output, given.size, given.scaling)


def per_channel(text: str) -> Channels:
    """A `type` for argparse: a number for all channels, or three for red, green and blue."""
    try:
        return channels.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number nor three with commas between, such as 123.7,116.3,103.5"
        ) from None


def add_runtime(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--runtime", choices=("litert", "tflite-runtime", "tensorflow"), help="default: the first found"
    )


def add_threads(options: argparse.ArgumentParser) -> None:
    threads = whole_number(1, MAX_THREADS)
    options.add_argument(
        "--threads", type=threads, default=1, metavar="N", help="threads of the interpreter (default 1)"
    )


def share(text: str) -> float:
    """A `type` for argparse: a number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return number


def size(text: str) -> tuple[int, int]:
    """A `type` for argparse: 96x128 is a height of 96 and a width of 128."""
    height, x, width = text.partition("x")
    if not (x and height.isdecimal() and width.isdecimal() and min(int(height), int(width)) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not HEIGHTxWIDTH, such as 224x224")
    if max(int(height), int(width)) > MAX_SIDE:
        raise argparse.ArgumentTypeError(f"{text} has a side of more than {MAX_SIDE}, as no network does")
    return int(height), int(width)


def percent(text: str) -> float:
    """A `type` for argparse: 5 is 0.05."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and up to 100")
    return number / 100


def check_seconds(option: str, seconds: float) -> None:
    """UserError for no time at all, and for more than an hour."""
    if not 0 < seconds <= 3600:
        raise UserError(f"{option} is {seconds:g}, expected more than 0 and at most 3600")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A `type` for argparse: whole numbers of that range, and an error that says so."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least} to {most}")
        return number

    return parse
