"""Writes the tables of README and docs from results/*.json and from the code; nobody types a figure.

    python -m experiments.tables            writes them
    python -m experiments.tables --check    exit 1 where a document differs from what would be written

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a function in TABLES.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.boards import rows as board_rows
from benchmarks.documents.results import latency_lines
from benchmarks.documents.rows import LatencyRow
from device import records, text
from experiments import (
    benchmark_tables,
    ci_tables,
    device_tables,
    export_tables,
    few_images_tables,
    gate_tables,
    select_tables,
    training_tables,
)
from experiments.interleaved import mean_ratio
from experiments.markdown import markdown, source, to_float32
from experiments.record import read

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def boards() -> list[str]:
    """What users have measured: docs/boards.json."""
    header, cells = board_rows.cells(board_rows.parse(json.loads(board_rows.TABLE.read_bytes())))
    return markdown(header, cells) if cells else [board_rows.EMPTY]


def first_output() -> list[str]:
    """What a newcomer's first commands print, as today's code lays it out: results/newcomer.json."""
    newcomer = read("newcomer")
    rows = [records.record(LatencyRow, row, "", records.LENIENT) for row in newcomer["results"]]
    return ["```", newcomer["printed"][0], *latency_lines(rows), "```"]


def figures() -> list[str]:
    """What was to be reached, and what was measured."""
    newcomer, classify, quantizer = read("newcomer"), read("classify_cost"), read("quantizer")
    accuracy, epochs = read("tutorial_accuracy"), read("tutorial_epochs")
    timed = {row["variant"]: row for row in newcomer["results"]}
    exported = {row["variant"]: row for row in newcomer["export"]}
    network = exported["int8"]["network_bytes"] / exported["float32"]["network_bytes"]
    one, few, many = classify["results"]
    growth = (many["peak_bytes"] - few["peak_bytes"]) / 1e6
    points = 100 * (exported["int8"]["top1"] - exported["float32"]["top1"])
    rows = [
        ("`make train export`, nothing installed", "8 min", f"{newcomer['first_s'] / 60:.1f} min", newcomer),
        ("the same again", "nothing twice", f"{newcomer['second_s']:.0f} s", newcomer),
        ("fashion_mnist, test accuracy", "91.5 %", accuracy_of(timed["float32"]), newcomer),
        ("trained in", "180 s", f"{newcomer['training_s']:.0f} s", newcomer),
        ("int8 against float32, accuracy", "-0.3 points", f"{points:+.2f} points", newcomer),
        ("int8 network against float32's, bytes", "32 %", text.percent(network, 1), newcomer),
        ("archive in the int8 file", "32 KB", text.size(exported["int8"]["archive_bytes"]), newcomer),
        ("int8 against float32, p50, one thread", "0.6", to_float32(timed["int8"], timed["float32"]), newcomer),
        (
            "`device classify`, start to prediction",
            "0.4 s",
            f"{one['wall_s']:.2f} s (median of {one['processes']})",
            classify,
        ),
        ("its peak memory", "110 MB", text.size(round(one["peak_bytes"])), classify),
        (
            f"{many['images']} images in one call",
            "both cores, memory flat",
            f"{many['processor_s'] / many['wall_s']:.2f} cores busy, {growth:+.1f} MB to {few['images']}",
            classify,
        ),
        (
            "cifar10_tutorial, best epoch by validation",
            "63 %",
            f"{text.percent(accuracy['best_mean'])} (mean of {len(accuracy['results'])} seeds;"
            f" last epoch {text.percent(accuracy['last_mean'])})",
            accuracy,
        ),
        ("its epoch against the chapter's script", "1.00", _epoch(epochs["results"]), epochs),
        (
            f"int8 through the quantizer, {quantizer['results'][0]['images']} images",
            "5 s",
            f"{quantizer['results'][0]['median_s']:.1f} s",
            quantizer,
        ),
        *_of_front_door(),
    ]
    cells = [[what, bar, measured, f"`{document['command']}`"] for what, bar, measured, document in rows]
    return [*markdown(("what", "at most / at least", "measured", "command"), cells), "", machine_of(newcomer)]


def _of_front_door() -> list[tuple[str, str, str, dict[str, Any]]]:
    """What a Python program pays for the front door: results/front_door.json."""
    document = read("front_door")
    call, few, many, imported = document["results"]
    low, high = call["interval"]
    growth = (many["peak_bytes"] - few["peak_bytes"]) / 1e6
    busy = f"{many['processors']:.2f} cores busy, {growth:+.1f} MB to {few['images']}"
    return [
        (
            "`classifier(path)`, 32x32, to its bare steps",
            "1.1",
            f"{call['ratio']:.3f} ({low:.3f}-{high:.3f})",
            document,
        ),
        (f"`classifier.map`, {many['images']} images", "both cores, memory flat", busy, document),
        ("`import framelite`", "30 ms", f"{imported['ms']:.1f} ms (median of {imported['processes']})", document),
    ]


def _epoch(pairs: list[dict[str, float]]) -> str:
    """How long a recipe's epoch takes to the chapter's, over pairs that took turns."""
    ratio, interval = mean_ratio(np.log([pair["recipe_s"] / pair["chapter_s"] for pair in pairs]))
    return f"{text.ratio(ratio, interval)}, {len(pairs)} pairs"


def accuracy_of(row: dict[str, Any]) -> str:
    """A row's accuracy with its interval."""
    return text.accuracy(row["top1"], row["interval"], row["accuracy_n"])


def machine_of(document: dict[str, Any]) -> str:
    """The machine and the date of a document, in words."""
    machine = document["machine"]
    return f"{machine['cores']} cores of {machine['cpu']}, {machine['system'].split(',')[0]}, {document['date']}."


def tutorial() -> list[str]:
    """The course chapter's network over several seeds: results/tutorial_accuracy.json."""
    document = read("tutorial_accuracy")
    rows = [
        [str(r["seed"]), str(r["best_epoch"]), text.percent(r["best_top1"]), text.percent(r["last_top1"])]
        for r in document["results"]
    ]
    rows.append(["mean", "", text.percent(document["best_mean"]), text.percent(document["last_mean"])])
    header = ("seed", "kept epoch", "test accuracy, kept epoch", "test accuracy, last epoch")
    return [*markdown(header, rows), "", source(document)]


def resize() -> list[str]:
    """Time and error of each way to shrink a frame: results/resize.json."""
    document = read("resize")
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in document["results"]:
        groups.setdefault((-row["target"], row["method"]), []).append(row)
    names = list(dict.fromkeys(row["image"] for row in document["results"]))
    rows = []
    for (target, method), members in sorted(groups.items(), key=lambda group: group[0][0]):
        errors = {row["image"]: f"{row['mean_abs_error']:.2g}" for row in members}
        times = [row["ratio_to_area"] for row in members]
        span = f"{min(times):.2f}-{max(times):.2f}" if min(times) < 1 else "1"
        rows.append([str(-target), method, span, *(errors[name] for name in names)])
    header = ["to", "method", "p50 to INTER_AREA", *names]
    return [*markdown(header, rows), "", source(document)]


def resize_bytes() -> list[str]:
    """How many bytes differ between x86 and the emulated board: results/resize_bytes.json."""
    document = read("resize_bytes")
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in document["results"]:
        groups.setdefault(_kind(row["case"]), []).append(row)
    rows = [
        [
            kind,
            f"{sum(r['differ'] > 0 for r in members)} of {len(members)}",
            f"{sum(r['differ'] for r in members):,} of {sum(r['bytes'] for r in members):,}",
            str(max(r["max_difference"] for r in members)),
        ]
        for kind, members in groups.items()
    ]
    header = ("what", "cases that differ", "bytes that differ", "by at most")
    machines = " against ".join(machine["cpu"] for machine in document["machines"])
    return [*markdown(header, rows), "", f"{machines}, {document['date']}: `{document['command']}`"]


def _kind(case: str) -> str:
    """`METHOD: WxH FIT TARGET` -> `METHOD, FIT`."""
    if ": " not in case:
        return "decoding JPEG and PNG"
    method, _, rest = case.partition(": ")
    size, fit, _ = rest.split()
    return f"{method}, {fit}" if size != "20x15" else "enlarging 20x15, all fits"


TABLES: dict[str, Callable[[], list[str]]] = {
    function.__name__: function
    for function in (
        boards,
        ci_tables.blocks,
        ci_tables.qualified_busy,
        ci_tables.images_for_a_limit,
        ci_tables.drop_told,
        ci_tables.drop_advice,
        ci_tables.drop_equal_labels,
        ci_tables.drop_vanished,
        training_tables.recipe_list,
        training_tables.recipe_fields,
        first_output,
        figures,
        tutorial,
        resize,
        resize_bytes,
        device_tables.frames,
        device_tables.frame_figures,
        device_tables.frame_errors,
        device_tables.frame_quality,
        device_tables.soak,
        device_tables.held,
        device_tables.ray_rate,
        benchmark_tables.recipe_latency,
        benchmark_tables.peers,
        benchmark_tables.gate,
        select_tables.select_files,
        select_tables.select_threads,
        select_tables.odd_process,
        gate_tables.gate_coverage,
        gate_tables.gate_limits_table,
        gate_tables.gate_limits_shared,
        gate_tables.round_length,
        gate_tables.gate_rule,
        gate_tables.gate_rules,
        export_tables.sound_limits,
        export_tables.variant_list,
        export_tables.rescue,
        export_tables.quantization_cost,
        export_tables.export_time,
        export_tables.robustness,
        export_tables.confidence,
        export_tables.unknown,
        export_tables.folding,
        export_tables.quantize_at_input,
        export_tables.scaling_auto,
        export_tables.anyone,
        few_images_tables.few_images,
        few_images_tables.few_images_auto,
        few_images_tables.few_images_cross_validation,
        training_tables.large,
        training_tables.growth,
        training_tables.memory,
        training_tables.runs,
        training_tables.unchanged,
        training_tables.unchanged_device,
        training_tables.unchanged_house,
        training_tables.augmentation,
        training_tables.averaged_statistics,
        training_tables.cifar10,
        training_tables.training_bars,
    )
}


def rendered(document: str) -> str:
    """The text of a page with today's tables between its marks."""
    return PLACE.sub(lambda place: place[1] + "\n".join(TABLES[place[2]]()) + "\n" + place[3], document)


def main() -> None:
    stale = []
    for path in DOCUMENTS:
        old = path.read_text(encoding="utf-8")
        new = rendered(old)
        if new != old:
            stale.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale tables in {', '.join(map(str, stale))}; write them with: make tables")


if __name__ == "__main__":
    main()
