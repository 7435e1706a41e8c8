"""The tables of docs/benchmarks.md that are made from results/*.json."""

from collections import Counter
from statistics import median
from typing import Any

from benchmarks.statistics.stats import Interval
from device import text
from experiments.markdown import markdown, source, to_float32
from experiments.record import read

NEIGHBOURS = {"0": "none", "1": "one core busy", "all": "both cores busy"}


def recipe_latency() -> list[str]:
    """Float against int8, one row a recipe and runtime."""
    document = read("recipe_latency")
    rows = []
    for run, runtime in dict.fromkeys((row["run"], row["runtime"]) for row in document["results"]):
        mine = [row for row in document["results"] if (row["run"], row["runtime"]) == (run, runtime)]
        variants = {row["variant"]: row for row in mine}
        float32, int8 = variants["float32"], variants.get("int8")
        rows.append(
            [
                f"`{float32['recipe']}`",
                f"{runtime} {float32['runtime_version']}",
                text.milliseconds(float32["p50_ms"]),
                text.milliseconds(int8["p50_ms"]) if int8 else "-",
                *(to_float32(variants[v], float32) if v in variants else "-" for v in ("dynamic", "int8")),
                text.accuracy(float32["top1"], float32["interval"], float32["accuracy_n"]),
                text.percent(int8["top1"]) if int8 else "-",
            ]
        )
    header = ("recipe", "runtime", "float32 ms", "int8 ms", "dynamic to float32", "int8 to float32", "float32", "int8")
    own = all("ratio_interval" in row for row in document["results"])
    bounds = "" if own else ", at most: the bounds of both medians' intervals, divided"
    return [
        *markdown(header, rows),
        "",
        f"p50, one thread; ratios with their 95 % interval{bounds}. {source(document)}",
    ]


def gate() -> list[str]:
    """How often the gate raised a false alarm, was inconclusive, and was right."""
    document = read("gate")
    rows = []
    for scene in dict.fromkeys(row["scene"] for row in document["results"]):
        network, busy = scene.split()
        mine = [row for row in document["results"] if row["scene"] == scene]
        rows.append(
            [
                f"{'8 ms' if network == 'large' else '0.1 ms'}, {NEIGHBOURS[busy]}",
                *(_of_itself(mine, limit) for limit in (0.05, 0.02)),
                *(_planted(mine, kind, document["truths"], network) for kind in ("8 %", "5 %")),
                f"{median(row['seconds'] for row in mine):.0f} s, at most {max(row['seconds'] for row in mine):.0f} s",
                f"{100 * median(row['taken'] for row in mine):.0f} %",
            ]
        )
    header = (
        *("network, neighbor", "itself, limit 5 %", "itself, limit 2 %", "8 % slower, limit 5 %"),
        *("5 % slower, limit 2 %", "a gate takes", "processor taken"),
    )
    return [*markdown(header, rows), "", source(document)]


def _of_itself(rows: list[dict[str, Any]], limit: float) -> str:
    answers = Counter(row["answer"] for row in rows if row["kind"] == "itself" and row["limit"] == limit)
    return f"{answers['regression']} false alarms, {answers[CANNOT]} can't tell of {answers.total()}"


def _planted(rows: list[dict[str, Any]], kind: str, truths: dict[str, list[float]], network: str) -> str:
    answers = Counter(row["answer"] for row in rows if row["kind"] == kind)
    low, middle, high = truths[f"{network}_{kind[0]}"]
    true = f"{100 * (middle - 1):.1f} % ({100 * (low - 1):.1f}-{100 * (high - 1):.1f})"
    return f"truly {true}: caught {answers['regression']} of {answers.total()}, {answers[CANNOT]} can't tell"


CANNOT = "can't tell"


def peers() -> list[str]:
    """Our times as a multiple of theirs, of the same file in alternating fresh processes."""
    document = read("peers")
    ways = ("ratio", "ratio_without_calls", "ratio_to_onnxruntime", "frame_to_mediapipe")
    rows = [
        [f"`{row['file']}`", f"{row['p50_ms']['ours']:.3g}", *(_ratio(row[way]) for way in ways)]
        for row in document["results"]
    ]
    header = (
        *("file", "ours, p50 ms", "to litert-benchmark", "without each one's own call"),
        *("to onnxruntime", "a frame's way to MediaPipe's"),
    )
    return [*markdown(header, rows), "", source(document)]


def _ratio(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    low, high = found["interval"]
    return str(Interval(low, found["median"], high))
