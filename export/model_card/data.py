"""The parts of a model card on labels, input, and the images for training and calibration."""

from collections.abc import Mapping

from device.data.run_record import RunData, RunRecord
from device.model import channels
from device.model.card import InputSpec
from export.model_card.facts import ModelFacts
from export.model_card.markdown import facts, plain, table

# Of labels by name; a page with a thousand is read by nobody.
MOST_LABELS = 100
FITS = {
    "crop": "the largest part of the network's shape, from the middle",
    "stretch": "the whole image, its shape changed",
    "pad": "the whole image, black beside it",
}


def labels(known: ModelFacts) -> list[str]:
    names, spec = known.made.inputs.labels, known.card.input
    shown = ", ".join(map(plain, names[:MOST_LABELS])) + (" …" if len(names) > MOST_LABELS else "")
    return [
        "## Labels and input",
        "",
        *facts(
            [
                (f"Labels ({len(names)}, in output order)", shown),
                ("Input", f"{spec.height}x{spec.width} pixels (height x width), {spec.color}, 0..255"),
                ("Fit", f"{spec.fit}: {FITS[spec.fit]}"),
                ("Scaling", _scaling(spec)),
                ("Output", f"{known.card.output.kind}, one score a label"),
            ]
        ),
    ]


def _scaling(spec: InputSpec) -> str:
    mean, std = channels.text(spec.mean), channels.text(spec.std)
    return "inside the network" if (mean, std) == ("0", "1") else f"(pixel - {mean}) / {std}, before the network"


def training(known: ModelFacts) -> list[str]:
    made = known.made.calibration
    calibrated = f"{made.n} images of the {made.split} part, drawn by seed {made.seed}"
    rows: list[tuple[str, object | None]] = [("Calibration of int8", calibrated)]
    begin = ["## Training data", ""]
    if not known.is_trained_here:
        return [*begin, "Not known: the network came as a file, without its data.", "", *facts(rows)]
    named = [("Data", plain(known.data.name)), ("Fingerprint", f"`{known.data.fingerprint}`")]
    if known.run is None:
        return [*begin, *facts([*named, *rows]), "", "How many images it had is in the record of the run."]
    return [*begin, *facts([*named, *_data(known.run), *rows]), *_counts(known.run.data)]


def _data(run: RunRecord) -> list[tuple[str, object | None]]:
    data = run.data
    return [
        ("Images", f"{data.train} training, {data.validation} validation, {data.test} test"),
        ("Left out", f"{data.skipped} images that can't be read" if data.skipped else None),
        ("Identical images", None if data.copies is None else _said(vars(data.copies))),
        ("Begun with", None if run.begun_with is None else "the weights of another model"),
        ("Teacher", None if run.teacher is None else "the predictions of another model"),
    ]


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "none"


def _counts(data: RunData) -> list[str]:
    """A table of the number of images by label and split."""
    counts = data.counts
    if counts is None or len(data.labels) > MOST_LABELS:
        return []
    rows = [(plain(label), *(str(counts[part].get(label, 0)) for part in counts)) for label in data.labels]
    return ["", *table(("label", *counts), rows)]
