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
from device.data import copies
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
    """Where a run begins: from nothing, from a checkpoint of its own, or from saved weights.

    again: also where this very run is there already, finished or not; that one is moved aside.
    """

    resume: bool = False
    weights: Path | None = None
    tensorboard: bool = False
    devices: str = "GPU"  # several of this kind are used together
    cluster: Cluster = ALONE
    again: bool = False


@dataclass(frozen=True)
class Job:
    """One run: what is asked for, and which rows of the training images are held out."""

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
        """Batches an epoch."""
        return steps(len(self.rows), self.recipe, self.devices.count)

    @property
    def class_weights(self) -> Weights | None:
        return class_weights(self.cache.targets("train")[self.rows], len(self.cache.labels))

    def batches(self, source: Examples, recipe: Recipe) -> Batches:
        cluster, count, loaders = self.start.cluster, self.devices.count, self.devices.loaders
        return Batches(source, self.rows, recipe, cluster, self.teacher, count, loaders, self.class_weights)

    def held_out(self, source: Examples) -> ValidationBatches:
        """The validation images; each device has as many as the others, so a few may be left out."""
        cluster, count = self.start.cluster, self.devices.count
        rows = cluster.part(self.validation[: shared(len(self.validation), count)])
        return ValidationBatches(source, rows, self.recipe, count // cluster.processes, self.class_weights)

    def checkpoints(self) -> checkpoint.Place:
        return checkpoint.Place(self.run.checkpoint, self.identity)


NEW = Start()


def train(recipe: Recipe, cache: Cache, run: Run, start: Start = NEW) -> Evaluation:
    """Trains, keeps the best epoch by validation as model.keras, reads the test split once; returns evaluation.json.

    Nothing in the run folder is lost: a run that is up to date stays, another one is moved aside, an interrupted one is
    gone on with or not as `start` says. UserError where that can't be told, or another process works there.
    """
    keras_settings.apply()
    claim = Claim(run, Identity.of(recipe, cache, start.weights), start.resume, start.again)
    if not cache.has_test and not (recipe.can_cross_validate and not start.weights):
        raise UserError(
            f"{cache.path}: these data have no test, which only a head that begins from nothing can do without;"
            " make them with one: --set test_split=0.2, or a folder test/"
        )
    with claim.taken() as way:
        if way is Way.UP_TO_DATE:
            return claim.evaluation(Evaluation)
        return _train_there(claim, way, recipe, cache, start)


def _train_there(claim: Claim, way: Way, recipe: Recipe, cache: Cache, start: Start) -> Evaluation:
    """As `train`, in a folder that is held."""
    run = claim.run
    (devices.meet if recipe.fits_head else devices.join)(start.cluster)
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
        # What can be refused is refused before anything of an older run is moved.
        network = None if found else _network(job)
    # Before an older run is moved aside: it may be one of them.
    before = ancestry.of(cache, [path for path in (start.weights, runs.teacher_of(recipe)) if path])
    weights = start.weights
    if found is None:
        weights = claim.make_room(weights)  # before run.json speaks of this run
    else:
        command.say(f"{run.path}: goes on after epoch {found[1].epoch} of {recipe.all_epochs}")
    command.say(ClassCounts.of(cache, job.validation).line())
    settings = keras_settings.record()
    asked_about = before.rows, before.unknown
    record = recording.start(run, recipe, cache, job.validation, weights, claim.wanted, settings, *asked_about)
    command.say(augment.describe(recipe))
    if job.class_weights is not None:
        command.say("the classes are uneven: each counts alike, its images by the inverse of their number")
    with recording.under_way(run, record):
        if found:
            trained = _train(job, *found)
        elif isinstance(network, transfer.Parts):
            trained = (_fit_head if recipe.fits_head else _train_head)(job, network)
        else:
            trained = _train(job, network, checkpoint.State())
        devices.leave(start.cluster)
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
    """The network as the run begins with it: in parts where only its head is trained, else compiled."""
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
    """What a training left: what was kept, and the model as the last epoch left it, with what it is asked about.

    keeper: None of a head that was fitted, not trained by epochs. unseen: of such a head, see head.Unseen.
    """

    keeper: BestCheckpoint | None
    last: keras.Model
    source: Examples
    unseen: head.Unseen | None = None

    def last_scores(self, job: Job) -> Scores | None:
        """Of the test images, after the last epoch; None where there was none.

        Among several processes the model is read back: its own variables span them all.
        """
        if self.keeper is None:
            return None
        found = checkpoint.load(job.run.checkpoint) if job.start.cluster.processes > 1 else None
        model = found[0] if found else self.last
        if job.recipe.training.ema_momentum:  # a checkpoint holds the weights and, in the optimizer, their average
            model.optimizer.finalize_variable_values(model.trainable_variables)
        return evaluate.predict(networks.as_saved(model, job.recipe), self.source.images("test"))


def _train(job: Job, model: keras.Model, state: checkpoint.State) -> Trained:
    """The whole network on images, from `state` on."""
    batches, last_epoch, training = job.batches(job.cache, job.recipe), job.recipe.all_epochs, job.recipe.training
    keep = _keep_mirrored(job, model) if job.recipe.network.flip_average else None
    first_epoch = last_epoch - training.fine_tune_epochs if training.trains_head else 0
    phase = Phase(model, batches, job.held_out(job.cache), last_epoch, keep, job.checkpoints(), first_epoch)
    return Trained(loop.fit(phase, job.recipe, job.run, state, job.start.tensorboard), model, job.cache)


def _keep_mirrored(job: Job, model: keras.Model) -> Callable[[], None]:
    """Writes model.keras as what answers for both sides. The network alone is trained: both ways would cost twice."""
    with job.devices.scope():
        whole = networks.mirrored(model)
        optimizers.compile_alike(whole, model, job.recipe.training)
    return lambda: write_model(whole, job.run.model)


def _fit_head(job: Job, parts: transfer.Parts) -> Trained:
    """The head in one go (train/networks/head.py), then perhaps the whole network on images, kept where it is
    better."""
    features = transfer.features(parts, job.recipe, job.cache, job.start.cluster)
    images, targets = features.images("train"), features.targets("train")
    fitted = head.fit(images[job.rows], targets[job.rows], len(job.cache.labels))
    parts.head.get_layer("scores").set_weights([fitted.kernel, fitted.bias])
    write_model(parts.whole, job.run.model)
    if not job.recipe.training.fine_tune_epochs:
        if job.start.weights:  # of a backbone that may have learned these images by heart
            return Trained(None, parts.head, features)
        groups = copies.groups_of(job.cache.hashes("train"))
        unseen = head.cross_validated(images, targets, groups, job.rows, len(job.cache.labels), job.recipe.seed)
        if unseen:
            unseen.save(job.run.heads)
        return Trained(None, parts.head, features, unseen)
    with job.devices.scope():
        transfer.unfreeze(parts, job.recipe, job.steps * job.recipe.training.fine_tune_epochs)
    # By the loss that the epochs are judged by, label smoothing and all.
    found = parts.whole.evaluate(job.held_out(job.cache), verbose=0, return_dict=True)
    figures = {"accuracy": found["accuracy"], "loss": -found["loss"], "last": -1.0}
    trained = _train(job, parts.whole, checkpoint.State(best=float(figures[job.recipe.training.keep_best_by])))
    if trained.keeper and not trained.keeper.state.best_epoch:
        command.say("fine-tuning made it no better on the validation images: the head as it was fitted is kept")
    return trained


def _train_head(job: Job, parts: transfer.Parts) -> Trained:
    """A head with hidden layers on features, by epochs, then perhaps the whole network on images.

    Only the second phase, which takes minutes, has checkpoints; the first is begun anew, and gives the same.
    """
    recipe = transfer.head_recipe(job.recipe)
    features = transfer.features(parts, recipe, job.cache)
    with job.devices.scope():
        # A model of its own around the head's layers: Keras saves an optimizer once, with the innermost that has it.
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
    finally:  # also of a head whose loss became no number, or after Ctrl-C
        if best:
            learner.set_weights(best)
            write_model(parts.whole, job.run.model)
    if not recipe.training.fine_tune_epochs:
        learner.set_weights(last)
        return Trained(keeper, learner, features)
    with job.devices.scope():
        transfer.unfreeze(parts, job.recipe, job.steps * recipe.training.fine_tune_epochs)
    # A head that patience ended early leaves the other phase its own epochs, no more and no fewer.
    return _train(job, parts.whole, replace(keeper.state, epoch=recipe.training.epochs))


def compiled(recipe: Recipe, labels: int, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; steps: batches of the whole run."""
    model = networks.build(recipe, labels)
    optimizers.compile_model(model, recipe.training, steps)
    return model
