"""The card: what a model file says of itself, and how it lies in the file.

`NAME_VARIANT.tflite` ends in a ZIP archive with `card.json`, `labels.txt` and the golden images, all stored, never
compressed. This module holds the card's fields, its checks, and reading and writing the tail. Whether a card fits the
tensors of its network is checked where both are known, in `device.inference.classifier`.
"""

import io
import json
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from device.errors import UserError
from device.model import channels
from device.model.channels import Channels, Color
from device.records import RecordError, record

# How an image is made to fit the network's shape: see device/images/images.py.
Fit = Literal["crop", "stretch", "pad"]

SCHEMA = 2
CARD, LABELS = "card.json", "labels.txt"
# Above any tail of ours (128 KB with more than 100 labels); what is larger is not read.
MAX_ARCHIVE_BYTES = 1_000_000
MAX_ENTRIES = 64
# Of a label, which is kept for every change and told with every answer.
MAX_LABEL_LENGTH = 1000
# Of Unicode's categories of characters, what can't stand in a line of text.
NO_TEXT = {
    "Cc": "a control character, which a terminal would obey",
    "Cs": "half a character (a lone surrogate), which no file or message can hold",
}
_ARCHIVE = "the ZIP archive at the file's end"

T = TypeVar("T")
CardError = RecordError  # of a card that breaks its own rules


@dataclass(frozen=True)
class InputSpec:
    """What the network is fed: pixels, fitted and resized by `device.images.images`, as (pixel - mean) / std.

    color: the order of its channels; of our files it is RGB. mean, std: of pixels 0..255, for all channels or for red,
    green and blue each.
    """

    height: int
    width: int
    color: Color = "RGB"
    fit: Fit = "crop"
    resize: Literal["area"] = "area"
    mean: Channels = 0.0
    std: Channels = 1.0

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise CardError(f"input is {self.height}x{self.width}, expected at least 1x1")
        if 0 in channels.each(self.std):
            raise CardError(f"input.std is {channels.text(self.std)}, expected another number")


@dataclass(frozen=True)
class OutputSpec:
    """softmax: a probability a label. sigmoid: one number, the probability of the second label. logits: raw scores."""

    kind: Literal["softmax", "sigmoid", "logits"] = "softmax"


@dataclass(frozen=True)
class Confidence:
    """temperature divides the logits; an answer below unknown_below is 'unknown'. Null until fitted."""

    temperature: float | None = None
    unknown_below: float | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None and not self.temperature > 0:
            raise CardError(f"confidence.temperature is {self.temperature:g}, expected more than 0")


@dataclass(frozen=True)
class Accuracy:
    """Share of right answers among n images of a split, its 95 % Wilson interval; float32_top1: on the same ones."""

    top1: float
    n: int
    interval: tuple[float, float]
    float32_top1: float | None
    split: str


@dataclass(frozen=True)
class Golden:
    """An image in the tail, the SHA-256 of what each stage makes of it, and the scores this very file gave at export.

    scores: one a label in output order, or with more than 100 labels the five highest as {"index", "score"}.
    tolerance: the largest difference of a score that still passes (processors differ in the last steps of int8).
    """

    image: str
    decoded_sha256: str
    resized_sha256: str
    input_sha256: str
    scores: tuple[Any, ...]
    tolerance: float


@dataclass(frozen=True)
class Card:
    """Everything a board has to know of a model. Null (None) where it isn't known, as for third-party files."""

    name: str
    recipe: str | None
    variant: str | None
    labels: tuple[str, ...] | None
    input: InputSpec
    output: OutputSpec
    confidence: Confidence
    accuracy: Accuracy | None
    golden: tuple[Golden, ...]
    golden_source: Literal["test", "calibration", "drawn"] | None
    provenance: Mapping[str, Any] | None

    @property
    def earlier_data(self) -> tuple[str, ...]:
        """The fingerprints of the data of networks that this one started or learned from, where it was another's."""
        found = (self.provenance or {}).get("earlier_data")
        return tuple(found.split(", ")) if isinstance(found, str) else ()

    def to_json(self) -> dict[str, Any]:
        """The object in card.json."""
        return {"schema": SCHEMA, **asdict(self)}


def check_labels(labels: tuple[str, ...]) -> None:
    """Every output has a name, on one line. Lists from elsewhere may repeat one, as ImageNet's does 'crane'."""
    for index, label in enumerate(labels):
        if not label.strip():
            raise CardError(f"label {index} is empty, expected a name for every output")
        if len(label) > MAX_LABEL_LENGTH:
            raise CardError(f"label {index} has {len(label)} characters, expected at most {MAX_LABEL_LENGTH}")
        if "\n" in label or "\r" in label:
            raise CardError(f"label {label!r} spans lines, expected one line")
        for category in map(unicodedata.category, label):
            if category in NO_TEXT:
                raise CardError(f"label {label!r} has {NO_TEXT[category]}; expected text")


def parse(document: Any) -> Card:
    """A card from its JSON document; CardError names the first field that doesn't fit."""
    if not isinstance(document, dict):
        raise CardError(f"the card is a {type(document).__name__}, expected an object")
    schema = document.get("schema")
    if schema != SCHEMA:
        raise CardError(f"the card has schema {schema!r}, this version reads {SCHEMA}; export the model again")
    card = record(Card, {key: value for key, value in document.items() if key != "schema"}, "card")
    if card.labels is not None:
        check_labels(card.labels)
    try:  # what this document can't say, none that is made of it can
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise CardError(f"the card has {NO_TEXT['Cs']}; expected text") from None
    except ValueError:
        raise CardError("the card has a number that is not finite, which JSON doesn't know") from None
    return card


def read_archive(path: Path) -> dict[str, bytes]:
    """The entries of the ZIP archive at the file's end; {} where there is none. Nothing is ever extracted to disk.

    Raises UserError for an archive that is damaged, too large, or names paths, and for a compressed one with a card: no
    tail of ours is like that, and stock clients refuse it too. What others have packed may be deflated.
    """

    def entries(archive: zipfile.ZipFile) -> dict[str, bytes]:
        _check_entries(path, archive.infolist())
        return {entry.filename: _read_entry(archive, entry) for entry in archive.infolist()}

    return _of_archive(path, entries) or {}


def _of_archive(path: Path, take: Callable[[zipfile.ZipFile], T]) -> T | None:
    """What is taken of the archive at the file's end; None where there is none."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return take(archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise
        raise UserError(f"{path}: {_ARCHIVE} is damaged ({error}); copy or export it again") from None


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_ARCHIVE_BYTES:
        held = f"{len(entries)} entries of {sum(entry.file_size for entry in entries)} bytes"
        most = f"at most {MAX_ENTRIES} of {MAX_ARCHIVE_BYTES}"
        raise UserError(f"{path}: {_ARCHIVE} holds {held}, expected {most}; export the model again")
    ours = any(entry.filename == CARD for entry in entries)
    # Not bzip2 or lzma: of those zipfile unpacks more than it was asked for.
    known = (zipfile.ZIP_STORED,) if ours else (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    for entry in entries:
        name = entry.filename
        if "/" in name or "\\" in name or name.startswith(".") or "\0" in entry.orig_filename:
            raise UserError(f"{path}: {_ARCHIVE} names the path {name!r}, expected plain names; don't trust this file")
        if entry.compress_type not in known:
            raise UserError(f"{path}: {_ARCHIVE} holds {name!r} compressed, expected stored entries (zip -0)")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # The size in the directory may lie: never read past it.
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} has another size than its entry says")
    return data


def read(path: Path) -> Card | None:
    """The card inside a model file; None for a file without one. UserError for one that can't be used.

    What else an archive without a card holds is not looked at.
    """
    if CARD not in (_of_archive(path, zipfile.ZipFile.namelist) or ()):
        return None
    try:
        return parse(json.loads(read_archive(path)[CARD]))
    except (CardError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: its card can't be used: {error}") from None


def append_archive(model: bytes, card: Card, images: Mapping[str, bytes]) -> bytes:
    """The model's bytes with card, labels and golden images as a ZIP behind them; same input, same bytes.

    Stored, not compressed: MediaPipe refuses anything else. Appended (mode "a"), so that positions count from the
    file's beginning and `unzip` doesn't warn.
    """
    entries = {CARD: (json.dumps(card.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()}
    if card.labels is not None:
        entries[LABELS] = "".join(f"{label}\n" for label in card.labels).encode()
    entries.update(images)
    whole = io.BytesIO(model)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return whole.getvalue()


def archive_bytes(path: Path) -> int:
    """How many bytes of the file are the tail: from the first entry's header to the end; 0 without one."""
    if not zipfile.is_zipfile(path):
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return path.stat().st_size - min((entry.header_offset for entry in archive.infolist()), default=0)
    except (zipfile.BadZipFile, OSError, ValueError):
        return 0


def network_bytes(path: Path) -> bytes:
    """The file without its tail: what an interpreter reads, and what a quantizer takes."""
    return path.read_bytes()[: path.stat().st_size - archive_bytes(path)]
