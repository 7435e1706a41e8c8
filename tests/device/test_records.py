"""How a document of ours is read and written: tolerant of fields from later, strict about what is there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from device import records
from device.errors import UserError
from device.records import Limit, RecordError

TODO = "make it again"


@dataclass(frozen=True)
class Part:
    size: tuple[int, int]
    share: float | None = None


@dataclass(frozen=True)
class Whole:
    name: str
    parts: Mapping[str, Part]
    rows: tuple[int, ...]
    came_from: str | None = field(default=None, metadata={records.NAME: "from"})
    best: str | None = field(default=None, metadata=records.IF_KNOWN)


WHOLE = Whole("shapes", {"a": Part((2, 3), 0.5), "b": Part((4, 5))}, (1, 2))
DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "name": "shapes",
    "parts": {"a": {"size": [2, 3], "share": 0.5}, "b": {"size": [4, 5], "share": None}},
    "rows": [1, 2],
    "from": None,
}


def read(tmp_path: Path, document: Any) -> Whole:
    path = tmp_path / "whole.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return records.read(Whole, path, 1, TODO)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """In the order of the fields; what isn't known is null, or left out where the field says so."""
    path = tmp_path / "whole.json"
    records.write(path, WHOLE, 1)
    assert path.read_text() == json.dumps(DOCUMENT, indent=1) + "\n"
    assert records.read(Whole, path, 1, TODO) == WHOLE
    records.write(path, Whole("x", {}, (), "there", "a"), 1)
    assert json.loads(path.read_bytes()) == {
        "schema": 1, "name": "x", "parts": {}, "rows": [], "from": "there", "best": "a",
    }  # fmt: skip


def test_fields_from_later_are_passed_over_and_older_documents_lack_some(tmp_path: Path) -> None:
    later = {**DOCUMENT, "new": 1, "parts": {"a": {"size": [2, 3], "share": 0.5, "new": []}, "b": {"size": [4, 5]}}}
    del later["from"], later["schema"]
    assert read(tmp_path, later) == WHOLE


def test_what_a_reader_tolerates_is_its_own_choice() -> None:
    """Of a card, fields of a later version but no missing ones; of what a user wrote by hand, neither."""
    later, lacking = {"size": [2, 3], "share": 0.5, "new": 1}, {"size": [2, 3]}
    assert records.record(Part, later, "part", records.COMPLETE) == Part((2, 3), 0.5)
    with pytest.raises(RecordError, match="part lacks the field 'share'"):
        records.record(Part, lacking, "part", records.COMPLETE)
    with pytest.raises(RecordError, match="part has an unknown field 'new'"):
        records.record(Part, later, "part")
    assert records.record(Part, {**lacking, "new": 1}, "part", records.LENIENT) == Part((2, 3))


@pytest.mark.parametrize("schema", [0, 2, "1", None, {}])
def test_another_version_is_refused(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path, {**DOCUMENT, "schema": schema})
    assert str(raised.value) == f"{tmp_path}/whole.json: it has schema {schema!r}, this version reads 1; {TODO}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": 5}, "name is 5, expected str"),
        ({"parts": []}, r"parts is \[\], expected dict"),
        ({"parts": {"a": {}}}, "parts.a lacks the field 'size'"),
        ({"parts": {"a": {"size": [1]}}}, r"parts.a.size is \[1\], expected a list of 2"),
        ({"rows": [1, "2"]}, r"rows\[1\] is '2', expected int"),
        ({"rows": [1, True]}, r"rows\[1\] is True, expected int"),
        ({"from": 1}, "from is 1, expected str"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=f"^{said}$"):
        read(tmp_path, {**DOCUMENT, **changes})


def test_what_is_no_such_document(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"^it lacks the field 'name'$"):
        read(tmp_path, {})
    with pytest.raises(RecordError, match=r"^it is \[1\], expected an object$"):
        read(tmp_path, [1])
    for nonsense in ('{"schema": ', "", "[" * 100_000):
        with pytest.raises(ValueError, match=r".") as raised:
            read(tmp_path, nonsense)
        assert not isinstance(raised.value, RecordError)
    with pytest.raises(FileNotFoundError):
        records.read(Whole, tmp_path / "none.json", 1, TODO)


# Several kinds of one thing, and limits beside the field.

Share = Annotated[float, Limit("a share, 0 to 1", lambda value: 0 <= value <= 1)]


@dataclass(frozen=True)
class Judged:
    top1: Share | None
    is_whole: bool = True


@dataclass(frozen=True)
class Failed:
    error: str


@dataclass(frozen=True)
class Rows:
    rows: tuple[Judged | Failed, ...]
    values: Mapping[str, str | int | tuple[str, ...] | None] = field(default_factory=dict)


def parsed(rows: Any, **more: Any) -> Rows:
    return records.parse(Rows, json.dumps({"schema": 1, "rows": rows, **more}), "it", 1, TODO)


def test_an_object_is_of_the_kind_whose_needed_fields_it_has() -> None:
    assert parsed([{"top1": 0.5}, {"error": "no model"}, {"top1": None, "is_whole": False, "error": "late"}]).rows == (
        *(Judged(0.5), Failed("no model"), Judged(None, False)),
    )
    with pytest.raises(RecordError, match=r"rows\[0\] has the fields 'n', expected top1 or error"):
        parsed([{"n": 1}])


@pytest.mark.parametrize("value", [1.1, -0.5, "much", [0.5], float("nan"), True])
def test_a_value_beyond_its_limit_or_of_another_type(value: Any) -> None:
    with pytest.raises(RecordError) as refused:
        parsed([{"top1": value}])
    assert str(refused.value) == f"rows[0].top1 is {value!r}, expected a share, 0 to 1"


def test_true_and_false_are_no_numbers_and_numbers_are_neither() -> None:
    with pytest.raises(RecordError, match=r"rows\[0\]\.is_whole is 1, expected bool"):
        parsed([{"top1": 1, "is_whole": 1}])


def test_a_value_of_several_types() -> None:
    values = {"cpu": "EPYC", "cores": 2, "instructions": ["avx2", "fma"], "board": None}
    assert parsed([], values=values).values == {**values, "instructions": ("avx2", "fma")}
    with pytest.raises(RecordError, match=r"values\.cores is \{\}, expected int"):
        parsed([], values={"cores": {}})
