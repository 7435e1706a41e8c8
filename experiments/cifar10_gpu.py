"""The long run of `cifar10` on a GPU: its teacher, then the network, an epoch at a time in one compiled call.

    python -m experiments.cifar10_gpu runs/cifar10_teacher runs/cifar10        six minutes on an H100; needs JAX

`python -m train cifar10` runs the same recipe anywhere, and makes its batches on the processor: 4 s an epoch beside an
H200, on 2 cores some 15 s and more. Here the images lie on the GPU and are changed there, 0.2 s an epoch. Three things
differ: blurred JPEG images are drawn from `COPIES` that are made beforehand, and come before the shift; the images that
don't fill the last batch of an epoch are left out of it; the kept epoch is the last. What it writes are run folders as
`train` writes them, for `python -m export`.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from tqdm import tqdm

from device.data.folders import Cache
from train.data import cache as caches
from train.data.augment import Augmenter
from train.data.split import Rows, split_cache
from train.environment import keras_settings
from train.fitting import callbacks
from train.networks import networks
from train.optimizers import optimizers
from train.recipes import catalog
from train.recipes.augmentation import Augmentation
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced
from train.run import evaluate, recording, runs

COPIES = 4
BATCH = 512
VALIDATION = 0.01  # every choice was made before, with a tenth held out; what is left finds export's temperature
TEACHER = replaced(
    catalog.CIFAR10_TEACHER, keep_best_by="last", validation_split=VALIDATION, batch_size=BATCH, learning_rate=0.4
)
STUDENT = replaced(
    catalog.CIFAR10,
    validation_split=VALIDATION,
    epochs=540,
    optimizer="sgd",
    batch_size=BATCH,
    learning_rate=0.4,
    label_smoothing=0.0,
)
TEMPERATURE = 2.0  # of the teacher's predictions

# Of a network: trained variables, others, the optimizer's velocities.
State = tuple[list[Any], list[Any], list[Any]]
# Images [n, height, width, 3] 0..255 in, probabilities [n, labels] out.
Answer = Callable[[Any], Any]


def with_camera_noise(images: Any, recipe: Recipe) -> Any:
    """[1 + COPIES, n, height, width, 3]: the images as they are, then each blurred and saved to a random degree."""
    wanted = recipe.augmentation
    only = Augmenter(Augmentation(camera_noise=1.0, blur=wanted.blur, jpeg_quality=wanted.jpeg_quality))
    made = [only.augment(images, np.random.default_rng([recipe.seed, number])) for number in range(COPIES)]
    return np.stack([images, *made])


def changed(key: Any, images: Any, rows: Any, ranges: Augmentation) -> Any:
    """The images of a batch as training changes them (train/data/augment.py): copy, shift, flip, rectangle, light."""
    keys, count, side = jax.random.split(key, 10), rows.shape[0], images.shape[2]
    is_copy = jax.random.uniform(keys[0], (count,)) < ranges.camera_noise
    x = images[jnp.where(is_copy, jax.random.randint(keys[1], (count,), 1, len(images)), 0), rows].astype(jnp.float32)

    most = jnp.array([ranges.height_shift_range, ranges.width_shift_range]) * side
    shift = jnp.rint(jax.random.uniform(keys[2], (count, 2), minval=-1.0) * most).astype(int)
    places = jnp.clip(jnp.arange(side) + shift[..., None], 0, side - 1)  # [count, 2, side]
    is_flipped = jax.random.bernoulli(keys[3], 0.5 * ranges.horizontal_flip, (count, 1))
    across = jnp.where(is_flipped, places[:, 1, ::-1], places[:, 1])
    x = jax.vmap(lambda image, down, right: image[down][:, right])(x, places[:, 0], across)

    area = jax.random.uniform(keys[4], (count, 1), minval=0.02, maxval=0.25)
    ratio = jnp.exp(jax.random.uniform(keys[5], (count, 1), minval=-1.0))
    sides = jnp.clip(jnp.rint(side * jnp.sqrt(area * jnp.concatenate([ratio, 1 / ratio], 1))), 1, side)
    random = jax.random.uniform(keys[6], (count, 6))
    first = jnp.floor(random[:, :2] * (side + 1 - sides))
    inside = (jnp.arange(side) >= first[..., None]) & (jnp.arange(side) < (first + sides)[..., None])
    is_erased = (random[:, 2] < ranges.random_erasing)[:, None, None] & inside[:, 0, :, None] & inside[:, 1, None, :]
    x = jnp.where(is_erased[..., None], jnp.floor(random[:, None, None, 3:] * 256), x)

    (dark, bright), (flat, hard) = ranges.brightness_range, ranges.contrast_range
    brightness = jax.random.uniform(keys[7], (count, 1, 1, 1), minval=dark, maxval=bright)
    contrast = jax.random.uniform(keys[8], (count, 1, 1, 1), minval=flat, maxval=hard)
    return jnp.clip(jnp.rint(((x - 127.5) * contrast + 127.5) * brightness), 0, 255)


def mixed(key: Any, x: Any, y: Any, recipe: Recipe) -> tuple[Any, Any]:
    """As train.data.batches.mixed: a share of the batches, each image with its neighbor in the shuffled batch."""
    keys = jax.random.split(key)
    share = jax.random.beta(keys[0], 0.4, 0.4)
    share = jnp.where(jax.random.uniform(keys[1]) < recipe.augmentation.mixup, share, 1.0)
    other = jnp.roll(jnp.arange(len(x)), 1)
    return jnp.rint(x * share + x[other] * (1 - share)), y * share + y[other] * (1 - share)


def epoch_of(model: keras.Model, data: tuple[Any, Any], recipe: Recipe, steps: int, teacher: Answer | None) -> Any:
    """(state, key, first step, rows [steps, batch]) -> (state, mean loss): an epoch, to be compiled as a whole.

    SGD with Nesterov's momentum 0.9 and decoupled weight decay, in Keras' order.
    """
    (images, targets), training = data, recipe.training
    rate = optimizers.warmup_cosine(training.learning_rate, steps * training.epochs, training.warmup)

    def loss(trained: Any, others: Any, x: Any, y: Any) -> Any:
        """Cross-entropy, the mean over the batch, and the network's other variables after it (BatchNormalization's)."""
        scores, others = model.stateless_call(trained, others, x, training=True)
        return -(y * jnp.log(jnp.clip(scores, 1e-7, 1.0))).sum(-1).mean(), others

    def step(carry: Any, rows: Any) -> Any:
        """One batch: rows of it are drawn beforehand; returns the carry and the loss."""
        (trained, others, velocities), key, number = carry
        key, *keys = jax.random.split(key, 3)
        x, y = mixed(keys[1], changed(keys[0], images, rows, recipe.augmentation), targets[rows], recipe)
        if teacher:
            y = jax.nn.softmax(jnp.log(jnp.clip(teacher(x), 1e-30, 1.0)) / training.teacher_temperature)
        y = y * (1 - training.label_smoothing) + training.label_smoothing / y.shape[1]
        (value, others), gradients = jax.value_and_grad(loss, has_aux=True)(trained, others, x, y)
        by = rate(number)
        velocities = [0.9 * v - by * g for v, g in zip(velocities, gradients, strict=True)]
        moved = zip(trained, velocities, gradients, strict=True)
        trained = [w * (1 - by * training.weight_decay) + 0.9 * v - by * g for w, v, g in moved]
        return ((trained, others, velocities), key, number + 1), value

    def epoch(state: State, key: Any, first: Any, rows: Any) -> tuple[State, Any]:
        """All its batches in one compiled call. rows: batches x images; first: the number of its first step."""
        (state, _, _), values = jax.lax.scan(step, (state, key, first), rows)
        return state, values.mean()

    return jax.jit(epoch, donate_argnums=0)


def fitted(recipe: Recipe, cache: Cache, rows: Rows, teacher: Answer | None) -> keras.Model:
    """The recipe's network after its epochs."""
    keras.utils.set_random_seed(recipe.seed)
    model = networks.build(recipe, len(cache.labels))
    images = jnp.asarray(with_camera_noise(np.asarray(cache.images("train"))[rows], recipe))
    targets = jax.nn.one_hot(np.asarray(cache.targets("train"))[rows], len(cache.labels))
    batch, epochs = recipe.training.batch_size, recipe.training.epochs
    steps = len(rows) // batch
    epoch = epoch_of(model, (images, targets), recipe, steps, teacher)
    variables = model.trainable_variables, model.non_trainable_variables
    state: State = (*([jnp.array(v.value) for v in part] for part in variables), [])  # type: ignore[assignment]
    state = (*state[:2], [jnp.zeros_like(v) for v in state[0]])
    with tqdm(range(epochs), desc=recipe.name, disable=None) as bar:
        for number in bar:
            order = np.random.default_rng([recipe.seed, number]).permutation(len(rows))[: steps * batch]
            key = jax.random.fold_in(jax.random.key(recipe.seed), number)
            state, value = epoch(state, key, number * steps, jnp.asarray(order.reshape(steps, batch)))
            bar.set_postfix_str(f"loss {float(value):.4f}", refresh=False)
    for part, values in zip(variables, state[:2], strict=True):
        for variable, trained in zip(part, values, strict=True):
            variable.assign(trained)
    return model


def answers(path: Path) -> Answer:
    """A saved network as a function that can be compiled with what asks it."""
    model = networks.load(path)
    weights = [
        [jnp.array(v.value) for v in part] for part in (model.trainable_variables, model.non_trainable_variables)
    ]
    return lambda x: model.stateless_call(*weights, x, training=False)[0]


def write(run: runs.Run, recipe: Recipe, cache: Cache, model: keras.Model, held_out: Rows, seconds: float) -> None:
    """The run folder of a network that was trained; its test is read here, once."""
    document = recording.start(run, recipe, cache, held_out, keras=keras_settings.record())
    with recording.under_way(run, document):
        callbacks.write_model(model, run.model)
        result = evaluate.evaluate(run, recipe, cache, None, evaluate.EvaluationOptions())
        print("\n".join(evaluate.summary(result, run)))
    more = {"best_epoch": recipe.all_epochs, "parameters": result.parameters, "gpu": jax.devices()[0].device_kind}
    recording.finish(run, document, recording.DONE, wall_time_s=round(seconds, 1), **more)


def make(run: runs.Run, recipe: Recipe) -> None:
    """Trains one recipe and writes its run folder, as `train` would."""
    keras_settings.apply()
    cache = caches.provide(caches.DataRequest.of(recipe, skip_bad=False))
    rows, held_out = split_cache(cache, recipe)
    began = time.monotonic()
    teacher = answers(runs.find_model(Path(recipe.teacher), "the teacher")) if recipe.teacher else None
    model = fitted(recipe, cache, rows, teacher)
    run.path.mkdir(parents=True, exist_ok=True)
    write(run, recipe, cache, model, held_out, time.monotonic() - began)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("teacher", type=Path, help="its run folder; made where it isn't there")
    options.add_argument("run", type=Path, help="the network's")
    options.add_argument("--epochs", type=int, default=STUDENT.training.epochs)
    asked = options.parse_args()
    if not runs.Run(asked.teacher).is_done:
        make(runs.Run(asked.teacher), TEACHER)
    taught = replaced(STUDENT, teacher=str(asked.teacher), teacher_temperature=TEMPERATURE)
    make(runs.Run(asked.run), replaced(taught, epochs=asked.epochs))


if __name__ == "__main__":
    main()
