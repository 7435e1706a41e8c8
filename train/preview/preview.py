"""`python -m train preview`: chooses the recipe or trained run, and the image or data to show.

train/preview/sheets.py draws, train/preview/layers.py inspects the network. Both are imported late: TensorFlow only for
--layers, matplotlib only for drawing.
"""

import argparse
from pathlib import Path

import numpy as np

from device import command, files
from device.data.folders import Cache
from device.errors import UserError
from device.images import images
from device.images.images import Pixels
from train.backbones.backbones import AUTO
from train.data import cache
from train.recipes import catalog, settings
from train.recipes.fields import size_text
from train.recipes.recipe import Recipe
from train.run import runs


def show(options: argparse.Namespace) -> int:
    """Runs the command of train/commands/preview.py."""
    recipe, trained = _choose(options)
    image = None
    if options.image:
        image = images.preprocess(images.read(options.image), recipe.data.image_size, recipe.data.fit)
    if options.layers:
        return _show_layers(options, recipe, trained, image)
    if image is None:
        data = _provide(recipe, options.skip_bad)
        from train.preview import sheets

        sheets.classes(data, recipe.seed, options.output)
    else:
        from train.preview import sheets

        sheets.variants(recipe, image, options.image.name, options.output)
    command.show([str(options.output)])
    return command.GOOD


def _choose(options: argparse.Namespace) -> tuple[Recipe, Path | None]:
    """The recipe and, for --layers, the model trained with it, if there is one.

    The recipe of a run is the recorded one, including its --set values.
    """
    known = catalog.get(options.recipe)
    changes = ([f"data={options.data}"] if options.data else []) + options.set
    if options.run:
        return _recorded(runs.Run(options.run), known.name, changes), runs.Run(options.run).model
    recipe = _with_backbone(settings.change(known, changes))
    run = runs.default(recipe)
    if options.layers and options.labels is None and run.is_done:
        try:
            return _recorded(run, known.name, changes), run.model
        except UserError as error:
            command.say(f"note: {error}; so a fresh network is shown")
    return recipe, None


def _with_backbone(recipe: Recipe) -> Recipe:
    """Replaces a backbone that training would choose with the first candidate."""
    if not recipe.network.chooses_backbone:
        return recipe
    from train.networks import auto

    first = auto.of(recipe, auto.candidates(auto.BackboneLimits())[0])
    command.say(f"note: training chooses the backbone (--backbone {AUTO}); this is {first.network.backbone}")
    return first


def _recorded(run: runs.Run, name: str, changes: list[str]) -> Recipe:
    """The recipe in run.json; UserError if the run doesn't match the recipe and settings."""
    record = run.read()
    if record is None or not run.model.is_file():
        raise UserError(f"{run.path}: no trained network here, expected run.json and model.keras in it")
    try:
        recipe = settings.recorded(Recipe, record.recipe)
    except (KeyError, TypeError, UserError):
        raise UserError(
            f"{run.record}: its recipe has fields of another version, expected this one's; train it again, or preview"
            " it with the version that trained it"
        ) from None
    if recipe.name != name:
        raise UserError(
            f"{run.path}: it was trained by the recipe {recipe.name}, expected {name}; preview it as {recipe.name}, or"
            " give another run"
        )
    asked = settings.to_json(settings.change(recipe, changes))
    for field, value in settings.to_json(recipe).items():
        if (wanted := asked[field]) != value:
            raise UserError(
                f"{run.path}: it was trained with {field} {value}, expected {wanted}; leave out --set {field}, or give"
                " another run"
            )
    return recipe


def _provide(recipe: Recipe, skip_bad: bool) -> Cache:
    request = cache.DataRequest.of(recipe, skip_bad, allow_copies=True)  # only for display
    return cache.provide(request)


def _show_layers(options: argparse.Namespace, recipe: Recipe, trained: Path | None, image: Pixels | None) -> int:
    """The table on stdout, as JSON if requested; feature maps of IMAGE or of the first training image."""
    name, labels = options.image and options.image.name, options.labels
    if labels is None and (trained is None or image is None):
        data = _provide(recipe, options.skip_bad)
        labels = len(data.labels)
        if image is None:
            image, first = data.images("train")[0], data.labels[data.targets("train")[0]]
            name = f"the first training image of {data.name} ({first})"
    # Import TensorFlow only after all checks of arguments and data.
    from train.environment import keras_settings

    keras_settings.apply()
    from train.preview import layers, sheets

    if trained:
        from train.networks import networks

        command.say(f"the trained network {trained}")
        model = networks.load(trained)
    else:
        command.say(f"a new network with its initial weights (seed {recipe.seed})")
        model = layers.fresh(recipe, labels)
    rows, maps = layers.inspect(model, np.zeros((*recipe.data.image_size, 3), np.uint8) if image is None else image)
    if image is not None:
        state = f"trained ({trained.parent})" if trained else "before training"
        title = f"{recipe.name}, {state}: {name} at {size_text(recipe.data.image_size)}"
        sheets.feature_maps([(found.caption, found.values) for found in maps], image, title, options.output)
    if options.json:
        files.deliver_json(layers.document(rows, recipe.name, trained), options.json)
    if options.json != "-":
        command.show(layers.lines(rows))
    if image is None:
        command.say("neither IMAGE nor data: only the table, no feature maps")
    elif options.json == "-":
        command.say(str(options.output))
    else:
        command.show([str(options.output)])
    return command.GOOD
