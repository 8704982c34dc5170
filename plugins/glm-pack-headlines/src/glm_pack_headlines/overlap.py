"""How much of a headline was hit: a metric of the pack's own, as any function from predictions to numbers is one.

It is ROUGE-1 and ROUGE-2 (F1) without stemming: words are runs of letters and digits in small letters, counted as often as
they come in both texts. Source: Lin 2004, ROUGE, ACL W04-1013.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from glm_core import Prediction

_WORD = re.compile(r"[^\W_]+")


def word_overlap(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Mean F1 of the words, and of the pairs of neighbouring words, that a text shares with its reference, 0 to 1."""
    known = [(one.text, one.example.target) for one in predictions if isinstance(one.example.target, str)]
    return {
        name: _mean([shared(text, target, n) for text, target in known]) for name, n in (("words", 1), ("pairs", 2))
    }


def shared(text: str, reference: str, n: int) -> float:
    """F1 of the n-grams that two texts share, 0 to 1; 0 where one of them has none."""
    said, right = _ngrams(text, n), _ngrams(reference, n)
    found = (said & right).total()
    return 2 * found / (said.total() + right.total()) if found else 0.0


def _ngrams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0  # fsum: the order of the predictions does not matter
