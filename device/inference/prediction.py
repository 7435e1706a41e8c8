"""A model's prediction for one image: the label, the score of every label, and whether the best one is too low."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ranked:
    """A label with its score and its index in the output."""

    label: str
    score: float
    index: int


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image; in a notebook a table of the five best labels.

    scores: float32, [labels], in the order of `labels`, with the card's temperature applied. unknown_below: below this
    best score the label is unknown; None if the card has no threshold. timings_ms: the time of each stage: decode (of a
    file or bytes), preprocess, invoke, postprocess.
    """

    scores: Scores
    labels: tuple[str, ...] = field(repr=False)
    unknown_below: float | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The best label, even if `is_unknown`."""
        return self.labels[int(self.scores.argmax())]

    @property
    def score(self) -> float:
        """The best label's score: a probability, 0 to 1, or a raw number if the output is logits."""
        return float(self.scores.max())

    @property
    def is_unknown(self) -> bool:
        """Whether the best score is below the card's threshold; False if it has none."""
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
