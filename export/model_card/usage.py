"""The parts of a model card on what the model is and how to use it, and its first lines for machines."""

import json

from device import text
from device.data.run_record import RunRecord
from export.model_card.facts import ModelFacts
from export.model_card.markdown import facts, plain, table

MITCHELL = "https://arxiv.org/abs/1810.03993"
# By what its variants were compared with.
SOURCES = {"keras": "a Keras model", "tensorflow": "a TensorFlow SavedModel", "float32": "a float .tflite"}


def front_matter(known: ModelFacts) -> list[str]:
    """YAML as model hubs read it; strings are written as JSON, which YAML is a superset of."""
    tags = ["image-classification", "litert", "tflite", "framelite", *(["keras"] if known.is_trained_here else [])]
    datasets = [str(known.data.name)] if known.is_trained_here else []
    return [
        "pipeline_tag: image-classification",
        "library_name: tflite",
        f"tags: {_listed(tags)}",
        f"datasets: {_listed(datasets)}",
        f"metrics: {_listed(['accuracy'] if known.is_judged else [])}",
    ]


def _listed(words: list[str]) -> str:
    return json.dumps(words, ensure_ascii=False)


def details(known: ModelFacts) -> list[str]:
    card, run, provenance = known.card, known.run, known.provenance
    rows: list[tuple[str, object | None]] = [("Name", plain(card.name)), ("Exported", provenance.get("created"))]
    if known.is_trained_here:
        versions = ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
        rows += [
            ("Source", "a Keras model"),
            ("Recipe", plain(card.recipe)),
            ("Network", None if run is None else plain(_network(run))),
            ("Parameters", None if run is None or run.parameters is None else f"{run.parameters:,}"),
            ("Seed", provenance["seed"]),
            ("Made with", plain(versions)),
            ("Commit", provenance["git_commit"]),
        ]
    else:
        rows.append(("Source", f"{SOURCES[known.made.reference]}, SHA-256 {provenance.get('source_sha256')}"))
    files = [(each.name, f"`{each.file}`", text.size(each.size)) for each in known.files]
    return [
        f"# {plain(card.name)}",
        "",
        "An image classifier for camera boards: of a whole image it gives one of"
        f" {len(known.made.inputs.labels)} labels, and a score for each. This page follows"
        f" [Mitchell et al., 2019]({MITCHELL}); export writes its figures from the records that lie beside the files.",
        "",
        *facts(rows),
        "",
        *table(("variant", "file", "size"), files),
    ]


def _network(run: RunRecord) -> str:
    network = str(run.recipe.get("network"))
    return f"{network}, {run.recipe['backbone']}" if network == "backbone" else network


def how_to(known: ModelFacts) -> list[str]:
    file = known.main.file
    return [
        "## How to use it",
        "",
        "With framelite's `device` package, numpy, OpenCV and LiteRT (or tflite-runtime):",
        "",
        "```",
        f"python -m device check {file}                            # does this machine give the recorded scores?",
        f"python -m device classify {file} IMAGE",
        f"python -m device live {file} --source 0 --serve          # a camera, on a page",
        "```",
        "",
        "Labels, size, fit and scaling are in the file. Other clients read its TFLite Metadata.",
    ]
