"""python -m train RECIPE [--data NAME|DIR] [--run DIR] [--resume] [--from RUN|MODEL] [--set FIELD=VALUE]…
python -m train classical [--data NAME|DIR] [--run DIR] [--set FIELD=VALUE]…    the baseline without a network
python -m train list                                                            the recipes
python -m train preview RECIPE [IMAGE] [--layers]                               variants, the data, or the network
python -m train backbones [--json FILE|-]                                       the backbones for transfer
python -m train where RECIPE [--data NAME|DIR]                                  the run folder of a training
python -m train data NAME|DIR --size HxW [--fit crop|stretch|pad]               make only the image cache
"""

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

from device import command
from train.backbones import backbones
from train.commands import classical, data, listing, preview, recipe
from train.environment import environment
from train.recipes import catalog
from train.recipes.classical import CLASSICAL, COMMAND


class Command(NamedTuple):
    help: str
    run: Callable[[argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda options: None
    aliases: tuple[str, ...] = ()


COMMANDS = {
    COMMAND: Command(CLASSICAL.description, classical.run, classical.add_arguments, (CLASSICAL.name,)),
    "list": Command("the recipes", listing.show_list),
    "preview": Command("draw what training sees, or the network", preview.run, preview.add_arguments),
    "backbones": Command("the backbones for transfer", backbones.run, backbones.add_arguments),
    "where": Command("the run folder of a recipe", listing.show_where, listing.add_where_arguments),
    "data": Command("make only the image cache", data.run, data.add_arguments),
}


def parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The whole command line, and the parser of each recipe and command by name."""
    options = argparse.ArgumentParser(
        prog=command.program("train"), description="Train a recipe: images to a Keras model in a run folder."
    )
    commands = options.add_subparsers(metavar="RECIPE|COMMAND", title="recipes and commands", required=True)
    for name, each in catalog.RECIPES.items():
        part = commands.add_parser(name, help=each.description, description=f"Train {name}: {each.description}.")
        recipe.add_arguments(part)
        part.set_defaults(recipe=name, run_command=recipe.run)
    for name, entry in COMMANDS.items():
        part = commands.add_parser(name, help=entry.help, description=f"{entry.help}.", aliases=entry.aliases)
        entry.add_arguments(part)
        part.set_defaults(run_command=entry.run)
    return options, commands.choices


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parses the command line; a recipe's name, or preview's arguments, may come after options."""
    options, parts = parser()
    name = arguments[0] if arguments else ""
    if name in parts:
        return parts[name].parse_intermixed_args(arguments[1:])
    if name.startswith("-") and name not in ("-h", "--help"):
        whole = argparse.ArgumentParser(prog=options.prog)
        whole.add_argument("recipe", metavar="RECIPE")
        recipe.add_arguments(whole)
        whole.set_defaults(run_command=recipe.run)
        return whole.parse_args(arguments)
    if name and not name.startswith("-"):
        catalog.get(name)  # refuses an unknown name, and lists the recipes
    return options.parse_args(arguments)


def main() -> int:
    environment.prepare()  # before anything imports TensorFlow
    asked = parse(sys.argv[1:])
    run: Callable[[argparse.Namespace], int] = asked.run_command
    return run(asked)


if __name__ == "__main__":
    command.run(main, leaves_threads=True)
