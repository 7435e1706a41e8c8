"""A finding: the state of one thing, and what to do about it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """ok: as it should be. note: worth knowing. problem: something won't work, or works far worse than it could.

    subject: the thing, in a word or two. found: its state. advice: what to do, if anything.
    """

    level: Level
    subject: str
    found: str
    advice: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def lines(findings: Sequence[Finding]) -> list[str]:
    """One line per finding, the advice below it, and the number of problems and notes at the end."""
    widest = max((len(finding.subject) for finding in findings), default=0)
    found = []
    for finding in findings:
        found.append(f"{finding.level:<7}  {finding.subject:<{widest}}  {finding.found}")
        if finding.advice:
            found.append(f"{'':<7}  {'':<{widest}}  -> {finding.advice}")
    return [*found, ", ".join(_count(findings, level) for level in ("problem", "note"))]


def _count(findings: Sequence[Finding], level: Level) -> str:
    number = sum(finding.level == level for finding in findings)
    return f"{number or 'no'} {level}{'' if number == 1 else 's'}"
