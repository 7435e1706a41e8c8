"""The tables of docs/training.md that are made from results/*.json: runs, augmentation."""

from device import text
from experiments.markdown import markdown, source
from experiments.record import read

# What was reported elsewhere for the same task; the course chapter's figures are of its validation pictures.
REPORTED = {
    "cifar10_tutorial": "chapter: 65.75 % (validation)",
    "cats_vs_dogs_tutorial": "chapter: 71.0 % (validation)",
    "cats_vs_dogs_mobilenet": "chapter: not of cats and dogs, see above",
    "cifar10": "MLPerf Tiny's int8 file: 86.97 %; its quality target 85 %",
    "cifar10_resnet8": "MLPerf Tiny's float file: 87.19 %",
}


def runs() -> list[str]:
    document = read("runs")
    rows = [
        [
            f"`{row['command']}`",
            text.accuracy(row["top1"], row["interval"], row["n"]),
            text.percent(row["int8"]["top1"]) if row["int8"] else "-",
            f"{row['wall_time_s'] / 60:.1f} min" if row["wall_time_s"] >= 100 else f"{row['wall_time_s']:.0f} s",
            REPORTED.get(row["recipe"], "-"),
        ]
        for row in document["results"]
    ]
    header = ("command", "test accuracy", "int8", "wall time", "reported elsewhere")
    return [*markdown(header, rows), "", source(document)]


def augmentation() -> list[str]:
    document = read("augmentation")
    rows = [[row["what"], f"{row['pictures_per_s']:,.0f}"] for row in document["results"]]
    header = (f"all six at {document['size']}x{document['size']}", "pictures a second")
    foot = f"{document['ratio']:.1f} times as many in one run. {source(document)}"
    return [*markdown(header, rows), "", foot]
