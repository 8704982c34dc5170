"""Numbers beside a score that tell whether to believe it: what was cut, what tied, what guessing would have reached."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from glm_core.examples import Prediction
from glm_core.runs.scoring import distribution
from glm_core.tasks import Task


@dataclass(frozen=True)
class Health:
    """What to look at before believing a metric.

    n: examples. unlabelled: those among them without a gold label or reference.
    majority_label, majority: the most frequent gold label and its share of the labelled examples; None without labels.
    ties: examples whose best score is shared by several labels (the first of them was taken).
    cut_examples: share of the examples that lost tokens to the row's length; cut_tokens: tokens lost, by field.
    prior: the mean predicted distribution, where all examples have the same labels. Far from the gold labels'
        frequencies: the model prefers a label whatever the text says.
    steps: optimizer steps the model was trained for here; 0 for a model as it came.
    """

    n: int
    unlabelled: int
    majority_label: str | None = None
    majority: float | None = None
    ties: int = 0
    cut_examples: float = 0.0
    cut_tokens: Mapping[str, int] = field(default_factory=dict)
    prior: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def is_labelled(prediction: Prediction) -> bool:
    """Whether there is anything to compare with: a gold label, or the reference of a generation or lm example."""
    return prediction.example.label is not None or prediction.example.target is not None


def measure(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The task's metrics over the labelled predictions; nothing where none is labelled.

    A metric that gives several numbers is spread as `name.part`, or as the parts alone where it is the only metric.
    """
    labelled = [one for one in predictions if is_labelled(one)]
    if not labelled:
        return {}
    values: dict[str, float] = {}
    for name, metric in task.metrics.items():
        found = metric(labelled)
        if isinstance(found, Mapping):
            values.update({f"{name}.{part}": float(value) for part, value in found.items()})
        else:
            values[name] = float(found)
    return values


def majority_label(predictions: Sequence[Prediction]) -> tuple[str | None, float | None]:
    """The most frequent gold label and its share; the first one seen where several are as frequent."""
    gold = Counter(one.example.label for one in predictions if one.example.label is not None)
    if not gold:
        return None, None
    label, count = gold.most_common(1)[0]
    return label, count / gold.total()


def measure_majority(task: Task, predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of knowing nothing but the gold labels' frequencies: what a trained model has to beat.

    Always the most frequent label, with the logarithms of the frequencies as scores.
    """
    label, _ = majority_label(predictions)
    if label is None or task.value_range is not None:
        return {}
    gold = Counter(one.example.label for one in predictions if one.example.label is not None)
    scores = {one: math.log(count / gold.total()) for one, count in gold.items()}
    return measure(task, [_answered(one, label, scores) for one in predictions])


def health(predictions: Sequence[Prediction], *, steps: int = 0) -> Health:
    """The health numbers of an evaluation."""
    label, share = majority_label(predictions)
    cut: Counter[str] = Counter()
    for one in predictions:
        cut.update(one.cut)
    n = len(predictions)
    return Health(
        n=n,
        unlabelled=sum(not is_labelled(one) for one in predictions),
        majority_label=label,
        majority=share,
        ties=sum(_tied(one.scores) for one in predictions),
        cut_examples=sum(any(one.cut.values()) for one in predictions) / n if n else 0.0,
        cut_tokens=dict(cut),
        prior=_prior(predictions),
        steps=steps,
    )


def _answered(prediction: Prediction, label: str, scores: Mapping[str, float]) -> Prediction:
    texts = [one.text.strip() for one in prediction.answers if one.label == label]
    known = {one: scores.get(one, -math.inf) for one in prediction.scores}
    return replace(prediction, label=label, text=texts[0] if texts else prediction.text, scores=known)


def _tied(scores: Mapping[str, float]) -> bool:
    top = max(scores.values(), default=0.0)
    return sum(one == top for one in scores.values()) > 1


def _prior(predictions: Sequence[Prediction]) -> dict[str, float]:
    labels = tuple(predictions[0].scores) if predictions else ()
    if not labels or any(tuple(one.scores) != labels for one in predictions):
        return {}
    each = [distribution(one.scores) for one in predictions]
    return {label: math.fsum(one[label] for one in each) / len(each) for label in labels}
