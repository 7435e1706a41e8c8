"""python -m train list                                        the recipes
python -m train where RECIPE [--data NAME|DIR]              the run folder of a training
"""

import argparse

from device import command
from device.places import is_folder
from train.recipes import catalog, settings
from train.recipes.classical import CLASSICAL, COMMAND
from train.recipes.fields import size_text
from train.recipes.recipe import DataRecipe


def show_list(asked: argparse.Namespace) -> int:
    every: list[DataRecipe] = [*catalog.LIST, CLASSICAL]
    epochs = {recipe.name: str(recipe.training.epochs) for recipe in catalog.LIST}
    rows = [
        (each.name, each.data.source, size_text(each.data.image_size), epochs.get(each.name, "-"), each.description)
        for each in sorted(every, key=lambda each: each.name)
    ]
    table = [("recipe", "data", "size", "epochs", "what it is"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    command.show(
        ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    )
    return command.GOOD


def add_where_arguments(options: argparse.ArgumentParser) -> None:
    options.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join([*catalog.RECIPES, COMMAND])}")
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")


def show_where(asked: argparse.Namespace) -> int:
    recipe = CLASSICAL if asked.recipe in (COMMAND, CLASSICAL.name) else catalog.get(asked.recipe)
    from train.datasets import class_folders, named_data
    from train.run import runs

    if asked.data and not is_folder(asked.data) and not class_folders.is_data_set(asked.data):
        named_data.check(asked.data)
    changes = [f"data={asked.data}"] if asked.data else []
    command.show([str(runs.default(settings.change(recipe, changes)).path)])
    return command.GOOD
