"""The parts of a model card on each file's accuracy and speed, and on what was not tested."""

from collections.abc import Iterator, Mapping

from device import text
from device.data.benchmark_record import TimedFile
from device.evaluation import confidence_table, runtimes
from device.evaluation.confidence import FittedConfidence
from device.evaluation.cost_table import SHARED
from device.host.system import Host
from device.model.card import CROSS_VALIDATION
from export.model_card.facts import DeliveredFile, ModelFacts
from export.model_card.markdown import plain, table

# Below this a label's recall is known to no better than 30 points or so (Wilson's interval).
FEW = 30
NAMED = 10
HEADER = ("variant", "accuracy (95 % interval)", "loses, in points", "worst label", "same label", "largest error")


def accuracy(known: ModelFacts) -> list[str]:
    comparison = known.main.comparison
    how = {
        CROSS_VALIDATION: "by cross-validation: each training image by a head that has not seen it",
        "calibration": "on the calibration images, whose labels are not known",
    }.get(known.split, f"on {comparison.n} {known.split} images")
    reference = {"keras": "the Keras model", "tensorflow": "the SavedModel"}.get(
        known.made.reference, "the float32 file it was made from"
    )
    return [
        "## Evaluation",
        "",
        f"Measured {how}. Each file went through the code that runs on a board; what it loses, the share of images with"
        f" the same label and the largest difference of a score are relative to {reference}.",
        "",
        *table(HEADER, [_row(each) for each in known.files]),
    ]


def _row(each: DeliveredFile) -> tuple[str, ...]:
    found = each.comparison
    worst = found.worst_label
    return (
        each.name,
        text.accuracy(found.top1, found.interval, found.n),
        text.points(found.drop, found.drop_interval),
        "-" if worst is None else f"{plain(worst.label)} {text.percent(worst.top1)} (n {worst.n})",
        text.percent(found.agreement),
        "-" if found.largest_error is None else f"{found.largest_error:.2g}",
    )


def confidence(known: ModelFacts) -> list[str]:
    """Each file's temperature and threshold, and what they do; [] where nothing was fitted."""
    fitted = {each.name: each.comparison.confidence for each in known.files if each.comparison.confidence}
    if not fitted:
        return []
    return [
        "",
        "### Confidence",
        "",
        "The temperature divides a file's logits, so that its scores say how often it is right; a prediction below the",
        "threshold is shown as *unknown*. Both are in the file, and framelite's `device` applies them; other clients",
        "show the network's own scores. The expected calibration error is without and with the temperature, with its",
        "95 % interval.",
        "",
        *table(*confidence_table.table("variant", fitted)),
        "",
        *(f"- {line}" for line in (*confidence_table.notes(fitted), *_without_temperature(fitted))),
    ]


def _without_temperature(fitted: Mapping[str, FittedConfidence]) -> list[str]:
    return [
        f"no temperature for {name}: {one.temperature.reason}" for name, one in fitted.items() if one.temperature.reason
    ]


def latency(known: ModelFacts) -> list[str]:
    """The latency of an inference, if it was measured, and in other runtimes."""
    rows = [
        (each.name, f"{row.runtime} {row.runtime_version}", str(row.threads), *_times(row))
        for each in known.files
        for row in known.timed.of(each.sha256)
    ]
    lines = ["## Latency", ""]
    if rows:
        where = _machine(known.timed.machine)
        lines += [f"Of an inference, measured on {where}{_on(known.timed.date)}; other machines differ.", ""]
        lines += table(("variant", "runtime", "threads", "p50 ms", "p90 ms"), rows)
    else:
        lines.append("Not measured yet: `python -m benchmarks latency RUN`, then `python -m export card RUN`.")
    tried = runtimes.columns([each.runtimes for each in known.files])
    if tried:
        cells = [(each.name, *(column[i] for column in tried.values())) for i, each in enumerate(known.files)]
        lines += [
            "",
            "In other runtimes: whether the golden images in the file have the recorded scores there, and the",
        ]
        lines += ["time of an inference, LiteRT's being 1, on the machine that exported.", ""]
        lines += table(("variant", *tried), cells)
    return lines


def _times(row: TimedFile) -> tuple[str, str]:
    return text.milliseconds(row.p50_ms), text.milliseconds(row.p90_ms)


def _machine(host: Host | None) -> str:
    if host is None:
        return "a machine that isn't recorded"
    return plain(f"{host.board or host.cpu or host.architecture}, {host.cores} cores, {host.system}")


def _on(date: str | None) -> str:
    return "" if date is None else f", {date}"


def limits(known: ModelFacts) -> list[str]:
    return ["## Limits: what was not tested", "", *(f"- {line}" for line in _limits(known))]


def _limits(known: ModelFacts) -> Iterator[str]:
    if not known.is_judged:
        yield "No labeled images were there: nothing is known of the accuracy."
    elif known.split == CROSS_VALIDATION:
        yield "No image was kept aside: the accuracy is cross-validated on the training images."
    if known.made.rescue and known.made.rescue.shares_images:
        yield f"Rescue of int8: {SHARED}."
    yield (
        "Other cameras, places, lighting and seasons than those of the images above, and how accuracy differs between"
        " groups of people or of objects that no label names."
    )
    if seen := known.provenance.get("may_have_seen_test"):
        yield f"Networks before this one may have been trained on test images: {plain(seen)}."
    if rare := [row.label for row in known.main.comparison.per_class or () if row.n < FEW]:
        shown = text.some(list(map(plain, rare)), NAMED)
        yield f"Labels with fewer than {FEW} images to judge by, of which little is known: {shown}."
    confidence = known.card.confidence
    if confidence.unknown_below is None:
        yield "An image of anything else also gets one of the labels: no threshold of *unknown* was fitted."
    if confidence.temperature is None:
        yield "Scores were not calibrated: a score of 0.9 doesn't mean that nine in ten such predictions are right."
    if not any(each.runtimes for each in known.files):
        yield "Runtimes other than LiteRT were not tried."
    yield "Inputs that were made to deceive."
