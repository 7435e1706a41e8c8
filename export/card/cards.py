"""Makes the card of a variant, and the file with the card inside."""

from datetime import UTC, datetime
from os import environ

from device.model import card
from device.model.card import Card, Confidence
from export.card import metadata
from export.conversion import pixels
from export.source.sources import ExportSource


def assembled(bare: bytes, model_card: Card, images: dict[str, bytes]) -> bytes:
    """The whole file: a bare network, TFLite Metadata, and the archive with card, labels and golden images."""
    return card.append_archive(metadata.embed(bare, model_card), model_card, images)


def of(source: ExportSource, variant: str) -> Card:
    """The card before the variant is measured."""
    provenance = {**source.provenance, "calibration": vars(source.calibration.recorded), "created": _now()}
    return Card(
        name=source.name,
        recipe=source.recipe,
        variant=variant,
        labels=source.labels,
        input=pixels.fed(source.input),
        output=source.output,
        confidence=Confidence(),
        accuracy=None,
        golden=(),
        golden_source=None,
        provenance=provenance,
    )


def _now() -> str:
    """The time, or SOURCE_DATE_EPOCH if it is set (https://reproducible-builds.org/specs/source-date-epoch)."""
    epoch = environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
