"""From predictions to a number: what a task is judged by.

A metric is a function from predictions to a number, or to a mapping of numbers. Higher is better unless it says
`metric.lower_is_better = True`. Shares are fractions from 0 to 1; reports show them as they like.
"""

from glm_core.metrics.labels import F1, accuracy, f1, f1_macro, grouped_exact_match, matthews, parity
from glm_core.metrics.numbers import pearson, spearman
from glm_core.metrics.texts import answer_em, answer_f1, exact_match, normalize_answer, references, token_f1

__all__ = [
    "F1",
    "accuracy",
    "answer_em",
    "answer_f1",
    "exact_match",
    "f1",
    "f1_macro",
    "grouped_exact_match",
    "matthews",
    "normalize_answer",
    "parity",
    "pearson",
    "references",
    "spearman",
    "token_f1",
]
