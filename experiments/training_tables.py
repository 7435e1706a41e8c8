"""The tables of docs/training.md that are made from results/*.json."""

from collections.abc import Iterator
from dataclasses import MISSING
from typing import Any

from device import text
from device.declared import KEY, expected
from device.declared import text as as_text
from experiments.markdown import markdown, source
from experiments.record import read
from train.recipes import catalog, settings
from train.recipes.classical import CLASSICAL
from train.recipes.fields import size_text
from train.recipes.recipe import DataRecipe, Recipe

# What was reported elsewhere for the same task; the course chapter's figures are of its validation images.
REPORTED = {
    "cifar10_tutorial": "chapter: 65.75 % (validation)",
    "cats_vs_dogs_tutorial": "chapter: 71.0 % (validation)",
    "cats_vs_dogs_mobilenet": "chapter: not of cats and dogs, see above",
    "cats_vs_dogs": "chapter: 71.0 % (validation)",
    "transfer": "MobileNetV2 fine-tuned on 24,998 photographs: 98.9 % (validation; https://cofijo.com/cofijo/article/view/3)",
}
MLPERF_TINY = "MLPerf Tiny asks for 85 % (https://github.com/mlcommons/tiny)"


def recipe_list() -> list[str]:
    """The recipes, from the catalog."""
    every: list[DataRecipe] = [*catalog.LIST, CLASSICAL]
    epochs = {recipe.name: str(recipe.training.epochs) for recipe in catalog.LIST}
    rows = [
        [f"`{each.name}`", each.description, size_text(each.data.image_size), epochs.get(each.name, "")]
        for each in every
    ]
    return markdown(("recipe", "what it is", "size", "epochs"), rows)


def recipe_fields() -> list[str]:
    """Every field with its default, what it takes, and its help."""
    rows = []
    for name, (field, hint) in settings.fields_of(Recipe).items():
        default = "" if field.default is MISSING else as_text(field.default, hint)
        rows.append([f"`{name}`", f"`{default}`" if default else "", expected(field, hint), field.metadata[KEY].help])
    return markdown(("field", "default", "expected", "meaning"), rows)


def runs() -> list[str]:
    """Accuracy, int8 and wall time of trained runs: results/runs.json and transfer.json."""
    document = read("runs")
    others = (*read("transfer")["results"], *document["results"])
    rows = [_fashion_mnist(), _cifar10_tutorial(), *map(_row, others)]
    header = ("command", "test accuracy", "int8", "int8 loses", "wall time", "load before", "reported elsewhere")
    return [*markdown(header, rows), "", source(document)]


def _row(row: dict[str, Any]) -> list[str]:
    return [
        f"`{row['command']}`",
        _accuracy(row),
        _accuracy(row["int8"]),
        _points(row["int8"]),
        _duration(row["wall_time_s"]),
        "-" if row.get("load_1min") is None else f"{row['load_1min']:.1f}",
        _mlperf_tiny() if row["recipe"] in ("cifar10", "cifar10_resnet8") else REPORTED.get(row["recipe"], "-"),
    ]


def _mlperf_tiny() -> str:
    reference = read("cifar10")["results"][1]
    return f"{MLPERF_TINY}; its int8 file, measured here: {text.percent(reference['clean']['top1'])}"


def _fashion_mnist() -> list[str]:
    """The newcomer's run, which has a document of its own."""
    document = read("newcomer")
    exported = {row["variant"]: row for row in document["export"]}
    float32, int8 = exported["float32"], exported["int8"]
    cells = [_accuracy(float32), _accuracy(int8), _points(int8), _duration(document["training_s"])]
    return ["`python -m train fashion_mnist`", *cells, "-", "-"]


def _cifar10_tutorial() -> list[str]:
    """The mean over seeds, which has a document of its own."""
    document = read("tutorial_accuracy")
    seeds = document["results"]
    accuracy = f"{text.percent(document['best_mean'])} (mean of {len(seeds)} seeds, n {seeds[0]['n']} each)"
    return ["`python -m train cifar10_tutorial`", accuracy, *["-"] * 4, REPORTED["cifar10_tutorial"]]


def _accuracy(row: dict[str, Any] | None) -> str:
    return text.accuracy(row["top1"], row.get("interval"), row.get("n")) if row else "-"


def _points(int8: dict[str, Any] | None) -> str:
    return f"{100 * int8['drop']:+.2f} points" if int8 and "drop" in int8 else "-"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"


def augmentation() -> list[str]:
    """Images a second of ours and of six Keras layers: results/augmentation.json."""
    document = read("augmentation")
    rows = [[row["what"], f"{row['images_per_s']:,.0f}"] for row in document["results"]]
    header = (f"all six at {document['size']}x{document['size']}", "images a second")
    load = f"load of the machine {document['machine']['load_1min']:.1f}"
    foot = f"{_times_as_many(document)} times as many, over {document['processes']} fresh processes; {load}."
    return [*markdown(header, rows), "", f"{foot} {source(document)}"]


def averaged_statistics() -> list[str]:
    """Validation accuracy of averaged weights by BatchNormalization's statistics: means over seeds, and differences."""
    document = read("averaged_statistics")
    groups: dict[tuple[str, float, int], list[dict[str, Any]]] = {}
    for row in document["results"]:
        groups.setdefault((row["schedule"], row["momentum"], row["epoch"]), []).append(row)
    rows = []
    for group, seeds in groups.items():
        cells = [*map(str, group), str(len(seeds))]
        cells += [text.percent(sum(row[name] for row in seeds) / len(seeds)) for name in ("weights", "kept")]
        for name in ("averaged", "estimated"):
            points = [100 * (row[name] - row["kept"]) for row in seeds]
            spread = f" ({min(points):+.2f} to {max(points):+.2f})" if len(points) > 1 else ""
            cells.append(f"{sum(points) / len(points):+.2f}{spread}")
        rows.append(cells)
    header = ("learning rate", "momentum", "after epoch", "seeds", "last weights", "averaged weights, as kept")
    points_of = ("statistics averaged too, points", "statistics estimated again, points")
    return [*markdown((*header, *points_of), rows), "", source(document)]


def cifar10() -> list[str]:
    """The committed file beside the reference: accuracy as it is and after JPEG, latency, size."""
    document = read("cifar10")
    rows = [
        [
            f"`{row['file']}`",
            _accuracy(row["clean"]),
            _accuracy(row["jpeg"]),
            text.ratio(document["ratio_p50"], document["ratio_interval"]) if row is document["results"][0] else "1.00",
            text.size(row["file_bytes"]),
        ]
        for row in document["results"]
    ]
    header = ("file", "test accuracy", f"after JPEG quality {document['jpeg_quality']}", "p50 to the reference", "size")
    return [*markdown(header, rows), "", source(document)]


def training_bars() -> list[str]:
    """What was to be reached, and what was measured; what has not been measured has no row."""
    rows = [*_bars_of_runs(), *_bars_of_files()]
    return markdown(("what", "at least / at most", "measured"), rows)


def _bars_of_runs() -> Iterator[list[str]]:
    made = {row["command"]: row for row in read("runs")["results"]}
    first = made.get("python -m train cifar10")
    # A longer run has more epochs, and perhaps a teacher.
    longer = [
        row
        for row in made.values()
        if row["recipe"] == "cifar10" and row["epochs"] > catalog.get("cifar10").training.epochs and row["int8"]
    ]
    if first and first["int8"]:
        yield from _bar(first, "int8", "90.2 %", "75 min")
    if longer:
        yield from _bar(max(longer, key=lambda row: row["int8"]["top1"]), "int8", "90.0 %", "150 min")
    if scratch := made.get("python -m train cats_vs_dogs"):
        yield from _bar(scratch, "float", "86.0 %", "15 min")
    transfer = read("transfer")
    (row,) = transfer["results"]
    yield ["`python -m train transfer`", "98.5 %", _accuracy(row)]
    yield ["its int8 file", "98.0 %", _accuracy(row["int8"])]
    yield ["the whole command, with nothing there", "120 s", _duration(transfer["first_s"])]
    yield ["and again, its features kept", "20 s", _duration(transfer["second_s"])]


def _bar(row: dict[str, Any], kind: str, accuracy: str, duration: str) -> Iterator[list[str]]:
    yield [f"`{row['command']}`, {kind}", accuracy, _accuracy(row["int8"] if kind == "int8" else row)]
    yield ["trained in", duration, _duration(row["wall_time_s"])]


def _bars_of_files() -> Iterator[list[str]]:
    document = read("cifar10")
    ours, reference = document["results"]
    quality = document["jpeg_quality"]
    yield [f"`{ours['file']}` after JPEG quality {quality}", "85.0 %", _accuracy(ours["jpeg"])]
    ratio = text.ratio(document["ratio_p50"], document["ratio_interval"])
    yield [f"its p50 to that of `{reference['file']}`, one thread", "1.00", ratio]
    speeds = read("augmentation")
    side = f"{speeds['size']}x{speeds['size']}"
    yield [f"augmented images a second, all six at {side}", "1,200", f"{speeds['results'][0]['images_per_s']:,.0f}"]
    yield ["times as many as six Keras layers give", "5", _times_as_many(speeds)]


def _times_as_many(document: dict[str, Any]) -> str:
    low, high = document["interval"]
    return f"{document['ratio']:.1f} ({low:.1f}-{high:.1f})"


def memory() -> list[str]:
    """Peak memory of training and export: results/memory.json."""
    document = read("memory")
    rows = [
        [row["command"], f"{row['images']:,}", *(f"{row[kind] / 1e9:.2f} GB" for kind in ("pss", "rss"))]
        for row in document["results"]
    ]
    return [*markdown(("command", "images", "PSS", "RSS"), rows), "", source(document)]


def unchanged(name: str = "unchanged") -> list[str]:
    """Times and weights beside another commit's: results/NAME.json of experiments/unchanged.py."""
    document = read(name)
    rows = []
    for row in document["results"]:
        if "ratio" in row:
            low, high = row["interval"]
            rows.append([row["what"], f"{row['ratio']:.3f} ({low:.3f}-{high:.3f}, {row['pairs']} pairs)"])
        elif "same_scores" in row:
            rows.append(
                [row["what"], f"{row['same_scores']:,} of {row['n']:,} images have the same scores, bit by bit"]
            )
        else:
            ours, before = (text.percent(top1) for top1 in row["top1"])
            same = f"{row['equal_to_the_last_bit']} of {row['arrays']} arrays of weights the same bits"
            if "networks" in row:
                same += f", {len(row['same_networks'])} of {len(row['networks'])} exported networks"
            rows.append([row["what"], f"{ours}, before {before} (n {row['n']:,}); {same}"])
    return [*markdown(("what", f"to commit {document['against']}"), rows), "", source(document)]


def unchanged_device() -> list[str]:
    """After the device was made hard to bring down."""
    return unchanged("unchanged_device")


def unchanged_house() -> list[str]:
    """After the packages were put in order."""
    return unchanged("unchanged_house")


def large() -> list[str]:
    """Two hundred thousand images: results/large.json."""
    document = read("large")
    words = {
        "keras": "decoded by `image_dataset_from_directory`, kept nowhere",
        "cache": "decoded into the cache by `train data`, walked and hashed before",
        "epoch from the disk": "an epoch's batches, shuffled, from the cache on the disk",
        "epoch from memory": "the same of images that the system holds in memory",
    }
    rows = [
        [
            words[row["what"]],
            f"{row['images']:,}",
            f"{row['images_per_s']:,.0f}",
            f"{row['pss'] / 1e9:.2f} GB" if row["pss"] else "-",
        ]
        for row in document["results"]
    ]
    return [*markdown(("images of 224x224", "how many", "a second", "peak memory (PSS)"), rows), "", source(document)]


def growth() -> list[str]:
    """Seconds of features and heads by their number: results/growth.json."""
    document = read("growth")
    heads: dict[int, list[str]] = {}
    for row in document["results"]:
        if row["what"] == "head":
            heads.setdefault(row["images"], []).append(f"{row['seconds']:.1f} s")
    classes = sorted({row["classes"] for row in document["results"] if row["what"] == "head"})
    parts = {(row["images"], row["processes"]): row["seconds"] for row in document["results"] if "processes" in row}
    rows = [
        [f"features, {images:,} images", *(f"{parts[images, count]:.0f} s" for count in (1, 2)), ratio]
        for images in sorted({images for images, _ in parts})
        if (ratio := f"{parts[images, 1] / parts[images, 2]:.2f}")
    ]
    fitted = [[f"{images:,}", *seconds] for images, seconds in heads.items()]
    return [
        *markdown(("EfficientNet-Lite0, 224x224, one core a process", "one process", "two", "times as fast"), rows),
        "",
        *markdown(("head fitted on images", *(f"of {count} classes" for count in classes)), fitted),
        "",
        source(document),
    ]
