"""python -m train classical [--data NAME|DIR] [--run DIR] [--set FIELD=VALUE]…      the baseline without a network"""

import argparse

from device import command
from train.commands.recipe import add_data_arguments, describe, given
from train.recipes import settings
from train.recipes.classical import CLASSICAL


def add_arguments(options: argparse.ArgumentParser) -> None:
    add_data_arguments(options)


def run(asked: argparse.Namespace) -> int:
    recipe = settings.change(CLASSICAL, given(asked, ["data"]))
    from train.classical import features
    from train.data import cache
    from train.run import run_folder, runs
    from train.run.evaluation import ClassicalEvaluation
    from train.run.run_folder import Claim, Way

    features.check_size(recipe.data.image_size)
    folder = runs.Run(asked.run) if asked.run else runs.default(recipe)
    if not asked.only_data:
        run_folder.check(folder)
    images = cache.provide(cache.DataRequest.of(recipe, asked.skip_bad, asked.allow_copies))
    if asked.only_data:
        command.show(describe(images))
        return command.GOOD
    claim = Claim(folder, runs.Identity.of(recipe, images), again=asked.again)
    if claim.check() is Way.UP_TO_DATE:  # before scikit-learn is imported
        claim.evaluation(ClassicalEvaluation)
        return command.GOOD
    from train.classical import training

    command.show(training.table(training.train(recipe, images, folder, asked.again)))
    return command.GOOD
