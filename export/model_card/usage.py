"""Of a model card: its first lines for machines, what the model is, and how to use it."""

import json

from device import text
from export.model_card.facts import ModelFacts
from export.model_card.markdown import facts, plain, table

MITCHELL = "https://arxiv.org/abs/1810.03993"


def front_matter(known: ModelFacts) -> list[str]:
    """YAML as model hubs read it; strings are written as JSON, which YAML is a superset of."""
    tags = ["image-classification", "litert", "tflite", "framelite", *(["keras"] if known.run else [])]
    datasets = [known.run.data.name] if known.run else []
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
    card, run = known.card, known.run
    provenance = card.provenance or {}
    rows: list[tuple[str, object | None]] = [
        ("Name", plain(card.name)),
        ("Exported", provenance.get("created")),
        ("Source", f"a float .tflite, SHA-256 {provenance.get('source_sha256')}" if run is None else "a Keras model"),
    ]
    if run is not None:
        versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
        backbone = f", {run.recipe['backbone']}" if run.recipe.get("network") == "backbone" else ""
        rows += [
            ("Recipe", plain(run.recipe_name)),
            ("Network", plain(f"{run.recipe.get('network')}{backbone}")),
            ("Parameters", None if run.parameters is None else f"{run.parameters:,}"),
            ("Seed", run.seed),
            ("Made with", plain(versions)),
            ("Commit", run.git_commit),
        ]
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
