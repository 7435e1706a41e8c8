"""The tables of docs/exporting.md, from results/*.json and from the code."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from device import text
from device.model import variants
from experiments.markdown import markdown, source
from experiments.record import read
from train.recipes import catalog

# What int8 may cost a recipe, as a share.
MOST = 0.005


def variant_list() -> list[str]:
    """A row a variant: what it is."""
    on_request = {True: "", False: "; on request alone"}
    rows = [[f"`{each.name}`", each.meaning + on_request[each.is_default]] for each in variants.TABLE]
    return markdown(("variant", "what it is"), rows)


def sound_limits() -> list[str]:
    """A row a variant: the limits beyond which export refuses its file."""
    rows = [
        [
            f"`{variant.name}`",
            f"{variant.signal:g} dB",
            f"{100 * variant.drop:g} points",
            f"{variant.error:g}" if variant.error < 1 else "-",
        ]
        for variant in variants.TABLE
    ]
    return markdown(
        ("variant", "signal to noise, at least", "accuracy lost, at most", "a score differs by, at most"), rows
    )


def rescue() -> list[str]:
    """A row a network: what plain int8 and the rescued file lose on test images, and what that costs.

    Of a network that was studied more than once: which means were chosen how often, the largest latency.
    """
    document = read("rescue")
    header = ("network", "float32", "plain int8 loses", "rescued loses", "by", "latency", "size", "tried")
    rows = [
        [
            row["network"],
            text.accuracy(row["float32_top1"], row["float32_interval"], row["n"]),
            _lost(row["plain"]),
            _lost(row["rescued"]),
            _chosen([one["means"] for one in row["studies"]]),
            text.ratio(row["largest_latency_ratio"]),
            f"{text.size(row['plain']['network_bytes'])} -> {text.size(row['rescued']['network_bytes'])}",
            "; ".join(f"{len(one['steps'])} in {one['seconds']:.0f} s" for one in row["studies"]),
        ]
        for row in document["results"]
    ]
    return [*markdown(header, rows), "", source(document)]


def _chosen(means: list[str]) -> str:
    counted = Counter(means)
    return "; ".join(name if count == len(means) else f"{count} x {name}" for name, count in counted.most_common())


def anyone() -> list[str]:
    """A row a file: what export made of a published Keras model, and the int8 file that is published with it."""
    document = read("anyone")
    reference = document["results"][-1]["p50_ms"]
    rows = [
        [
            f"`{row['file']}`",
            text.size(row["file_bytes"]),
            text.accuracy(row["top1"], row["interval"], row["n"]),
            text.percent(row.get("agreement")),
            text.ratio(row["p50_ms"] / reference),
        ]
        for row in document["results"]
    ]
    header = ("file", "size", "accuracy", "agreement with Keras", f"p50 to `{document['results'][-1]['file']}`")
    return [*markdown(header, rows), "", source(document)]


def _lost(measured: dict[str, Any]) -> str:
    """In points, with the paired 95 % interval."""
    low, high = measured["interval"]
    return f"{100 * measured['drop']:.2f} ({100 * low:.2f} to {100 * high:.2f})"


def quantization_cost() -> list[str]:
    """A row a recipe and variant, on the same test images, and the command that each was trained by."""
    document = read("export_report")
    paired = ("loses, points", "p", "changed: lost, won", "agreement", "at most 0.5, or chance")
    header = ("recipe", "variant", "size", "accuracy", *paired)
    runs = _by_recipe(document)
    rows = [[called(run), *_variant(row)] for run in runs for row in run["variants"]]
    commands = [f"- {called(run)}: `{run['command']}`" for run in runs]
    return [*markdown(header, rows), "", *commands, "", source(document)]


def _by_recipe(document: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(document["results"], key=lambda run: (run["recipe"], run["data"]))


def called(run: dict[str, Any]) -> str:
    """With what isn't as the recipe has it: the data, fewer epochs."""
    recipe = catalog.get(run["recipe"])
    own = [] if run["data"] == recipe.data.source else [run["data"]]
    fewer = [] if run["epochs"] == recipe.training.epochs else [f"{run['epochs']} of {recipe.training.epochs} epochs"]
    return ", ".join([f"`{recipe.name}`", *own, *fewer])


def _variant(row: dict[str, Any]) -> list[str]:
    found = [row["variant"], text.size(row["file_bytes"]), text.accuracy(row["top1"], row["interval"], row["n"])]
    if row["variant"] == "float32" or row["drop"] is None:
        return [*found, *"---", text.percent(row["agreement"]), "-"]
    return [
        *found,
        _lost({"drop": row["drop"], "interval": row["drop_interval"]}),
        "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}",
        f"{row['changed']}: {row['lost']}, {row['won']}",
        text.percent(row["agreement"]),
        _passes(row["drop"], row["drop_interval"]),
    ]


def export_time() -> list[str]:
    """A row an export: how long it takes, and in relation to the one that doesn't measure what quantization costs."""
    document = read("export_time")
    names = {
        "before": f"accuracy and agreement alone (commit `{document['before'][:7]}`)",
        "now": "with all that it measures",
        "now_tflite_runtime": "each file tried in tflite-runtime too",
    }
    rows = [
        [names[row["export"]], f"{median(row['wall_s']):.1f} s", *(_to_first(row, of) for of in ("wall", "processor"))]
        for row in document["results"]
    ]
    counts = (
        f"`{document['recipe']}`, {document['variants']} variants, {document['calibrated_with']} calibration,"
        f" {document['test_images']} test and {document['held_out']} held-out images,"
        f" medians and means of {len(document['results'][0]['wall_s'])} rounds in turns; load of the machine at the end"
        f" {document['machine']['load_1min']:.1f}."
    )
    return [*markdown(("export", "takes", "to the first", "its CPU time"), rows), "", f"{counts} {source(document)}"]


def _to_first(row: dict[str, Any], of: str) -> str:
    low, high = row[f"{of}_interval"]
    return "1" if low == high else f"{row[f'{of}_ratio']:.2f} ({low:.2f}-{high:.2f})"


def _passes(drop: float, interval: Sequence[float]) -> str:
    return "yes" if drop <= MOST or interval[0] <= 0 else "no"


def robustness() -> list[str]:
    """A row a corruption, and for each network a column a severity: accuracy of float32 and int8."""
    document = read("robustness")
    runs = document["results"]
    severities = sorted({row["severity"] for row in runs[0]["rows"]})
    header = ("corruption", *(f"{run['run']}, {severity}" for run in runs for severity in severities))
    clean = (_percent(run["clean"]) for run in runs for _ in severities)
    rows = [["none", *clean]]
    for name in dict.fromkeys(row["corruption"] for row in runs[0]["rows"]):
        cells = (_percent(row) for run in runs for row in run["rows"] if row["corruption"] == name)
        rows.append([name.replace("_", " "), *cells])
    return [*markdown(header, rows), "", *map(_robust_note, runs), "", source(document)]


def _percent(row: dict[str, Any]) -> str:
    """With a star where the paired interval of the loss leaves out 0."""
    low, high = row["drop_interval"]
    return f"{100 * row['float32']:.1f} / {100 * row['int8']:.1f}{'' if low <= 0 <= high else ' *'}"


def _robust_note(run: dict[str, Any]) -> str:
    drop, more = (
        _lost({"drop": run[name], "interval": run[f"{name}_interval"]}) for name in ("drop", "more_than_clean")
    )
    return (
        f"- {run['run']}: {run['n']} {run['split']} images, severities of {run['parameters']}, {run['seconds']:.0f} s."
        f" int8 loses {drop} points over all corruptions, {more} more than on clean images."
    )


def folding() -> list[str]:
    """What is done to pixels before the first convolution, and what that costs."""
    document = read("folding")
    header = ("first convolution", "file", "before it", "latency", "largest difference of a score", "accuracy it loses")
    rows = [
        [
            "valid" if row["network"].endswith("valid") else "same",
            row["variant"],
            row["way"],
            _ratio(row["latency"]),
            f"{row['largest_difference']:.1g}" if row["variant"] == "float32" else f"{row['largest_difference']:.2f}",
            _lost({"drop": row["drop"], "interval": row["drop_interval"]}),
        ]
        for row in document["results"]
        if "n" in row
    ]
    return [*markdown(header, rows), "", source(document)]


def quantize_at_input() -> list[str]:
    """int8 files that do without the QUANTIZE at their input."""
    document = read("folding")
    rows = [[row["way"], _ratio(row["latency"])] for row in document["results"] if "n" not in row]
    return [*markdown(("", "latency to QUANTIZE"), rows), "", source(document)]


def _ratio(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return "1"
    low, high = measured["interval"]
    return f"{measured['ratio']:.3f} ({low:.3f}-{high:.3f})"


def scaling_auto() -> list[str]:
    """A row a network and scaling: in how many of a hundred draws it was named."""
    document = read("scaling_auto")
    counts = sorted({row["n"] for row in document["results"]})
    rows: dict[tuple[str, str], list[str]] = {}
    for row in document["results"]:
        key = row["network"], row["scaling"]
        others = [value for name, value in row["accuracies"].items() if name != row["scaling"]]
        begin = [*key, text.percent(row["accuracies"][row["scaling"]], 1), text.percent(max(others), 1)]
        rows.setdefault(key, begin).append(_named(row))
    header = ("network", "takes", "accuracy", "next best", *(f"{n} images" for n in counts))
    return [*markdown(header, rows.values()), "", source(document)]


def _named(row: dict[str, Any]) -> str:
    """Right, and wrong; in the rest it couldn't be told."""
    right, wrong = (text.percent(row[which] / row["draws"], 1) for which in ("right", "wrong"))
    return f"{right} / {wrong}"


def confidence() -> list[str]:
    """Of each recipe's float32 and int8 the temperature, and how well test scores are calibrated without and with."""
    document = read("export_report")
    rows = []
    for run in _by_recipe(document):
        for row in run["variants"]:
            if row["variant"] in ("float32", "int8") and row["confidence"]:
                rows.append([called(run), row["variant"], *_fitted(row["confidence"])])
    header = ("recipe", "file", "temperature", "calibration error, log loss without", "with")
    return [*markdown(header, rows), "", source(document)]


def _fitted(found: dict[str, Any]) -> list[str]:
    fit = found["temperature"]
    kept = f"{fit['temperature']:.3f}, by {fit['n']} images" if fit["kept"] else f"none: {fit['reason']}"
    return [kept, _calibration(found["before"]), _calibration(found["after"])]


def _calibration(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    return f"{100 * found['error']:.1f} % ({_ends(found['interval'])}), {found['log_loss']:.3f}"


def unknown() -> list[str]:
    """A row a network, variant and wish: what stays known, and what else gets a label."""
    document = read("unknown")
    kinds = list(dict.fromkeys(one["kind"] for row in document["results"] for one in row["others"]))
    header = ("network", "file", "wished", "threshold", "right kept", "wrong kept", "given kind", *kinds)
    rows = []
    for row in document["results"]:
        found = row["confidence"]["threshold"]
        others = {one["kind"]: one for one in row["others"]}
        rows.append(
            [
                row["network"],
                row["variant"],
                f"{row['wish'].replace('_', ' ')} {found['share']:g}",
                f"{found['unknown_below']:.3f}",
                *(_share(found[name]) for name in ("right_kept", "wrong_kept")),
                f"{row['given']}: {_share(found['false_accepts'])}",
                *(_share(others.get(kind)) for kind in kinds),
            ]
        )
    return [*markdown(header, rows), "", source(document)]


def _share(found: dict[str, Any] | None) -> str:
    return "-" if not found else f"{100 * found['share']:.0f} % ({_ends(found['interval'])}, n {found['n']})"


def _ends(interval: Sequence[float]) -> str:
    return "{:.0f}-{:.0f}".format(*(100 * end for end in interval))
