"""Writes MODEL_CARD.md beside the exported files, or updates the parts between marks of an existing one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from device import command, files
from export.model_card import blocks, data, evaluation, facts, usage
from export.model_card.facts import ModelFacts

NAME = "MODEL_CARD.md"
OWNER = "*To be filled in by the model's owner.*"
# What no measurement knows: outside the marks, written once.
OWNERS = (
    ("Intended use", "Who is to use this model, for what, and what must it not decide?"),
    ("License", "Of the model and of the images it was trained on; also in the first lines of this page."),
    ("Citation", "How to cite the model, and whom to ask about it."),
)


def parts(known: ModelFacts) -> dict[str, list[str]]:
    """The page's parts by name, in order."""
    return {
        "front matter": usage.front_matter(known),
        "details": usage.details(known),
        "labels": data.labels(known),
        "training data": data.training(known),
        "evaluation": [*evaluation.accuracy(known), *evaluation.confidence(known)],
        "latency": evaluation.latency(known),
        "limits": evaluation.limits(known),
        "use": usage.how_to(known),
    }


def whole(known: Mapping[str, Sequence[str]]) -> str:
    """A new page."""
    front, *rest = known
    owners = [f"## {title}\n\n{OWNER} {question}" for title, question in OWNERS]
    license = "license: unknown  # to be filled in by the model's owner"
    begin = f"---\n{blocks.marked(front, known[front], is_yaml=True)}\n{license}\n---"
    sections = [blocks.marked(name, known[name]) for name in rest]
    return "\n\n".join([begin, *sections, *owners]) + "\n"


def write(folder: Path) -> None:
    """Writes the page of an export, unless it has these figures already.

    An older page in which somebody changed what export writes is kept under another name first.
    """
    known = facts.read(folder)
    if known is None:
        return
    path = folder / NAME
    made = parts(known)
    before = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else None
    page = whole(made) if before is None else blocks.updated(before, made)
    if page == before:
        if not blocks.has_parts(page):
            command.say(f"note: {path} has no part that export writes: it stays as it is; move it away for a new one")
        return
    if before is not None and (changed := blocks.edited(before)):
        kept = path.rename(files.aside(path))
        command.say(f"note: {path} was changed by hand between its marks ({', '.join(changed)}); it is kept as {kept}")
    files.write_bytes(path, page.encode(errors="surrogateescape"))
