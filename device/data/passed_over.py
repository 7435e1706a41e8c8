"""What a walk skipped, counted by reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

from device import text


class Why(IntEnum):
    """Why something was skipped, in the order of messages."""

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


# The words of messages: a count's details, then these.
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
NAMED = 6  # so many details of one reason are named; the others are counted together


@dataclass(frozen=True)
class Reason:
    """what: the ending, the name or the place, for messages; empty if the reason says enough.

    advice: for an image that can't be decoded, why not, and what to do.
    """

    why: Why
    what: str = ""
    advice: str = ""


@dataclass(frozen=True)
class PassedOver:
    """How many files, or folders that were not entered, were skipped for each reason."""

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
        """How many were skipped for one of these reasons."""
        return sum(count for reason, count in self.counts.items() if reason.why in whys)

    def describe(self, *whys: Why) -> str:
        """'20 .heic (HEIC, …), 12 .txt (no images), 3 hidden', for all reasons or only these; '' if there are none."""
        reasons = [self._describe(why) for why in (whys or Why) if self.count(why)]
        return ", ".join(reasons)

    def _describe(self, why: Why) -> str:
        mine = Counter({reason: count for reason, count in self.counts.items() if reason.why == why})
        if why == Why.UNDECODABLE:
            return ", ".join(f"{count} {reason.what} ({reason.advice})" for reason, count in mine.most_common())
        details = [f"{count} {reason.what}".strip() for reason, count in mine.most_common()]
        rest = sum(count for _, count in mine.most_common()[NAMED:])
        more = f" and {rest} others" if rest else ""
        return f"{text.some(details[:NAMED], NAMED)}{more} {WORDS[why]}"
