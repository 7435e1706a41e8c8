"""python -m train RECIPE [--data NAME|DIR] [--run DIR] [--resume] [--from RUN|MODEL] [--set FIELD=VALUE]…"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

from device import command
from device.declared import KEY
from train.environment.environment import BACKENDS
from train.recipes import catalog, settings
from train.recipes.augmentation import Augmentation
from train.recipes.recipe import Recipe

if TYPE_CHECKING:
    from device.data.folders import Cache

# Options that are also fields of the recipe.
OF_TRANSFER = {
    "--backbone": ("backbone", "NAME|auto"),
    "--strategy": ("strategy", None),
    "--freeze": ("freeze", "N"),
    "--fine-tune": ("fine_tune_epochs", "EPOCHS"),
}
# Fields of networks with a backbone, and of trainings by epochs: others go on without a word if they are set.
OF_BACKBONE = frozenset({"backbone", "head_units"})
BY_EPOCHS = frozenset(
    [each.name for each in fields(Augmentation)]
    + ["epochs", "steps_per_epoch", "batch_size", "patience", "keep_best_by", "loss", "optimizer", "learning_rate"]
    + ["schedule", "warmup", "weight_decay", "ema_momentum", "label_smoothing", "dropout"]
)
FIELDS = ("data", *(name for name, _ in OF_TRANSFER.values()))


def add_data_arguments(options: argparse.ArgumentParser) -> None:
    """Options of every run, with a network or without."""
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument("--run", type=Path, metavar="DIR", help="the run folder (default runs/RECIPE, or runs/FOLDER)")
    options.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the recipe"
    )
    options.add_argument("--skip-bad", action="store_true", help="skip unreadable images")
    options.add_argument("--allow-copies", action="store_true", help="accept many duplicate images, which are left out")
    options.add_argument("--only-data", action="store_true", help="make only the recipe's image cache")
    options.add_argument("--again", action="store_true", help="train even if this run exists already")


def add_arguments(options: argparse.ArgumentParser) -> None:
    add_data_arguments(options)
    options.add_argument("--resume", action="store_true", help="resume the interrupted run in this folder")
    options.add_argument("--from", type=Path, dest="weights", metavar="RUN|MODEL", help="start from saved weights")
    transfer = options.add_argument_group("of transfer")
    known = settings.fields_of(Recipe)
    for option, (name, metavar) in OF_TRANSFER.items():
        field, hint = known[name]
        choices = get_args(hint) if get_origin(hint) is Literal else None
        transfer.add_argument(option, dest=name, metavar=metavar, choices=choices, help=field.metadata[KEY].help)
    transfer.add_argument("--max-latency", type=float, metavar="MS", help="auto: the limit of int8's latency")
    transfer.add_argument("--max-size", type=float, metavar="MB", help="auto: the limit of the int8 file's size")
    advanced = options.add_argument_group("advanced")
    advanced.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard into the run folder")
    advanced.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help="Keras' engine")
    advanced.add_argument("--coordinator", metavar="HOST:PORT", help="jax, several machines: the address of process 0")
    advanced.add_argument("--processes", type=int, default=1, metavar="N", help="their number")
    advanced.add_argument("--process-id", type=int, metavar="I", help="the number of this process, from 0")


def run(asked: argparse.Namespace) -> int:
    changes = given(asked, FIELDS)
    recipe = settings.change(catalog.get(asked.recipe), changes)
    _say_idle([change.partition("=")[0] for change in changes], recipe)
    from train import training

    options = training.Options(**{each.name: getattr(asked, each.name) for each in fields(training.Options)})
    if asked.only_data:
        command.show(describe(training.images(recipe, options)))
        return command.GOOD
    outcome = training.perform(recipe, options)
    if outcome.evaluation:
        from train.run import evaluate

        command.show(evaluate.summary(outcome.evaluation, outcome.run))
        for remark in evaluate.remarks(outcome.evaluation):
            command.say(f"note: {remark}")
        command.say_next(("export", outcome.run.path))
    return command.GOOD


def _say_idle(names: Sequence[str], recipe: Recipe) -> None:
    """Names the fields that were set and change nothing in how this recipe is trained."""
    if not recipe.network.has_backbone:
        idle, why = OF_BACKBONE, f"{recipe.name} has a network without a backbone, transfer one with it"
    elif recipe.can_cross_validate:
        idle = BY_EPOCHS
        why = "its head is fitted in one go, on the images as they are; --fine-tune EPOCHS trains by epochs"
    else:
        return
    if found := [name for name in names if name in idle]:
        command.say(f"note: {', '.join(found)}: no effect on this training; {why}")


def given(asked: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The options that are also fields of the recipe, then --set."""
    found = [f"{name}={getattr(asked, name)}" for name in names if getattr(asked, name) is not None]
    return [*found, *asked.set]


def describe(made: "Cache") -> list[str]:
    """An image cache, for people."""
    from train.data.class_counts import ClassCounts

    counts = ClassCounts.of(made, made.validation_rows)
    totals = ", ".join(f"{part} {sum(numbers)}" for part, numbers in counts.parts.items())
    lines = [f"{made.path}", f"images {totals}; from {made.index.origin}", counts.line()]
    if made.index.skipped:
        lines.append(f"skipped {len(made.index.skipped)} unreadable images")
    return lines
