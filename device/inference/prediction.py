"""What a model says of one image: labels with scores, best first, and whether it is sure enough to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ranked:
    """A label with its score and its place in the output."""

    label: str
    score: float
    index: int


@dataclass(frozen=True)
class Prediction:
    """scores: float32, one a label, in the order of labels; by the card's temperature, where it has one.

    unknown_below: the score from which on the best label is believed; None where the card says none. timings_ms: what
    each stage took: decode (of a file or bytes), preprocess, invoke, postprocess.
    """

    scores: Scores
    labels: tuple[str, ...] = field(repr=False)
    unknown_below: float | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The best one; see is_unknown."""
        return self.labels[int(self.scores.argmax())]

    @property
    def score(self) -> float:
        """The best label's: a probability, 0..1, or a raw number where the output is logits."""
        return float(self.scores.max())

    @property
    def is_unknown(self) -> bool:
        """Whether the best score is too low to be believed."""
        return self.unknown_below is not None and self.score < self.unknown_below

    def top(self, count: int) -> list[Ranked]:
        """The `count` best labels, best first; equal scores in output order."""
        return ranked(self.scores, self.labels, count)

    def _repr_html_(self) -> str:
        """The five best labels with bars, for notebooks."""
        import html  # late: a command that shows no page doesn't need it

        rows = "".join(
            f"<tr><td>{html.escape(each.label)}</td><td>{each.score:.3f}</td>"
            f'<td><meter value="{min(max(each.score, 0.0), 1.0):.3f}"></meter></td></tr>'
            for each in self.top(5)
        )
        return f"<table>{'<caption>unknown</caption>' if self.is_unknown else ''}{rows}</table>"


def ranked(scores: Scores, labels: tuple[str, ...], count: int) -> list[Ranked]:
    """As Prediction.top."""
    order = np.argsort(-scores, kind="stable")[:count]
    return [Ranked(labels[i], float(scores[i]), int(i)) for i in order]
