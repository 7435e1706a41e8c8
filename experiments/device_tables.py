"""The tables of docs/device.md: what a frame costs, and how long a live classifier lasts."""

from typing import Any

from experiments.markdown import markdown, source
from experiments.record import read

FRAMES = (
    ("around_to_invoke", "preprocess and postprocess to the bare invoke, one thread"),
    ("around_to_one_inter_area", "the same to one INTER_AREA resize of the frame"),
    ("one_thread_to_mediapipe", "frame to answer to MediaPipe's, one thread each"),
    ("two_threads_to_mediapipe", "frame to answer to MediaPipe's, ours with two threads"),
    ("loop_to_bare_invoke", "answers of the live loop to bare invokes, one thread"),
)


def frames() -> list[str]:
    document = read("frames")
    rows = [[what, *(_spread(row[key]) for row in document["results"])] for key, what in FRAMES]
    rows.insert(0, ["invoke, one thread, ms", *(_spread(row["invoke_ms"], 3) for row in document["results"])])
    header = ("median (quartiles)", *(f"`{row['file']}`" for row in document["results"]))
    return [*markdown(header, rows), "", source(document)]


def _spread(value: dict[str, Any], digits: int = 2) -> str:
    low, high = value["quartiles"]
    return f"{value['median']:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def frame_quality() -> list[str]:
    document = read("frame_quality")
    rows = [
        [
            row["what"],
            f"{100 * row['reference']:.2f} %",
            f"{100 * row['ours']:.2f} %",
            f"{100 * row['difference']:+.2f} ({100 * row['interval'][0]:+.2f} to {100 * row['interval'][1]:+.2f})",
            str(row["n"]),
        ]
        for row in document["results"]
    ]
    return [*markdown(("what", "reference", "ours", "points (95 %, paired)", "n"), rows), "", source(document)]


def soak() -> list[str]:
    document = read("soak")
    losses, endurance = document["results"]
    lost, slowest = losses["losses"], losses["slowest_s"]
    rate = endurance["answers"] / endurance["minutes"] / 60
    rows = [
        ["sources lost and answered again", f"{losses['recovered']} of {lost}, the slowest after {slowest:.1f} s"],
        ["minutes with a viewer on the page", f"{endurance['minutes']:g}"],
        [
            "frames answered",
            f"{endurance['answers']:,}, {rate:.1f} a second",
        ],
        ["memory after the first minute", f"{endurance['growth_bytes'] / 1e6:+.1f} MB at the end"],
        ["threads, open files", f"{_range(endurance['threads'])}, {_range(endurance['files'])}"],
        ["exit code after SIGTERM", str(endurance["exit_code"])],
    ]
    return [*markdown(("what", "measured"), rows), "", source(document)]


def _range(values: list[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"
