"""python -m train preview RECIPE IMAGE               an image and 8 augmented variants of it
python -m train preview RECIPE                     a sheet of the training images, one row per class
python -m train preview RECIPE [IMAGE] --layers    the network's table, and its feature maps of an image
"""

import argparse
import os
from pathlib import Path

from device.errors import UserError
from train.recipes import catalog

MAX_LABELS = 100_000


def add_arguments(options: argparse.ArgumentParser) -> None:
    options.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(catalog.RECIPES)}")
    options.add_argument("image", type=Path, nargs="?", metavar="IMAGE", help="an image file")
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the recipe"
    )
    options.add_argument("--skip-bad", action="store_true", help="skip unreadable images")
    options.add_argument("--output", type=Path, metavar="FILE", help="(default preview.png; with --layers layers.png)")
    options.add_argument("--layers", action="store_true", help="the network: its table and its feature maps")
    network = options.add_argument_group("with --layers")
    network.add_argument(
        "--run", type=Path, metavar="DIR", help="its trained network (default: the recipe's run folder)"
    )
    network.add_argument("--labels", type=int, metavar="N", help="a fresh network for N labels; needs no data")
    network.add_argument("--json", metavar="FILE|-", help="the table as JSON; - for stdout")


def run(options: argparse.Namespace) -> int:
    options.output = options.output or Path("layers.png" if options.layers else "preview.png")
    _check(options)
    from train.preview import preview

    return preview.show(options)


def _check(options: argparse.Namespace) -> None:
    """Raises UserError before images are decoded, data is made or TensorFlow is imported."""
    if not options.layers:
        for name in ("run", "labels", "json"):
            if getattr(options, name) is not None:
                raise UserError(
                    f"--{name} was given without --layers, which it belongs to, expected both; add --layers, or omit"
                    f" --{name}"
                )
    if options.labels is not None and not 2 <= options.labels <= MAX_LABELS:
        raise UserError(f"--labels is {options.labels}, expected 2 to {MAX_LABELS}")
    if options.labels is not None and options.run:
        raise UserError("--labels and --run were both given, expected one; choose a fresh or a trained network")
    if options.output.suffix.lower() != ".png":
        raise UserError(f"--output {options.output}: expected a name that ends in .png, such as preview.png")
    _check_place(options.output, "--output")
    if options.image and options.output.resolve() == options.image.resolve():
        raise UserError(f"--output {options.output}: this is IMAGE itself; choose another name")
    if options.json and options.json != "-":
        _check_place(Path(options.json), "--json")


def _check_place(path: Path, option: str) -> None:
    if path.is_dir():
        raise UserError(f"{option} {path}: this is a directory, expected a file; choose another place")
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: there is no folder {path.parent}; create it, or choose another place")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{option} {path}: no permission to write there; choose another place")
