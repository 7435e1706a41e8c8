"""python -m train RECIPE [--data NAME|DIR] [--run DIR] [--resume] [--from RUN|MODEL] [--set FIELD=VALUE]…
python -m train list                                                            the recipes
python -m train preview RECIPE [PICTURE] [--layers]                             variants, the data, or the network
python -m train backbones [--json FILE|-]                                       what transfer can begin from
python -m train where RECIPE [--data NAME|DIR]                                  the run folder that training would make
python -m train data NAME|DIR --size HxW [--fit crop|stretch|pad]               make the picture cache alone
"""

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from device import command
from device.errors import UserError
from device.places import NoPlaceError
from train import recipe as fields
from train import recipes
from train.backbones import AUTO
from train.keras_home import keras_home
from train.recipe import CHOICES

if TYPE_CHECKING:
    from device.folders import Cache


def recipe_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=command.program("train"),
        description="Train a recipe: pictures to a Keras model in a run folder.",
        epilog="also: python -m train list | where | data | preview | backbones, each with --help",
    )
    options.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(recipes.RECIPES)}")
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument("--run", type=Path, metavar="DIR", help="the run folder (default runs/RECIPE, or runs/FOLDER)")
    options.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the recipe"
    )
    options.add_argument("--skip-bad", action="store_true", help="go on without pictures that can't be read")
    options.add_argument("--allow-copies", action="store_true", help="go on without images that are there twice")
    options.add_argument("--only-data", action="store_true", help="make the recipe's picture cache and stop")
    options.add_argument("--resume", action="store_true", help="go on where a run of this folder was interrupted")
    options.add_argument("--from", type=Path, dest="weights", metavar="RUN|MODEL", help="start from saved weights")
    options.add_argument(
        "--backbone",
        metavar="NAME|auto",
        help="transfer: which (python -m train backbones); auto: the best for the data",
    )
    options.add_argument("--max-latency", type=float, metavar="MS", help="auto: at most so long for an int8 answer")
    options.add_argument("--max-size", type=float, metavar="MB", help="auto: at most so large an int8 file")
    options.add_argument("--strategy", choices=CHOICES["strategy"], help="transfer: what of the network is trained")
    options.add_argument("--freeze", metavar="N", help="transfer: the first N layers of the backbone stay as they are")
    options.add_argument("--fine-tune", metavar="EPOCHS", help="transfer: epochs with the backbone unfrozen at the end")
    options.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard into the run folder")
    options.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow", help="Keras' engine")
    options.add_argument("--coordinator", metavar="HOST:PORT", help="jax, several machines: where process 0 is")
    options.add_argument("--processes", type=int, default=1, metavar="N", help="how many there are")
    options.add_argument("--process-id", type=int, metavar="I", help="which this one is, from 0")
    options.add_argument("--again", action="store_true", help="train even if this very run is there already")
    return options


def data_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=command.program("train", "data"), description="Make the picture cache alone."
    )
    options.add_argument("data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument("--size", required=True, metavar="HxW", help="such as 28x28")
    options.add_argument("--fit", choices=("crop", "stretch", "pad"), default="crop")
    options.add_argument(
        "--test", type=float, default=0.2, help="share for the test where DIR has no test/; 0: of up to 1000 none"
    )
    options.add_argument("--seed", type=int, default=1, help="which pictures those are")
    options.add_argument("--skip-bad", action="store_true", help="go on without pictures that can't be read")
    options.add_argument("--allow-copies", action="store_true", help="go on without images that are there twice")
    return options


def main() -> int:
    arguments = sys.argv[1:]
    # Before anything imports it: TensorFlow reads these once.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with contextlib.suppress(NoPlaceError):  # Keras takes another than we do where the home folder can't be written
        os.environ["KERAS_HOME"] = str(keras_home())
    # Where there is no home folder it says at length that its fonts are not kept.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if arguments[:1] == ["list"]:
        listing = argparse.ArgumentParser(prog=command.program("train", "list"), description="The recipes.")
        listing.parse_args(arguments[1:])
        command.show(list_recipes())
        return command.GOOD
    if arguments[:1] == ["where"]:
        return _where(arguments[1:])
    if arguments[:1] == ["preview"]:
        from train import preview

        return preview.main(arguments[1:])
    if arguments[:1] == ["backbones"]:
        from train import backbones

        return backbones.main(arguments[1:])
    if arguments[:1] == ["data"]:
        return _data(data_parser().parse_args(arguments[1:]))
    return _train(recipe_parser().parse_args(arguments))


def list_recipes() -> list[str]:
    rows = [
        [r.name, r.data, fields.text("size", r.size), str(r.epochs), r.description]
        for r in sorted(recipes.RECIPES.values(), key=lambda r: r.name)
    ]
    header = ("recipe", "data", "size", "epochs", "what it is")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(5)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]


def _where(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog=command.program("train", "where"), description="The run folder of a recipe.")
    options.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(recipes.RECIPES)}")
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    asked = options.parse_args(arguments)
    from train import runs

    settings = [f"data={asked.data}"] if asked.data else []
    command.show([str(runs.default(fields.change(recipes.get(asked.recipe), settings)).path)])
    return command.GOOD


def _data(options: argparse.Namespace) -> int:
    size = _size(options.size)
    if not 0 <= options.test < 1:
        raise UserError(f"--test is {options.test:g}, expected a share from 0 to less than 1")
    if options.seed < 0:
        raise UserError(f"--seed is {options.seed}, expected at least 0")
    if not options.data.strip():
        raise UserError("the data set's name is empty, expected a name or a folder of class folders")
    from train import cache

    request = cache.DataRequest(
        options.data, size, options.fit, options.test, options.seed, options.skip_bad, options.allow_copies
    )
    made = cache.provide(request)
    command.show(describe(made))
    return command.GOOD


def _size(value: str) -> tuple[int, int]:
    try:
        size = fields.parse_size(value)
    except ValueError:
        size = (0, 0)
    if not all(1 <= side <= 1024 for side in size):
        raise UserError(f"--size is {value}, expected HxW with sides of 1 to 1024, such as 28x28")
    return size


def describe(made: "Cache") -> list[str]:
    from train.class_counts import ClassCounts

    counts = ClassCounts.of(made, made.validation_rows)
    totals = ", ".join(f"{part} {sum(numbers)}" for part, numbers in counts.parts.items())
    lines = [f"{made.path}", f"pictures {totals}; from {made.index.origin}", counts.line()]
    if made.index.skipped:
        lines.append(f"skipped {len(made.index.skipped)} pictures that can't be read")
    return lines


def _asked(options: argparse.Namespace) -> fields.Recipe:
    """The recipe with what the options say; UserError where these can't go together."""
    recipe = recipes.get(options.recipe)
    recipe = fields.change(recipe, _settings(options))
    if recipe.network == "classical":
        _check_classical(recipe, options)
    if options.processes > 1:
        recipe.require_shareable()
    _check_together(options)
    if recipe.backbone != AUTO:
        for option, value in (("--max-latency", options.max_latency), ("--max-size", options.max_size)):
            if value is not None:
                raise UserError(f"{option} was given for {recipe.backbone}, expected --backbone auto with it")
    if options.weights and not recipe.test:  # they may have seen every image: only a test tells
        return fields.change(recipe, ["test=0.2"])
    return recipe


def _train(options: argparse.Namespace) -> int:
    recipe = _asked(options)
    from train import cache, evaluation, memory, run_folder, runs

    memory.keep_freed()

    run = runs.Run(options.run) if options.run else runs.default(recipe)
    is_first = not options.process_id  # of several processes that one has the run folder
    if is_first and not options.only_data:
        run_folder.check(run)
    os.environ["KERAS_BACKEND"] = options.backend
    if recipe.network == "backbone" and recipe.backbone == AUTO:
        recipe = _chosen(recipe, options)
    request = cache.DataRequest.of(recipe, options.skip_bad, options.allow_copies)
    pictures = cache.provide(request)
    if options.only_data:
        command.show(describe(pictures))
        return command.GOOD
    weights = runs.find_model(options.weights, "--from") if options.weights else None
    claim = run_folder.Claim(run, runs.Identity.of(recipe, pictures, weights), options.resume, options.again)
    # Asked here too, where neither scikit-learn nor TensorFlow is imported yet; who trains asks again.
    if (claim.look() is run_folder.Way.UP_TO_DATE) if is_first else claim.is_up_to_date:
        claim.evaluation(evaluation.kind_of(recipe.network))
        return command.GOOD
    if recipe.network == "classical":
        from train import classical

        command.show(classical.table(classical.train(recipe, pictures, run, options.again)))
        return command.GOOD
    # TensorFlow comes in here, after everything that can be wrong with arguments and data.
    from train import keras_settings

    keras_settings.apply()
    from train import devices, evaluate, fit

    cluster = devices.Cluster(options.coordinator or "", options.processes, options.process_id or 0)
    start = fit.Start(options.resume, weights, options.tensorboard, cluster=cluster, again=options.again)
    if not is_first:
        # Saving takes all processes; what the others save is the same, and is thrown away.
        with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
            fit.train(recipe, pictures, runs.Run(Path(folder)), start)
        return command.GOOD
    result = fit.train(recipe, pictures, run, start)
    command.show(evaluate.summary(result, run))
    for remark in evaluate.remarks(result):
        command.say(f"note: {remark}")
    command.say_next(("export", run.path))
    return command.GOOD


def _chosen(recipe: fields.Recipe, options: argparse.Namespace) -> fields.Recipe:
    """The recipe with the backbone that is best for its data."""
    from train import auto, cache, keras_settings

    megabyte = 1_000_000
    limits = auto.Limits(options.max_latency, options.max_size and options.max_size * megabyte)
    auto.candidates(limits)  # what can be refused is refused before Keras is imported
    keras_settings.apply()

    def provide(asked: fields.Recipe) -> "Cache":
        return cache.provide(cache.DataRequest.of(asked, options.skip_bad, options.allow_copies))

    return auto.choose(recipe, provide, limits)


def _check_together(options: argparse.Namespace) -> None:
    """What one option asks of another."""
    for option, value in (("--max-latency", options.max_latency), ("--max-size", options.max_size)):
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{option} is {value:g}, expected a number above 0")
    if options.resume and options.again:
        raise UserError("--resume and --again were both given, expected one: to go on, or to begin anew")
    number = options.process_id or 0
    if options.processes < 1 or not 0 <= number < options.processes:
        given = f"--processes {options.processes} --process-id {number}"
        raise UserError(f"{given}, expected at least one process, and a number from 0 to one less than there are")
    if options.processes == 1:
        for option, value in (("--coordinator", options.coordinator), ("--process-id", options.process_id)):
            if value is not None:
                raise UserError(f"{option} was given for one process, expected --processes N with it, or neither")
        return
    if options.backend != "jax" or not options.coordinator:
        raise UserError("--processes needs --backend jax and --coordinator HOST:PORT, where process 0 can be reached")
    if options.resume:
        raise UserError("--resume goes on with one process, not with several; begin anew with --again")


def _check_classical(recipe: fields.Recipe, options: argparse.Namespace) -> None:
    given = {"--resume": options.resume, "--from": options.weights, "--tensorboard": options.tensorboard}
    for option, value in given.items():
        if value:
            raise UserError(f"{option} was given, but the classical baseline has no network; leave it out")
    from train import classical

    classical.check(recipe)


def _settings(options: argparse.Namespace) -> list[str]:
    """The options that are fields of the recipe too, then --set."""
    named = ("data", "backbone", "strategy", "freeze", "fine_tune")
    given = [f"{name}={getattr(options, name)}" for name in named if getattr(options, name) is not None]
    return [*given, *options.set]


if __name__ == "__main__":
    command.run(main, leaves_threads=True)
