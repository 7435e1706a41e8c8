"""The result for one frame, which every output gets, and the status between results."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from device.live.interfaces.frames import Frame

if TYPE_CHECKING:
    from device.inference.prediction import Ranked, Scores


@dataclass(frozen=True)
class FrameResult:
    """The result for one frame.

    number: counts results from 1. time: of the capture, in seconds since 1970. scores: after smoothing. top: the best
    labels with their scores, best first. label: the shown label, after smoothing; `unknown` if nothing reaches the
    threshold. changed: the label differs from the previous result's. score: of that label; of the best one if it is
    unknown. ms: the time of each stage: preprocess, invoke, postprocess, and frame, from the capture to this result.
    dropped: frames so far without a prediction, including those whose scores were not finite. rate: predictions per
    second, recently. unusable: frames so far that could not be decoded, or were too large. is_unknown: whether nothing
    reaches the threshold; None without a threshold.
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
    is_unknown: bool | None = None

    @property
    def held_at(self) -> float:
        """The time for measuring how long a label holds, in seconds: of the capture, or the position in a video."""
        return self.frame.captured if self.frame.position is None else self.frame.position

    def to_json(self) -> dict[str, Any]:
        """A line of --jsonl, an event of --serve: everything but the image."""
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
        if self.is_unknown is not None:
            document["unknown"] = self.is_unknown
        if self.frame.name is not None:
            document["image"] = self.frame.name
        if self.frame.position is not None:
            document["position"] = round(self.frame.position, 3)
        return document


@dataclass(frozen=True)
class Status:
    """What is known between results: the source's state, with a message for people, and how often it was lost.

    failing: the outputs that fail now, by their options' names. failures: of outputs, so far. may_wait: the source
    may be silent for long, and be well. unusable: as in FrameResult; reported with the next change of another field.
    """

    source: str
    is_streaming: bool
    message: str
    lost: int  # times the source was lost
    model: str
    threads: int
    failing: tuple[str, ...] = ()
    failures: int = 0
    may_wait: bool = False
    unusable: int = field(default=0, compare=False)
