"""python -m train data NAME|DIR --size HxW [--fit crop|stretch|pad]               make the image cache alone"""

import argparse
from typing import get_args

from device import command
from device.errors import UserError
from device.model.card import Fit
from train.commands.recipe import describe
from train.recipes.fields import parse_size


def add_arguments(options: argparse.ArgumentParser) -> None:
    options.add_argument("data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument("--size", required=True, metavar="HxW", help="such as 28x28")
    options.add_argument("--fit", choices=get_args(Fit), default="crop")
    options.add_argument(
        "--test", type=float, default=0.2, help="share of the test if DIR has no test/; 0: none for up to 1000 images"
    )
    options.add_argument("--seed", type=int, default=1, help="draws those images")
    options.add_argument("--skip-bad", action="store_true", help="skip unreadable images")
    options.add_argument("--allow-copies", action="store_true", help="accept many duplicate images, which are left out")


def run(asked: argparse.Namespace) -> int:
    size = _size(asked.size)
    if not 0 <= asked.test < 1:
        raise UserError(f"--test is {asked.test:g}, expected a share from 0 to less than 1")
    if asked.seed < 0:
        raise UserError(f"--seed is {asked.seed}, expected at least 0")
    if not asked.data.strip():
        raise UserError("the data set's name is empty, expected a name or a folder of class folders")
    from train.data import cache

    request = cache.DataRequest(asked.data, size, asked.fit, asked.test, asked.seed, asked.skip_bad, asked.allow_copies)
    command.show(describe(cache.provide(request)))
    return command.GOOD


def _size(value: str) -> tuple[int, int]:
    try:
        size = parse_size(value)
    except ValueError:
        size = (0, 0)
    if not all(1 <= side <= 1024 for side in size):
        raise UserError(f"--size is {value}, expected HxW with sides of 1 to 1024, such as 28x28")
    return size
