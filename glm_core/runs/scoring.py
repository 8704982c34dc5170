"""From the log-probabilities of an answer's tokens to the score of a label: pure algebra on plain numbers.

The same formulas serve an evaluation and whoever scores stored predictions again; `glm_core.model.scores` holds them
for tensors, where a gradient is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from glm_core.errors import RunError
from glm_core.examples import Answer
from glm_core.pvp import Combine


def answer_score(log_probs: Sequence[float], length_penalty: float = 0.0) -> float:
    """The sum over the answer's tokens over (number of tokens ** penalty): 0 the sum, 1 the mean (SUPERGLUE 6)."""
    total = math.fsum(log_probs)
    return total / len(log_probs) ** length_penalty if length_penalty and log_probs else total


def refuse_nan(uid: str, answers: Sequence[Answer]) -> None:
    """Raises RunError where a model's log-probabilities are not numbers."""
    if any(math.isnan(value) for one in answers for value in one.log_probs):
        raise RunError(
            f"the model gives no number for example {uid} (nan): its weights diverged; "
            "train with a smaller --learning-rate or --precision fp32"
        )


def log_sum_exp(values: Sequence[float]) -> float:
    """log(sum(exp(values))), without overflow; minus infinity where all values are."""
    top = max(values)
    return top if math.isinf(top) else top + math.log(math.fsum(math.exp(one - top) for one in values))


_COMBINE: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda values: math.fsum(values) / len(values),
    "max": max,
    "logsumexp": log_sum_exp,
    "first": lambda values: values[0],
}


def label_scores(
    answers: Sequence[Answer], *, combine: Combine = "mean", length_penalty: float = 0.0
) -> dict[str, float]:
    """Each label's score, labels in the order of their first answers."""
    of_label: dict[str, list[float]] = {}
    for one in answers:
        of_label.setdefault(one.label, []).append(answer_score(one.log_probs, length_penalty))
    return {label: _COMBINE[combine](values) for label, values in of_label.items()}


def best_label(scores: Mapping[str, float]) -> str:
    """The label with the highest score; among equals the first."""
    return max(scores, key=scores.__getitem__)


def best_text(answers: Sequence[Answer], label: str, *, length_penalty: float = 0.0) -> str:
    """The best answer of a label, without the space it took over from the pattern."""
    of_label = [one for one in answers if one.label == label]
    return max(of_label, key=lambda one: answer_score(one.log_probs, length_penalty)).text.strip()


def distribution(scores: Mapping[str, float]) -> dict[str, float]:
    """The softmax over the labels' scores; even where no label is possible."""
    top = max(scores.values())
    if math.isinf(top):
        return dict.fromkeys(scores, 1 / len(scores))
    shares = {label: math.exp(score - top) for label, score in scores.items()}
    whole = math.fsum(shares.values())
    return {label: share / whole for label, share in shares.items()}
