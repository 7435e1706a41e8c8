"""Training from Python, and what `python -m train` calls: a recipe and how it is run, to a run folder.

    import train
    run = train.train(data="images")              # a folder of one's own: transfer
    run = train.train("cifar10", epochs=20)
    run.path, run.accuracy, run.history

Every check that protects a run is made here, before TensorFlow is imported.
"""

import math
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from device.data.folders import Cache
from device.errors import UserError
from train.data import cache
from train.data.split import A_FIFTH
from train.environment import environment, memory
from train.recipes import catalog
from train.recipes.data import is_folder
from train.recipes.recipe import Recipe
from train.recipes.settings import Value, changed, replaced
from train.run import run_folder, runs
from train.run.evaluation import Evaluation
from train.run.run_folder import Claim, Way
from train.run.runs import Identity, Run

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Options:
    """How a recipe is run; what it makes is the recipe's to say. As the options of `python -m train` are called.

    run: the folder; None: runs/RECIPE, or runs/FOLDER. weights: a run or a .keras file that it starts from.
    max_latency, max_size: of an int8 file, in milliseconds and megabytes, where the backbone is chosen.
    processes, process_id, coordinator: of several machines, see train/environment/devices.py.
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
            raise UserError("--resume and --again were both given, expected one: to go on, or to begin anew")
        self._check_processes()

    def _check_processes(self) -> None:
        number = self.process_id or 0
        if self.processes < 1 or not 0 <= number < self.processes:
            given = f"--processes {self.processes} --process-id {number}"
            raise UserError(f"{given}, expected at least one process, and a number from 0 to one less than there are")
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
            raise UserError("--resume goes on with one process, not with several; begin anew with --again")

    @property
    def limits(self) -> dict[str, float | None]:
        return {"--max-latency": self.max_latency, "--max-size": self.max_size}

    @property
    def has_run_folder(self) -> bool:
        """Of several processes the first one has it."""
        return not self.process_id


@dataclass(frozen=True)
class Outcome:
    """Where a run is, and its figures; None where it was up to date, or is another process' to tell."""

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
    """Trains a recipe and returns its run; one that is there already, up to date, is returned as it is.

    Args:
        recipe: its name (`python -m train list`); without one `transfer`, for a folder of your own as `data`.
        run: the run folder; runs/RECIPE, or for a folder of your own runs/FOLDER.
        weights: a run folder or .keras file to start from.
        resume: go on where a run of this folder was interrupted.
        again: begin anew even if this very run is there already; that one is moved aside.
        skip_bad: go on without images that can't be read.
        allow_copies: go on without images that are there twice.
        max_latency, max_size: limits of the int8 file where the backbone is chosen, in milliseconds and megabytes.
        tensorboard: write logs for TensorBoard into the run folder.
        settings: fields of the recipe by name, such as data="images", epochs=20 or image_size=(64, 64).

    Raises:
        UserError: for what can't be trained as asked: what came, what was expected, what to do.
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
    """Trains, unless this very run is there already. UserError before anything is changed or TensorFlow is imported."""
    recipe = _checked(recipe, options)
    memory.keep_freed()
    run = Run(options.run) if options.run else runs.default(recipe)
    if options.has_run_folder:
        run_folder.check(run)
    recipe, made_ready = _ready(recipe, options)
    weights = runs.find_model(options.weights, "--from") if options.weights else None
    claim = Claim(run, Identity.of(recipe, made_ready, weights), options.resume, options.again)
    # Asked here too, where neither scikit-learn nor TensorFlow is imported yet; who trains asks again.
    if (claim.look() is Way.UP_TO_DATE) if options.has_run_folder else claim.is_up_to_date:
        claim.evaluation(Evaluation)
        return Outcome(run)
    return _trained(recipe, made_ready, run, replace(options, weights=weights))


def images(recipe: Recipe, options: Options) -> Cache:
    """The recipe's images, decoded once, and nothing trained."""
    return _ready(_checked(recipe, options), options)[1]


def _ready(recipe: Recipe, options: Options) -> tuple[Recipe, Cache]:
    """The recipe, its backbone chosen, and its images."""
    environment.prepare(options.backend)
    if recipe.network.chooses_backbone:
        recipe = _with_backbone(recipe, options)
    return recipe, _provide(recipe, options)


def _provide(recipe: Recipe, options: Options) -> Cache:
    return cache.provide(cache.DataRequest.of(recipe, options.skip_bad, options.allow_copies))


def _checked(recipe: Recipe, options: Options) -> Recipe:
    """The recipe as it is trained; UserError where it and the options can't go together."""
    if options.processes > 1:
        recipe.require_shareable()
    if not recipe.network.chooses_backbone:
        for option, value in options.limits.items():
            if value is not None:
                raise UserError(f"{option} was given for {recipe.network.backbone}, expected --backbone auto with it")
    if options.weights and not recipe.data.test_split:  # they may have seen every image: only a test tells
        return replaced(recipe, test_split=A_FIFTH)
    return recipe


def _with_backbone(recipe: Recipe, options: Options) -> Recipe:
    """The recipe with the backbone that is best for its data."""
    from train.environment import keras_settings
    from train.networks import auto

    limits = auto.BackboneLimits(options.max_latency, options.max_size and options.max_size * MEGABYTE)
    auto.candidates(limits)  # what can be refused is refused before Keras is imported
    keras_settings.apply()
    return auto.choose(recipe, lambda asked: _provide(asked, options), limits)


def _trained(recipe: Recipe, made_ready: Cache, run: Run, options: Options) -> Outcome:
    # TensorFlow comes in here, after everything that can be wrong with arguments and data.
    from train.environment import keras_settings

    keras_settings.apply()
    from train.environment import devices
    from train.fitting import fit

    cluster = devices.Cluster(options.coordinator or "", options.processes, options.process_id or 0)
    start = fit.Start(options.resume, options.weights, options.tensorboard, cluster=cluster, again=options.again)
    if options.has_run_folder:
        return Outcome(run, fit.train(recipe, made_ready, run, start))
    # Saving takes all processes; what the others save is the same, and is thrown away.
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        fit.train(recipe, made_ready, Run(Path(folder)), start)
    return Outcome(run)
