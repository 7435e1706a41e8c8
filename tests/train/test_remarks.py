"""What one figure hides is said beside it: a label that is never answered, and a common one that makes the figure."""

import pytest

from device.evaluation import evaluate as measures
from device.evaluation.evaluate import LabelTopOne
from train.run.evaluation import Evaluation


def evaluated(*rows: tuple[str, int, int]) -> Evaluation:
    """rows: label, right, n."""
    right, n = sum(row[1] for row in rows), sum(row[2] for row in rows)
    each = ((label, good / of_it, of_it, measures.wilson(good, of_it)) for label, good, of_it in rows)
    classes = tuple(LabelTopOne(*row) for row in each)
    interval, balanced = measures.wilson(right, n), measures.balanced(classes)
    return Evaluation(split="test", top1=right / n, n=n, interval=interval, balanced=balanced, per_class=classes)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((("common", 38, 38), ("rare", 0, 2)), ["'common'", "50.00 % (rare 0 %, common 100 %)", "rare (n 2)"]),
        ((("common", 90, 100), ("rare", 9, 10)), ["'common'", "balanced accuracy 90.00 %"]),
        ((("a", 50, 50), ("b", 0, 50)), ["b (n 50)"]),
        ((("a", 45, 50), ("b", 40, 50)), []),
        ((("common", 900, 910), ("rare", 80, 90)), ["balanced accuracy 93.89 % (rare 89 %, common 99 %)"]),
    ],
)
def test_what_is_remarked_of_the_classes(rows: tuple[tuple[str, int, int], ...], said: list[str]) -> None:
    from train.run import evaluate

    remarks = evaluate.remarks(evaluated(*rows))
    assert len(remarks) == len(said) and all(word in remark for word, remark in zip(said, remarks, strict=True))
