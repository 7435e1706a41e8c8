"""Training from Python, and what `python -m train` calls: from a recipe and options to a run folder.

    import train
    run = train.train(data="images")              # your own folder: transfer
    run = train.train("cifar10", epochs=20)
    run.path, run.accuracy, run.history

All checks that protect a run happen here, before TensorFlow is imported.
"""

import math
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from device.data.folders import Cache
from device.errors import UserError
from device.places import is_folder
from train.data import cache
from train.data.split import A_FIFTH
from train.environment import environment, memory
from train.recipes import catalog
from train.recipes.recipe import Recipe
from train.recipes.settings import Value, changed, replaced
from train.run import run_folder, runs
from train.run.evaluation import Evaluation
from train.run.run_folder import Claim, Way
from train.run.runs import Identity, Run

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Options:
    """How to run a recipe, as opposed to what it trains. The names are those of the options of `python -m train`.

    run: the folder; None: runs/RECIPE, or runs/FOLDER. weights: a run or a .keras file to start from. max_latency,
    max_size: limits of the int8 file in milliseconds and megabytes, if training chooses the backbone. processes,
    process_id, coordinator: for several machines, see train/environment/devices.py.
    """

    run: Path | None = None
    weights: Path | None = None
    resume: bool = False
    again: bool = False
    skip_bad: bool = False
    allow_copies: bool = False
    max_latency: float | None = None
    max_size: float | None = None
    tensorboard: bool = False
    backend: str = "tensorflow"
    coordinator: str | None = None
    processes: int = 1
    process_id: int | None = None

    def __post_init__(self) -> None:
        for option, value in self.limits.items():
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"{option} is {value:g}, expected a number above 0")
        if self.resume and self.again:
            raise UserError("--resume and --again were both given, expected one: to go on, or to train again")
        self._check_processes()

    def _check_processes(self) -> None:
        number = self.process_id or 0
        if self.processes < 1 or not 0 <= number < self.processes:
            given = f"--processes {self.processes} --process-id {number}"
            raise UserError(f"{given}, expected at least one process, and an id from 0 to processes - 1")
        if self.processes == 1:
            for option, value in (("--coordinator", self.coordinator), ("--process-id", self.process_id)):
                if value is not None:
                    raise UserError(f"{option} was given for one process, expected --processes N with it, or neither")
            return
        if self.backend != "jax" or not self.coordinator:
            raise UserError(
                "--processes needs --backend jax and --coordinator HOST:PORT, where process 0 can be reached"
            )
        if self.resume:
            raise UserError("--resume works with one process, not with several; train again with --again")

    @property
    def limits(self) -> dict[str, float | None]:
        return {"--max-latency": self.max_latency, "--max-size": self.max_size}

    @property
    def has_run_folder(self) -> bool:
        """Whether this process writes the run folder: the first of several does."""
        return not self.process_id


@dataclass(frozen=True)
class Outcome:
    """A run and its figures; None if the run was up to date, or if another process has them."""

    run: Run
    evaluation: Evaluation | None = None


def train(
    recipe: str = "",
    *,
    run: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    resume: bool = False,
    again: bool = False,
    skip_bad: bool = False,
    allow_copies: bool = False,
    max_latency: float | None = None,
    max_size: float | None = None,
    tensorboard: bool = False,
    **settings: Value,
) -> Run:
    """Trains a recipe and returns its run; an up-to-date run is returned unchanged.

    Args:
        recipe: its name (`python -m train list`); by default `transfer`, for your own folder as `data`.
        run: the run folder; runs/RECIPE, or for your own folder runs/FOLDER.
        weights: a run folder or .keras file to start from.
        resume: go on with the interrupted run in this folder.
        again: train even if the folder already holds this run; that one is moved aside.
        skip_bad: go on without images that can't be read.
        allow_copies: go on without duplicate images.
        max_latency, max_size: limits of the int8 file in milliseconds and megabytes, if training chooses the backbone.
        tensorboard: write logs for TensorBoard into the run folder.
        settings: fields of the recipe by name, such as data="images", epochs=20 or image_size=(64, 64).

    Raises:
        UserError: if it can't be trained this way: what came, what was expected, what to do.
    """
    options = Options(
        run=None if run is None else Path(run),
        weights=None if weights is None else Path(weights),
        resume=resume,
        again=again,
        skip_bad=skip_bad,
        allow_copies=allow_copies,
        max_latency=max_latency,
        max_size=max_size,
        tensorboard=tensorboard,
    )
    chosen = catalog.get(recipe or _usual(settings.get("data")))
    return perform(changed(chosen, **settings), options).run


def _usual(data: Value | None) -> str:
    if data is None or not is_folder(str(data)):
        given = "neither a recipe nor a folder" if data is None else f"data {data!r}, which is no folder, and no recipe"
        raise UserError(f"{given} was given, expected one of {', '.join(catalog.RECIPES)}, or a folder as data")
    return catalog.FOR_FOLDERS[0]


def perform(recipe: Recipe, options: Options) -> Outcome:
    """Trains, unless the folder already holds this run. UserError before any change and before TensorFlow is
    imported."""
    recipe = _checked(recipe, options)
    memory.keep_freed()
    run = Run(options.run) if options.run else runs.default(recipe)
    if options.has_run_folder:
        run_folder.check(run)
    recipe, made_ready = _ready(recipe, options)
    weights = runs.find_model(options.weights, "--from") if options.weights else None
    claim = Claim(run, Identity.of(recipe, made_ready, weights), options.resume, options.again)
    # Checked here too, before scikit-learn and TensorFlow are imported; training checks again.
    if (claim.check() is Way.UP_TO_DATE) if options.has_run_folder else claim.is_up_to_date:
        claim.evaluation(Evaluation)
        return Outcome(run)
    return _trained(recipe, made_ready, run, replace(options, weights=weights))


def images(recipe: Recipe, options: Options) -> Cache:
    """Decodes the recipe's images once, and trains nothing."""
    return _ready(_checked(recipe, options), options)[1]


def _ready(recipe: Recipe, options: Options) -> tuple[Recipe, Cache]:
    """The recipe with its backbone chosen, and its images."""
    environment.prepare(options.backend)
    if recipe.network.chooses_backbone:
        recipe = _with_backbone(recipe, options)
    return recipe, _provide(recipe, options)


def _provide(recipe: Recipe, options: Options) -> Cache:
    return cache.provide(cache.DataRequest.of(recipe, options.skip_bad, options.allow_copies))


def _checked(recipe: Recipe, options: Options) -> Recipe:
    """The recipe to train; UserError if it doesn't go with the options."""
    if options.processes > 1:
        recipe.require_shareable()
    if not recipe.network.chooses_backbone:
        for option, value in options.limits.items():
            if value is not None:
                raise UserError(f"{option} was given for {recipe.network.backbone}, expected --backbone auto with it")
    if (
        options.weights and not recipe.data.test_split
    ):  # they may have seen every image: only test images show the accuracy
        return replaced(recipe, test_split=A_FIFTH)
    return recipe


def _with_backbone(recipe: Recipe, options: Options) -> Recipe:
    """The recipe with the backbone that is best for its data."""
    from train.environment import keras_settings
    from train.networks import auto

    limits = auto.BackboneLimits(options.max_latency, options.max_size and options.max_size * MEGABYTE)
    auto.candidates(limits)  # check everything that can fail before importing Keras
    keras_settings.apply()
    return auto.choose(recipe, lambda asked: _provide(asked, options), limits)


def _trained(recipe: Recipe, made_ready: Cache, run: Run, options: Options) -> Outcome:
    # Import TensorFlow only after all checks of arguments and data.
    from train.environment import keras_settings

    keras_settings.apply()
    from train.environment import devices
    from train.fitting import fit

    cluster = devices.Cluster(options.coordinator or "", options.processes, options.process_id or 0)
    start = fit.Start(options.resume, options.weights, options.tensorboard, cluster=cluster, again=options.again)
    if options.has_run_folder:
        return Outcome(run, fit.train(recipe, made_ready, run, start))
    # Saving needs all processes; the others save the same and throw it away.
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        fit.train(recipe, made_ready, Run(Path(folder)), start)
    return Outcome(run)
