"""Numbers from chosen labels: accuracy, F1, agreement within groups.

Every metric looks only at predictions whose example has a gold label, is 0 where there is none, and does not depend on the
order of the predictions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from glm_core.examples import Prediction


def accuracy(predictions: Sequence[Prediction]) -> float:
    """Share of examples whose label is right, 0 to 1."""
    labelled = _labelled(predictions)
    return sum(one.label == one.example.label for one in labelled) / len(labelled) if labelled else 0.0


@dataclass(frozen=True)
class F1:
    """F1 of one label, 0 to 1: the harmonic mean of its precision and recall, 0 where both are undefined.

    A metric for another label than "1" is `F1("yes")`.
    """

    positive: str = "1"

    def __call__(self, predictions: Sequence[Prediction]) -> float:
        return _f1_of_label(_labelled(predictions), self.positive)


f1 = F1()


def f1_macro(predictions: Sequence[Prediction]) -> float:
    """F1 averaged over the labels that occur among gold labels or predictions, 0 to 1, each label counting the same."""
    labelled = _labelled(predictions)
    labels = {one.example.label for one in labelled} | {one.label for one in labelled}
    labels.discard(None)
    # sorted: a sum of floats depends on its order
    return sum(_f1_of_label(labelled, label) for label in sorted(map(str, labels))) / len(labels) if labels else 0.0


def grouped_exact_match(predictions: Sequence[Prediction]) -> float:
    """Share of groups (a MultiRC question) whose examples are all right, 0 to 1; an example without a group is its own."""
    right: dict[str, bool] = {}
    for one in _labelled(predictions):
        right[one.example.unit] = right.get(one.example.unit, True) and one.label == one.example.label
    return sum(right.values()) / len(right) if right else 0.0


def parity(predictions: Sequence[Prediction]) -> float:
    """Share of groups whose examples all get the same label, right or wrong, 0 to 1.

    With pairs of sentences that differ in a pronoun's gender only, this is the gender parity score of Winogender (AX-g).
    Groups of one example say nothing and are left out.
    """
    said: dict[str, list[str | None]] = {}
    for one in predictions:
        if one.example.group is not None:
            said.setdefault(one.example.group, []).append(one.label)
    several = [labels for labels in said.values() if len(labels) > 1]
    return sum(len(set(labels)) == 1 for labels in several) / len(several) if several else 0.0


def matthews(predictions: Sequence[Prediction]) -> float:
    """Matthews correlation of gold and predicted labels, -1 to 1, for any number of labels; 0 where one side is constant.

    Source: the multi-class form of Gorodkin 2004, doi 10.1016/j.compbiolchem.2004.09.006.
    """
    labelled = _labelled(predictions)
    gold = Counter(one.example.label for one in labelled)
    said = Counter(one.label for one in labelled)
    n = len(labelled)
    right = sum(one.label == one.example.label for one in labelled)
    together = right * n - sum(gold[label] * said[label] for label in gold)
    spread = (n * n - sum(count * count for count in said.values())) * (
        n * n - sum(count * count for count in gold.values())
    )
    return together / spread**0.5 if spread else 0.0


def _labelled(predictions: Sequence[Prediction]) -> list[Prediction]:
    return [one for one in predictions if one.example.label is not None]


def _f1_of_label(labelled: Sequence[Prediction], positive: str) -> float:
    found = sum(one.label == positive == one.example.label for one in labelled)
    either = sum(one.label == positive for one in labelled) + sum(one.example.label == positive for one in labelled)
    return 2 * found / either if either else 0.0
