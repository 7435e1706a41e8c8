"""Training itself: a recipe and an image cache in, a run folder out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from device import command
from device.data import copies, heads
from device.data.folders import Cache
from device.errors import UserError
from train.data import augment
from train.data.batches import Batches, Examples, Teacher, ValidationBatches, Weights, class_weights, shared, steps
from train.data.class_counts import ClassCounts
from train.data.split import Rows, split_cache
from train.environment import devices, keras_settings
from train.environment.devices import ALONE, Cluster, Devices
from train.fitting import loop, saved_weights, teacher
from train.fitting.callbacks import BestCheckpoint, write_model
from train.fitting.loop import Phase
from train.networks import head, networks, transfer
from train.optimizers import optimizers
from train.recipes.recipe import Recipe
from train.run import ancestry, checkpoint, evaluate, plots, recording, runs
from train.run.evaluation import Evaluation
from train.run.run_folder import Claim, Way
from train.run.runs import Identity, Run

Scores = npt.NDArray[np.float32]
Found = tuple[keras.Model, checkpoint.State] | None


@dataclass(frozen=True)
class Start:
    """Where a run starts: from scratch, from its own checkpoint, or from saved weights.

    again: train even if the folder already holds this run, finished or not; that one is moved aside.
    """

    resume: bool = False
    weights: Path | None = None
    tensorboard: bool = False
    devices: str = "GPU"  # several of this kind are used together
    cluster: Cluster = ALONE
    again: bool = False


@dataclass(frozen=True)
class Job:
    """One run: what to train, and which rows of the training images are held out."""

    recipe: Recipe
    cache: Cache
    run: Run
    identity: Identity
    start: Start
    rows: Rows
    validation: Rows
    devices: Devices
    teacher: Teacher | None

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return steps(len(self.rows), self.recipe, self.devices.count)

    @property
    def class_weights(self) -> Weights | None:
        return class_weights(self.cache.targets("train")[self.rows], len(self.cache.labels))

    def batches(self, source: Examples, recipe: Recipe) -> Batches:
        cluster, count, loaders = self.start.cluster, self.devices.count, self.devices.loaders
        return Batches(source, self.rows, recipe, cluster, self.teacher, count, loaders, self.class_weights)

    def held_out(self, source: Examples) -> ValidationBatches:
        """The validation images; every device gets the same number, so a few may be left out."""
        cluster, count = self.start.cluster, self.devices.count
        rows = cluster.shard(self.validation[: shared(len(self.validation), count)])
        return ValidationBatches(source, rows, self.recipe, count // cluster.processes, self.class_weights)

    def checkpoints(self) -> checkpoint.Place:
        return checkpoint.Place(self.run.checkpoint, self.identity)


NEW = Start()


def train(recipe: Recipe, cache: Cache, run: Run, start: Start = NEW) -> Evaluation:
    """Trains, keeps the best epoch by validation as model.keras, reads the test split once; returns evaluation.json.

    Nothing in the run folder is lost: an up-to-date run stays, another one is moved aside, and `start` decides whether
    an interrupted one goes on. UserError if that isn't decided, or if another process uses the folder.
    """
    keras_settings.apply()
    claim = Claim(run, Identity.of(recipe, cache, start.weights), start.resume, start.again)
    if not cache.has_test and not (recipe.can_cross_validate and not start.weights):
        raise UserError(
            f"{cache.path}: the data has no test images, and only a head trained from scratch works without;"
            " add some: --set test_split=0.2, or a folder test/"
        )
    with claim.hold() as way:
        if way is Way.UP_TO_DATE:
            return claim.evaluation(Evaluation)
        return _train_there(claim, way, recipe, cache, start)


def _train_there(claim: Claim, way: Way, recipe: Recipe, cache: Cache, start: Start) -> Evaluation:
    """Like `train`, with the folder already locked."""
    run = claim.run
    (devices.connect if recipe.fits_head else devices.initialize)(start.cluster)
    devices.set_seeds(recipe.seed)
    began = time.monotonic()
    taught_by = teacher.load(Path(recipe.training.teacher), cache) if recipe.training.teacher else None
    sharing = devices.find(start.devices, start.cluster)
    rows = split_cache(cache, recipe)
    job = Job(recipe, cache, run, claim.wanted, start, *rows, sharing, taught_by)
    if recipe.all_epochs:
        sharing.check(recipe.training.batch_size, {"training": len(job.rows), "validation": len(job.validation)})
    with sharing.scope():
        found = checkpoint.load(run.checkpoint) if way is Way.GOES_ON else None
        # Check everything that can fail before moving an older run.
        network = None if found else _network(job)
    # Before an older run is moved aside, because it may be an ancestor.
    before = ancestry.of(cache, [path for path in (start.weights, runs.teacher_of(recipe)) if path])
    weights = start.weights
    if found is None:
        weights = claim.make_room(weights)  # before run.json describes this run
    else:
        command.say(f"{run.path}: goes on after epoch {found[1].epoch} of {recipe.all_epochs}")
    command.say(ClassCounts.of(cache, job.validation).line())
    settings = keras_settings.record()
    asked_about = before.rows, before.unknown
    described = weights, claim.wanted, settings, *asked_about, before.data
    record = recording.start(run, recipe, cache, job.validation, *described)
    command.say(augment.describe(recipe))
    if job.class_weights is not None:
        command.say("the classes are uneven: images are weighted so that each class counts the same")
    with recording.under_way(run, record):
        if found:
            trained = _train(job, *found)
        elif isinstance(network, transfer.Parts):
            trained = (_fit_head if recipe.fits_head else _train_head)(job, network)
        else:
            trained = _train(job, network, checkpoint.State())
        devices.shut_down(start.cluster)
        features = trained.source.images("test") if isinstance(trained.source, transfer.Features) else None
        asked = evaluate.EvaluationOptions(features, *asked_about, trained.unseen)
        result = evaluate.evaluate(run, recipe, cache, trained.last_scores(job), asked)
        if trained.keeper:
            plots.history(trained.keeper.history, trained.keeper.state.best_epoch, run.path / "history.png")
    earlier = found[1].seconds if found else 0.0
    recording.finish(
        run,
        record,
        recording.DONE,
        wall_time_s=round(earlier + time.monotonic() - began, 1),
        best_epoch=trained.keeper.state.best_epoch if trained.keeper else None,
        parameters=result.parameters,
    )
    return result


def _network(job: Job) -> keras.Model | transfer.Parts:
    """The network at the start of the run: in parts if only its head is trained, otherwise compiled."""
    labels, recipe = len(job.cache.labels), job.recipe
    network: Any
    if recipe.training.trains_head:
        network = networks.parts(recipe, labels)
        model = network.whole
    else:
        model = network = compiled(recipe, labels, job.steps * recipe.training.epochs)
    if job.start.weights:
        command.say(saved_weights.load(model, job.start.weights, job.cache.labels))
    return network


@dataclass(frozen=True)
class Trained:
    """The result of a training: what was kept, the model after the last epoch, and the images or features it takes.

    keeper: None for a head that was fitted, not trained by epochs. unseen: for such a head, see head.Unseen.
    """

    keeper: BestCheckpoint | None
    last: keras.Model
    source: Examples
    unseen: head.Unseen | None = None

    def last_scores(self, job: Job) -> Scores | None:
        """Scores of the test images after the last epoch; None for a fitted head.

        With several processes the model is read back, because its own variables span all of them.
        """
        if self.keeper is None:
            return None
        found = checkpoint.load(job.run.checkpoint) if job.start.cluster.processes > 1 else None
        model = found[0] if found else self.last
        if job.recipe.training.ema_momentum:  # a checkpoint holds the weights and, in the optimizer, their average
            model.optimizer.finalize_variable_values(model.trainable_variables)
        return evaluate.predict(networks.as_saved(model, job.recipe), self.source.images("test"))


def _train(job: Job, model: keras.Model, state: checkpoint.State) -> Trained:
    """Trains the whole network on images, starting from `state`."""
    batches, last_epoch, training = job.batches(job.cache, job.recipe), job.recipe.all_epochs, job.recipe.training
    keep = _keep_flip_averaged(job, model) if job.recipe.network.flip_average else None
    first_epoch = last_epoch - training.fine_tune_epochs if training.trains_head else 0
    phase = Phase(model, batches, job.held_out(job.cache), last_epoch, keep, job.checkpoints(), first_epoch)
    return Trained(loop.fit(phase, job.recipe, job.run, state, job.start.tensorboard), model, job.cache)


def _keep_flip_averaged(job: Job, model: keras.Model) -> Callable[[], None]:
    """Returns a function that writes model.keras with `flip_averaged` around it. Training both sides would cost twice
    as much."""
    with job.devices.scope():
        whole = networks.flip_averaged(model)
        optimizers.compile_alike(whole, model, job.recipe.training)
    return lambda: write_model(whole, job.run.model)


def _fit_head(job: Job, parts: transfer.Parts) -> Trained:
    """Fits the head (train/networks/head.py), then fine-tunes the whole network if asked, kept only if it is better."""
    features = transfer.features(parts, job.recipe, job.cache, job.start.cluster)
    images, targets = features.images("train"), features.targets("train")
    fitted = head.fit(images[job.rows], targets[job.rows], len(job.cache.labels))
    parts.head.get_layer("scores").set_weights([fitted.kernel, fitted.bias])
    write_model(parts.whole, job.run.model)
    if not job.recipe.training.fine_tune_epochs:
        if job.start.weights:  # the backbone may have memorized these images
            return Trained(None, parts.head, features)
        groups = copies.groups_of(job.cache.hashes("train"))
        unseen = head.cross_validated(images, targets, groups, job.rows, len(job.cache.labels), job.recipe.seed)
        if unseen:
            heads.write(job.run.path, unseen.stored)
        return Trained(None, parts.head, features, unseen)
    with job.devices.scope():
        transfer.unfreeze(parts, job.recipe, job.steps * job.recipe.training.fine_tune_epochs)
    # With the same loss as the epochs, label smoothing included.
    found = parts.whole.evaluate(job.held_out(job.cache), verbose=0, return_dict=True)
    figures = {"accuracy": found["accuracy"], "loss": -found["loss"], "last": -1.0}
    trained = _train(job, parts.whole, checkpoint.State(best=float(figures[job.recipe.training.keep_best_by])))
    if trained.keeper and not trained.keeper.state.best_epoch:
        command.say("fine-tuning didn't improve the validation figure: the fitted head is kept")
    return trained


def _train_head(job: Job, parts: transfer.Parts) -> Trained:
    """Trains a head with hidden layers on features, by epochs, then fine-tunes the whole network if asked.

    Only the second phase, which takes minutes, has checkpoints; the first is repeated, with the same result.
    """
    recipe = transfer.head_recipe(job.recipe)
    features = transfer.features(parts, recipe, job.cache)
    with job.devices.scope():
        # A separate model around the head's layers: Keras saves an optimizer once, with the innermost model that has
        # it.
        learner = keras.Model(parts.head.inputs, parts.head.outputs)
        optimizers.compile_model(learner, recipe.training, job.steps * recipe.training.epochs)
        optimizers.compile_alike(parts.whole, learner, recipe.training)
    best: list[Scores] = []

    def remember() -> None:
        best[:] = learner.get_weights()

    phase = Phase(learner, job.batches(features, recipe), job.held_out(features), recipe.training.epochs, remember)
    try:
        keeper = loop.fit(phase, recipe, job.run, checkpoint.State(), job.start.tensorboard)
        last = learner.get_weights()
    finally:  # also if the loss became NaN, or after Ctrl-C
        if best:
            learner.set_weights(best)
            write_model(parts.whole, job.run.model)
    if not recipe.training.fine_tune_epochs:
        learner.set_weights(last)
        return Trained(keeper, learner, features)
    with job.devices.scope():
        transfer.unfreeze(parts, job.recipe, job.steps * recipe.training.fine_tune_epochs)
    # If patience ended the head early, fine-tuning still gets exactly its own epochs.
    return _train(job, parts.whole, replace(keeper.state, epoch=recipe.training.epochs))


def compiled(recipe: Recipe, labels: int, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; steps: batches in the whole run."""
    model = networks.build(recipe, labels)
    optimizers.compile_model(model, recipe.training, steps)
    return model
