"""The tables of docs/device.md and of figures.md: what a frame costs, and how long a live classifier lasts."""

from typing import Any

from experiments.markdown import markdown, source
from experiments.record import read

# What is measured, in words, and with how many threads.
FRAMES = {
    "around_to_invoke": ("preprocess and postprocess to the bare invoke", "1"),
    "around_to_one_inter_area": ("preprocess and postprocess to one INTER_AREA resize of the frame", "1"),
    "one_thread_to_mediapipe": ("frame to prediction to MediaPipe's", "1, MediaPipe 1"),
    "two_threads_to_mediapipe": ("frame to prediction to MediaPipe's", "2, MediaPipe 1"),
    "loop_to_bare_invoke": ("predictions per second of the live loop to bare invokes", "1"),
}
# What was to be reached, for which network.
LARGE, SMALL = "tf2_mobilenet_v2_1.0_224_ptq.tflite", "cifar10_int8.tflite"
SMALLEST = "fashion_mnist_int8.tflite"
NETWORKS = {
    LARGE: "MobileNetV2, 224x224, int8",
    SMALL: "cifar10, 32x32, int8",
    SMALLEST: "fashion_mnist, 28x28, int8",
}
BARS = (
    (LARGE, "around_to_invoke", "at most 0.13"),
    (LARGE, "one_thread_to_mediapipe", "at most 1.03"),
    (LARGE, "two_threads_to_mediapipe", "at most 0.65"),
    (LARGE, "loop_to_bare_invoke", "at least 0.95"),
    (SMALL, "around_to_one_inter_area", "at most 0.25"),
    (SMALL, "one_thread_to_mediapipe", "at most 0.6"),
    (SMALLEST, "one_thread_to_mediapipe", "at most 1.00"),
)
# Whose errors are shown, and as what: the resize of MediaPipe looks at four pixels, as OpenCV's INTER_LINEAR does.
RESIZES = {"INTER_LINEAR": "bilinear, as MediaPipe's", "halvings, then INTER_LINEAR_EXACT (ours)": "ours"}
FRAMES_LOOKED_AT = ("cat_720p.jpg", "kite_and_cold.jpg", "zone plate", "fine text")


def frames() -> list[str]:
    """What each stage of a frame costs, and MediaPipe's whole way: results/frames.json."""
    document = read("frames")
    rows = [[what, by, *(_spread(row[key]) for row in document["results"])] for key, (what, by) in FRAMES.items()]
    rows.insert(0, ["invoke, ms", "1", *(_spread(row["invoke_ms"], 3) for row in document["results"])])
    header = ("over sets of fresh processes (95 %)", "threads", *(f"`{row['file']}`" for row in document["results"]))
    return [*markdown(header, rows), "", source(document)]


def frame_figures() -> list[str]:
    """What was to be reached with a frame, and what was measured."""
    document = read("frames")
    measured = {row["file"]: row for row in document["results"]}
    rows = [[NETWORKS[file], *FRAMES[key], bar, _spread(measured[file][key])] for file, key, bar in BARS]
    header = ("network", "1280x720 frames in memory", "threads", "to be reached", "measured")
    return [*markdown(header, rows), "", source(document)]


def frame_errors() -> list[str]:
    """How far a frame made small is from one INTER_AREA, ours and the way of MediaPipe."""
    document = read("resize")
    found = {(row["target"], row["method"], row["image"]): row["mean_abs_error"] for row in document["results"]}
    rows = [
        [f"to {target}, {words}", *(f"{found[target, method, image]:.2g}" for image in FRAMES_LOOKED_AT)]
        for target in (224, 32)
        for method, words in RESIZES.items()
    ]
    header = ("mean absolute error, of 255", *FRAMES_LOOKED_AT)
    return [*markdown(header, rows), "", source(document)]


def _spread(value: dict[str, Any], digits: int = 3) -> str:
    low, high = value["interval"]
    return f"{value['ratio']:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def frame_quality() -> list[str]:
    """Accuracy of the quick ways of a frame beside the exact ones: results/frame_quality.json."""
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
    """What an hour of `live` with everything at once, and twenty lost sources, came to: results/soak.json."""
    document = read("soak")
    losses, hour = document["results"]
    rate = hour["answers"] / hour["minutes"] / 60
    rows = [
        ["sources lost and recovered", _recovered(losses)],
        ["minutes with everything at once", f"{hour['minutes']}"],
        ["frames classified", f"{hour['answers']:,}, {rate:.1f} per second"],
        ["lines missing in the file", str(hour["lines_missing"])],
        ["sources lost meanwhile and recovered", _recovered(hour)],
        ["silent connections closed", f"{hour['silent_put_out']:,} of {hour['silent']:,}"],
        [
            "the viewer",
            f"{'stayed' if hour['viewer_stayed'] else 'was disconnected'}, {hour['viewer_bytes'] / 1e9:.1f} GB",
        ],
        [
            "labels sent to the broker",
            f"{hour['mqtt_labels']:,}; the last is {'' if hour['mqtt_last_is_newest'] else 'not '}the file's last",
        ],
        [
            "memory after the first minute",
            f"{hour['growth_bytes'] / 1e6:+.1f} MB at the end, {hour['largest_growth_bytes'] / 1e6:+.1f} MB at most",
        ],
        ["threads, open files", f"{_range(hour['threads'])}, {_range(hour['files'])}"],
        ["exit code after SIGTERM", str(hour["exit_code"])],
    ]
    return [*markdown(("what", "measured"), rows), "", source(document)]


def _recovered(row: dict[str, Any]) -> str:
    lost = row.get("losses", row.get("lost"))
    return f"{row['recovered']} of {lost}, the slowest after {row['slowest_s']:.1f} s"


def _range(values: list[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def held() -> list[str]:
    """What it costs that `live` holds the bytes of its model."""
    document = read("held")
    (row,) = document["results"]
    rows = [
        ["a frame of 1280x720 to its labels", _spread(row["frame"])],
        [
            "from the file to the first prediction, without imports",
            f"{_spread(row['start'])} of {row['start_ms']:.0f} ms",
        ],
        ["most memory so far", f"{row['more_bytes'] / 1e6:+.1f} MB; the file has {row['bytes'] / 1e6:.1f} MB"],
    ]
    return [*markdown(("held to mapped", f"`{row['file']}`, {row['pairs']} pairs"), rows), "", source(document)]


def ray_rate() -> list[str]:
    """Ray Data beside `classifier.map` on one machine: results/ray_rate.json."""
    document = read("ray_rate")
    rows = {row["what"]: row for row in document["results"]}
    names = {"map": "`classifier.map`", "ray": "Ray Data, a worker per core", "one": "Ray Data, one image"}
    cells = [
        [name, f"{rows[what]['images']:,}", f"{rows[what]['s']:.1f} s", f"{rows[what]['per_second']:,.0f}"]
        for what, name in names.items()
    ]
    return [*markdown(("with", "images", "time", "images per second"), cells), "", source(document)]
