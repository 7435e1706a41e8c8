"""A reading: what `live` says of one frame. Everything that shows, sends or acts on answers is given these."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from device.live.interfaces.frames import Frame

if TYPE_CHECKING:
    from device.inference.prediction import Ranked, Scores


@dataclass(frozen=True)
class Reading:
    """One answered frame.

    number: from 1, of the answers. time: of the capture, in seconds since 1970. top: the best labels with the scores
    that are shown, best first. label: what is shown, after smoothing; `unknown` where nothing reaches the threshold.
    changed: it is another label than the reading's before. score: of that label; of the best one where it is unknown.
    ms: what each stage took: preprocess, invoke, postprocess, and frame, from the capture to this answer.
    dropped: frames so far that came and were not answered, those whose scores were no numbers among them. rate:
    answers a second, over the last ones. unusable: frames so far that came and could not be decoded, or were too large.
    """

    number: int
    frame: Frame
    time: float
    scores: "Scores"
    top: "tuple[Ranked, ...]"
    label: str
    score: float
    changed: bool
    ms: dict[str, float]
    dropped: int
    rate: float
    unusable: int = 0

    @property
    def held_at(self) -> float:
        """The time by which it is counted how long a label holds: of the capture, in a video of its own, in seconds."""
        return self.frame.captured if self.frame.position is None else self.frame.position

    def to_json(self) -> dict[str, Any]:
        """A line of --jsonl and an event of --serve: everything but the image."""
        document: dict[str, Any] = {
            "number": self.number,
            "time": round(self.time, 3),
            "label": self.label,
            "score": round(self.score, 4),
            "changed": self.changed,
            "top": [{"label": ranked.label, "score": round(ranked.score, 4)} for ranked in self.top],
            "ms": {stage: round(value, 3) for stage, value in self.ms.items()},
            "dropped": self.dropped,
            "unusable": self.unusable,
            "rate": round(self.rate, 2),
            "decoded": self.frame.decoded,
        }
        if self.frame.name is not None:
            document["image"] = self.frame.name
        if self.frame.position is not None:
            document["position"] = round(self.frame.position, 3)
        return document


@dataclass(frozen=True)
class Status:
    """What is known between answers: the source's state, in words for people, and how often it was lost.

    failing: the outputs that fail now, by their options' names. failures: of outputs, so far. unusable:
    as a reading's; told with the next change of something else.
    """

    source: str
    is_streaming: bool
    message: str
    lost: int  # times the source was lost
    model: str
    threads: int
    failing: tuple[str, ...] = ()
    failures: int = 0
    unusable: int = field(default=0, compare=False)
