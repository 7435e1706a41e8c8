"""The fields of a recipe by their flat names: for --set, for Python's keyword arguments, and for run.json.

change(recipe, ["epochs=20", "image_size=64x64"])        # texts, as from the command line
changed(recipe, epochs=20, image_size=(64, 64))          # values, as from Python
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from device.data.run_record import RENAMED, RENAMED_SCHEDULES
from device.declared import text
from device.errors import UserError
from device.places import is_folder
from train.backbones import backbones
from train.recipes.classical import ClassicalRecipe
from train.recipes.fields import flat_name, parse
from train.recipes.recipe import DataRecipe, Recipe

T = TypeVar("T", bound=DataRecipe)
Value = str | float | Path | Sequence[float]

KINDS: dict[str, type[DataRecipe]] = {Recipe.kind: Recipe, ClassicalRecipe.kind: ClassicalRecipe}
# Fields that treat an image and its mirror image alike: right for the measured data sets, wrong for arrows or letters.
MIRRORING = ("horizontal_flip", "flip_average")


def fields_of(kind: type[DataRecipe]) -> dict[str, tuple["Field[Any]", Any]]:
    """The field and its type by flat name."""
    records = [get_type_hints(kind)[each.name] for each in fields(kind)]
    return {
        flat_name(each): (each, get_type_hints(record)[each.name])
        for record in records
        if is_dataclass(record)
        for each in fields(record)
    }


def types(kind: type[DataRecipe]) -> dict[str, Any]:
    """The type of each field by its flat name."""
    return {name: hint for name, (_, hint) in fields_of(kind).items()}


def flat(recipe: DataRecipe) -> dict[str, Any]:
    """Every value by its flat name, name and description first."""
    found: dict[str, Any] = {}
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if is_dataclass(value):
            found |= {flat_name(inner): getattr(value, inner.name) for inner in fields(value)}
        else:
            found[each.name] = value
    return found


def made(kind: type[T], values: Mapping[str, Any]) -> T:
    """The recipe with these values, and defaults for missing fields; UserError for invalid values."""
    if unknown := set(values) - {"name", "description", *fields_of(kind)}:
        raise TypeError(f"no fields of {kind.__name__}: {', '.join(sorted(unknown))}")
    parts: dict[str, Any] = {}
    try:
        for each in fields(kind):
            record = get_type_hints(kind)[each.name]
            if is_dataclass(record):
                mine = {i.name: values[flat_name(i)] for i in fields(record) if flat_name(i) in values}
                parts[each.name] = record(**mine)  # type: ignore[operator]
            elif each.name in values:
                parts[each.name] = values[each.name]
        return kind(**parts)
    except UserError as error:
        raise UserError(f"recipe {values['name']}: {error}") from None


def replaced(recipe: T, **values: Any) -> T:
    """The recipe with these values replaced, and nothing else changed."""
    return made(type(recipe), {**flat(recipe), **values})


def changed(recipe: T, **values: Value) -> T:
    """Like `change`, with Python's values: numbers, texts, paths, tuples and lists."""
    known = types(type(recipe))
    return _changed(recipe, {name: text(value, known.get(name)) for name, value in values.items()})


def change(recipe: T, settings: Sequence[str]) -> T:
    """The recipe with FIELD=VALUE settings applied; UserError for an unknown field or a value of the wrong kind.

    Your own folder as `data` turns off the recipe's `MIRRORING`, unless a setting asks for it: the recipe's choice is
    for the data set that it was measured on. A backbone that was trained at another image size sets that size.
    """
    texts: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: expected FIELD=VALUE, such as --set epochs=20")
        texts[name] = value
    return _changed(recipe, texts)


def _changed(recipe: T, texts: Mapping[str, str]) -> T:
    changes = {name: _parsed(recipe, name, value) for name, value in texts.items()}
    before = flat(recipe)
    known = backbones.BACKBONES.get(changes.get("backbone", ""))
    if known and known.lite and before.get("network") == "backbone":
        changes = {"image_size": (known.lite.side, known.lite.side), **changes}
    data = changes.get("data", before["data"])
    if is_folder(data) and Path(data).resolve() != Path(before["data"]).resolve():
        changes = {**{name: False for name in MIRRORING if name in before}, **changes}
    return replaced(recipe, **changes)


def _parsed(recipe: DataRecipe, name: str, value: str) -> Any:
    known = types(type(recipe))
    if name not in known:
        raise UserError(_unknown(recipe, name, value, list(known)))
    if name == "images_per_class" and value == "all":
        return 0
    if name == "schedule" and value in RENAMED_SCHEDULES:
        raise UserError(f"the schedule {value} was renamed; expected schedule={RENAMED_SCHEDULES[value]}")
    try:
        return parse(value, known[name])
    except ValueError as error:
        raise UserError(f"{name}={value}: expected {error}") from None


def _unknown(recipe: DataRecipe, name: str, value: str, known: list[str]) -> str:
    if RENAMED.get(name) in known:
        return f"the field {name} was renamed; expected {RENAMED[name]}={value}"
    return f"{name}={value}: the recipe {recipe.name} has no such field, expected one of {', '.join(known)}"


def defaults(kind: type[DataRecipe]) -> dict[str, Any]:
    """The defaults of all fields that have one, as in run.json."""
    values = {name: each.default for name, (each, _) in fields_of(kind).items()}
    return _listed({name: value for name, value in values.items() if value is not MISSING})


def to_json(recipe: DataRecipe) -> dict[str, Any]:
    """Every field by its flat name, as run.json has them."""
    return _listed(flat(recipe))


def recorded(kind: type[T], document: Mapping[str, Any]) -> T:
    """The recipe that `to_json` recorded; TypeError for fields that no longer exist."""
    return made(kind, {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()})


def _listed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
