"""python -m train preview RECIPE PICTURE               the picture and 8 variants that augmentation makes of it
python -m train preview RECIPE                       a sheet of the training pictures, one row a class
python -m train preview RECIPE [PICTURE] --layers    the network's table, and what its layers make of a picture

The command line; what it draws is in train/sheets.py, what is in the network finds train/layers.py. Both are imported
late: TensorFlow for --layers alone, and matplotlib when there is something to draw.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from device import command, files, pictures
from device.errors import UserError
from device.folders import Cache
from device.pictures import Picture
from train import backbones, cache, recipes, runs
from train import recipe as fields
from train.recipe import Recipe

MAX_LABELS = 100_000


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=command.program("train", "preview"),
        description="Draw what a recipe does: augmented variants of PICTURE; without it the training pictures by class;"
        " with --layers the network's table and feature maps.",
    )
    options.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(recipes.RECIPES)}")
    options.add_argument("picture", type=Path, nargs="?", metavar="PICTURE", help="a picture file")
    options.add_argument("--data", metavar="NAME|DIR", help="a data set by name, or a folder of class folders")
    options.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the recipe"
    )
    options.add_argument("--skip-bad", action="store_true", help="go on without pictures that can't be read")
    options.add_argument("--output", type=Path, metavar="FILE", help="(default preview.png; with --layers layers.png)")
    options.add_argument("--layers", action="store_true", help="the network: its table and its feature maps")
    network = options.add_argument_group("with --layers")
    network.add_argument(
        "--run", type=Path, metavar="DIR", help="its trained network (default: where training leaves it)"
    )
    network.add_argument("--labels", type=int, metavar="N", help="a fresh network for N labels; asks for no data")
    network.add_argument("--json", metavar="FILE|-", help="the table as JSON; - for stdout")
    return options


def main(arguments: list[str]) -> int:
    options = parser().parse_intermixed_args(arguments)  # PICTURE may stand behind the options
    options.output = options.output or Path("layers.png" if options.layers else "preview.png")
    _check(options)
    recipe, trained = _choose(options)
    picture = None
    if options.picture:
        picture = pictures.prepare(pictures.read(options.picture), recipe.size, recipe.fit)
    if options.layers:
        return _show_layers(options, recipe, trained, picture)
    if picture is None:
        data = _provide(recipe, options.skip_bad)
        from train import sheets

        sheets.classes(data, recipe.seed, options.output)
    else:
        from train import sheets

        sheets.variants(recipe, picture, options.picture.name, options.output)
    command.show([str(options.output)])
    return command.GOOD


def _check(options: argparse.Namespace) -> None:
    """Refuses what can't work before pictures are decoded, data are made or TensorFlow is imported."""
    if not options.layers:
        for name in ("run", "labels", "json"):
            if getattr(options, name) is not None:
                raise UserError(f"--{name} was given without --layers, expected both or neither")
    if options.labels is not None and not 2 <= options.labels <= MAX_LABELS:
        raise UserError(f"--labels is {options.labels}, expected 2 to {MAX_LABELS}")
    if options.labels is not None and options.run:
        raise UserError("--labels and --run were both given, expected one: a fresh network, or a trained one")
    if options.output.suffix.lower() != ".png":
        raise UserError(f"--output {options.output}: expected the name of a PNG, such as preview.png")
    _check_place(options.output, "--output")
    if options.picture and options.output.resolve() == options.picture.resolve():
        raise UserError(f"--output {options.output}: that is PICTURE itself; choose another name")
    if options.json and options.json != "-":
        _check_place(Path(options.json), "--json")


def _check_place(path: Path, option: str) -> None:
    if path.is_dir():
        raise UserError(f"{option} {path}: it is a directory, a file was expected")
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: there is no folder {path.parent}; make it, or choose another place")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{option} {path}: no permission to write there; choose another place")


def _choose(options: argparse.Namespace) -> tuple[Recipe, Path | None]:
    """The recipe that is asked for and, for --layers, the trained model that was made by it, if there is one.

    A run's recipe is what was recorded, also where it was trained with --set: its network can't be another.
    """
    known = recipes.get(options.recipe)
    settings = ([f"data={options.data}"] if options.data else []) + options.set
    if options.run:
        return _recorded(runs.Run(options.run), known.name, settings), runs.Run(options.run).model
    recipe = _with_backbone(fields.change(known, settings))
    run = runs.default(recipe)
    if options.layers and recipe.network == "classical":
        raise UserError(f"{known.name}: the classical baseline has no network; leave --layers out")
    if options.layers and options.labels is None and run.is_done:
        try:
            return _recorded(run, known.name, settings), run.model
        except UserError as error:
            command.say(f"note: {error}; so a fresh network is shown")
    return recipe, None


def _with_backbone(recipe: Recipe) -> Recipe:
    """One that is yet to be chosen is shown by the first there is; of a trained run the one that was."""
    if recipe.network != "backbone" or recipe.backbone != backbones.AUTO:
        return recipe
    from train import auto

    first = auto.of(recipe, auto.candidates(auto.Limits())[0])
    command.say(f"note: training chooses the backbone (--backbone {backbones.AUTO}); this is {first.backbone}")
    return first


def _recorded(run: runs.Run, name: str, settings: list[str]) -> Recipe:
    """The recipe in run.json; UserError where the run can't be shown as a run of that recipe with those settings."""
    record = run.read()
    if record is None or not run.model.is_file():
        raise UserError(f"{run.path}: no trained network here, expected run.json and model.keras in it")
    try:
        recipe = Recipe.of(dict(record.recipe))
    except (KeyError, TypeError, UserError):
        raise UserError(f"{run.record}: its recipe is none of this version's") from None
    if recipe.name != name:
        raise UserError(f"{run.path}: it was trained by the recipe {recipe.name}, not {name}")
    asked = fields.change(recipe, settings)
    for field, value in recipe.to_json().items():
        if (wanted := asked.to_json()[field]) != value:
            raise UserError(f"{run.path}: it was trained with {field} {value}, not {wanted}")
    return recipe


def _provide(recipe: Recipe, skip_bad: bool) -> Cache:
    request = cache.DataRequest.of(recipe, skip_bad, allow_copies=True)  # to look at: nothing is judged by it
    return cache.provide(request)


def _show_layers(options: argparse.Namespace, recipe: Recipe, trained: Path | None, picture: Picture | None) -> int:
    """The table on stdout, and as JSON where that is asked for; feature maps of PICTURE or the first of the data."""
    name, labels = options.picture and options.picture.name, options.labels
    if labels is None and (trained is None or picture is None):
        data = _provide(recipe, options.skip_bad)
        labels = len(data.labels)
        if picture is None:
            picture, first = data.pictures("train")[0], data.labels[data.targets("train")[0]]
            name = f"the first training picture of {data.name} ({first})"
    # TensorFlow comes in here, after everything that can be wrong with arguments and data.
    from train import keras_settings

    keras_settings.apply()
    from train import layers, sheets

    if trained:
        from train import networks

        command.say(f"the trained network {trained}")
        model = networks.load(trained)
    else:
        command.say(f"a fresh network: its weights are those that training begins with (seed {recipe.seed})")
        model = layers.fresh(recipe, labels)
    rows, maps = layers.inspect(model, np.zeros((*recipe.size, 3), np.uint8) if picture is None else picture)
    if picture is not None:
        state = f"trained ({trained.parent})" if trained else "before training"
        title = f"{recipe.name}, {state}: {name} at {fields.text('size', recipe.size)}"
        sheets.feature_maps([(found.caption, found.values) for found in maps], picture, title, options.output)
    if options.json:
        files.deliver_json(layers.document(rows, recipe.name, trained), options.json)
    if options.json != "-":
        command.show(layers.lines(rows))
    if picture is None:
        command.say("neither PICTURE nor data: the table alone, no feature maps")
    elif options.json == "-":
        command.say(str(options.output))
    else:
        command.show([str(options.output)])
    return command.GOOD
