"""Correlations of predicted numbers with the data set's own (STS-B): gold labels are read as numbers.

Both are 0 for fewer than two examples and where one side is constant, and do not depend on the order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from glm_core.examples import Prediction


def pearson(predictions: Sequence[Prediction]) -> float:
    """Pearson's correlation, -1 to 1."""
    return _correlation(_pairs(predictions))


def spearman(predictions: Sequence[Prediction]) -> float:
    """Spearman's rank correlation, -1 to 1; equal values share their mean rank."""
    pairs = _pairs(predictions)
    said, gold = _ranks([one for one, _ in pairs]), _ranks([one for _, one in pairs])
    return _correlation(list(zip(said, gold, strict=True)))


def _pairs(predictions: Sequence[Prediction]) -> list[tuple[float, float]]:
    return [
        (one.value, float(one.example.label))
        for one in predictions
        if one.value is not None and one.example.label is not None
    ]


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    if len(pairs) < 2:
        return 0.0
    # fsum: exact, so that the order of the predictions does not matter
    mean_x, mean_y = (math.fsum(column) / len(pairs) for column in zip(*pairs, strict=True))
    together = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    spread_x = math.fsum((x - mean_x) ** 2 for x, _ in pairs)
    spread_y = math.fsum((y - mean_y) ** 2 for _, y in pairs)
    whole = math.sqrt(spread_x) * math.sqrt(spread_y)
    return max(-1.0, min(1.0, together / whole)) if whole else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Rank of each value from 1, equal values sharing the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for index in order[start:end]:
            ranks[index] = (start + 1 + end) / 2
        start = end
    return ranks
