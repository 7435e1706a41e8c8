"""The card: what a model file says of itself, and how it lies in the file.

`NAME_VARIANT.tflite` ends in a ZIP archive with `card.json`, `labels.txt` and the golden images, all stored, never
compressed. This module has the card's fields and checks, and reads and writes the archive. Whether a card fits the
tensors of its network is checked where both are known, in device/inference/model_spec.py.
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
from device.records import COMPLETE, RecordError, record

# How an image is made to fit the network's shape: see device/images/images.py.
Fit = Literal["crop", "stretch", "pad"]
OutputKind = Literal["softmax", "sigmoid", "logits"]

SCHEMA = 2
CARD, LABELS = "card.json", "labels.txt"
# More than any archive of ours has (128 KB with more than 100 labels); a larger one is not read.
MAX_ARCHIVE_BYTES = 1_000_000
MAX_ENTRIES = 64
# A label is kept for every change, and shown with every prediction.
MAX_LABEL_LENGTH = 1000
# Unicode's categories of characters that a line of text can't have.
NO_TEXT = {
    "Cc": "a control character, which a terminal would obey",
    "Cs": "half a character (a lone surrogate), which no file or message can hold",
}
_ARCHIVE = "the ZIP archive at the file's end"

T = TypeVar("T")
CardError = RecordError  # of a card that breaks its own rules


@dataclass(frozen=True)
class InputSpec:
    """The network's input: (pixel - mean) / std of an image, fitted and resized by device/images/images.py.

    height, width: in pixels. color: the order of the channels; our files take RGB. mean, std: for pixels 0..255, one
    for all channels, or one each for red, green and blue.
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
    """softmax: a probability per label. sigmoid: one number, the second label's probability. logits: raw scores."""

    kind: OutputKind = "softmax"


@dataclass(frozen=True)
class Confidence:
    """temperature divides the logits; a best score below unknown_below means `unknown`. None: not fitted."""

    temperature: float | None = None
    unknown_below: float | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None and not self.temperature > 0:
            raise CardError(f"confidence.temperature is {self.temperature:g}, expected more than 0")


# The split of an accuracy for which no image was kept aside.
CROSS_VALIDATION = "cross-validation"


@dataclass(frozen=True)
class Accuracy:
    """top1: the share of n images of a split with the right label, with its 95 % Wilson interval.

    float32_top1: that of the float32 file on the same images.
    """

    top1: float
    n: int
    interval: tuple[float, float]
    float32_top1: float | None
    split: str


@dataclass(frozen=True)
class Golden:
    """An image in the archive, the SHA-256 of each stage's result for it, and the scores of this file at export.

    scores: one per label in output order, or with more than 100 labels the five highest as {"index", "score"}.
    tolerance: the largest difference of a score that passes, because processors differ in the last steps of int8.
    """

    image: str
    decoded_sha256: str
    resized_sha256: str
    input_sha256: str
    scores: tuple[Any, ...]
    tolerance: float


@dataclass(frozen=True)
class Card:
    """Everything that a board needs to know about a model; None where unknown, as for third-party files."""

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
    def origin(self) -> tuple[Any, ...] | None:
        """What all files of one export have, and no others: it tells a file its float32. None where it is unknown."""
        if self.provenance is None:
            return None
        return self.name, *(self.provenance.get(key) for key in ("run", "data_fingerprint", "source_sha256"))

    def to_json(self) -> dict[str, Any]:
        """The object in card.json."""
        return {"schema": SCHEMA, **asdict(self)}


def check_labels(labels: tuple[str, ...]) -> None:
    """CardError unless every label is one line of text. A label may occur twice, as 'crane' does in ImageNet's list."""
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
    """A card from its JSON document, without fields of a later version; CardError names the first invalid field."""
    if not isinstance(document, dict):
        raise CardError(f"the card is a {type(document).__name__}, expected an object")
    schema = document.get("schema")
    if schema != SCHEMA:
        raise CardError(
            f"the card has schema {schema!r}, this version reads {SCHEMA}; export the model again with this version of"
            " framelite, or use the one that exported it"
        )
    card = record(Card, document, "card", COMPLETE)
    if card.labels is not None:
        check_labels(card.labels)
    try:  # a document that contains this one couldn't be written either
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise CardError(f"the card has {NO_TEXT['Cs']}; expected text") from None
    except ValueError:
        raise CardError("the card has a number that is not finite, which JSON doesn't know") from None
    return card


def read_archive(path: Path) -> dict[str, bytes]:
    """The entries of the ZIP archive at the file's end; {} if there is none. Extracts nothing to disk.

    UserError for an archive that is damaged, too large or names paths, and for a compressed one with a card: ours are
    stored, and stock clients refuse others too. Archives without a card may be compressed.
    """

    def entries(archive: zipfile.ZipFile) -> dict[str, bytes]:
        _check_entries(path, archive.infolist())
        return {entry.filename: _read_entry(archive, entry) for entry in archive.infolist()}

    return _of_archive(path, entries) or {}


def _of_archive(path: Path, take: Callable[[zipfile.ZipFile], T]) -> T | None:
    """What `take` returns for the archive at the file's end; None if there is none."""
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
            raise UserError(
                f"{path}: {_ARCHIVE} holds {name!r} compressed, expected stored entries; store it with zip -0"
            )


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # The size in the directory may lie: never read past it.
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} has another size than its entry says")
    return data


def read(path: Path) -> Card | None:
    """The card inside a model file; None if it has none. UserError for an invalid card.

    An archive without a card is not read.
    """
    if CARD not in (_of_archive(path, zipfile.ZipFile.namelist) or ()):
        return None
    try:
        return parse(json.loads(read_archive(path)[CARD]))
    except (CardError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: its card can't be used: {error}") from None


def append_archive(model: bytes, card: Card, images: Mapping[str, bytes]) -> bytes:
    """The model's bytes, followed by a ZIP archive of card, labels and golden images. Same input, same bytes.

    Stored, not compressed, because MediaPipe refuses anything else; appended (mode "a"), so that positions count from
    the beginning of the file and `unzip` doesn't warn.
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
    """The size of the archive: from its first entry's header to the end of the file; 0 if there is none."""
    if not zipfile.is_zipfile(path):
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return path.stat().st_size - min((entry.header_offset for entry in archive.infolist()), default=0)
    except (zipfile.BadZipFile, OSError, ValueError):
        return 0


def network_bytes(path: Path) -> bytes:
    """The file without its archive: what an interpreter and a quantizer read."""
    return path.read_bytes()[: path.stat().st_size - archive_bytes(path)]
