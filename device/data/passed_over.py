"""What a walk passed over: counted by reason, said once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

from device import text


class Why(IntEnum):
    """Why something was passed over, in the order in which it is said."""

    UNDECODABLE = 0
    VIDEO = 1
    OTHER = 2
    FOLDER = 3
    LOOSE = 4
    BESIDE = 5
    UNFINISHED = 6
    SYSTEM = 7
    HIDDEN = 8
    TWICE = 9
    BROKEN_LINK = 10
    SPECIAL = 11


# How a count of each is said: its details, then these words.
WORDS = {
    Why.VIDEO: "(video)",
    Why.OTHER: "(no images)",
    Why.FOLDER: "below it",
    Why.LOOSE: "(outside of class folders)",
    Why.BESIDE: "(beside the splits)",
    Why.UNFINISHED: "backups or unfinished downloads",
    Why.SYSTEM: "(the system's)",
    Why.HIDDEN: "hidden",
    Why.TWICE: "reached twice by links",
    Why.BROKEN_LINK: "broken links",
    Why.SPECIAL: "that are no regular files",
}
NAMED = 6  # details of one reason that are named; the others are counted together


@dataclass(frozen=True)
class Reason:
    """what: the ending, the name or the place that is said with the count; empty where the reason says enough.

    advice: of an image that can't be decoded, why not, and what to do.
    """

    why: Why
    what: str = ""
    advice: str = ""


@dataclass(frozen=True)
class PassedOver:
    """How much was passed over, by reason: files, or folders that were not entered."""

    counts: Mapping[Reason, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def sum(cls, parts: Iterable["PassedOver"]) -> "PassedOver":
        total: Counter[Reason] = Counter()
        for part in parts:
            total.update(part.counts)
        return cls(MappingProxyType(dict(total)))

    def __bool__(self) -> bool:
        return bool(self.counts)

    def count(self, *whys: Why) -> int:
        """How many for one of these reasons."""
        return sum(count for reason, count in self.counts.items() if reason.why in whys)

    def describe(self, *whys: Why) -> str:
        """'20 .heic (HEIC, …), 12 .txt (no images), 3 hidden', for all reasons or for these; '' for none."""
        said = [self._describe(why) for why in (whys or Why) if self.count(why)]
        return ", ".join(said)

    def _describe(self, why: Why) -> str:
        mine = Counter({reason: count for reason, count in self.counts.items() if reason.why == why})
        if why == Why.UNDECODABLE:
            return ", ".join(f"{count} {reason.what} ({reason.advice})" for reason, count in mine.most_common())
        details = [f"{count} {reason.what}".strip() for reason, count in mine.most_common()]
        rest = sum(count for _, count in mine.most_common()[NAMED:])
        more = f" and {rest} others" if rest else ""
        return f"{text.some(details[:NAMED], NAMED)}{more} {WORDS[why]}"
