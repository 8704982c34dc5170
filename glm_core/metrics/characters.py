"""Answers in Chinese: compared character by character, as the scorer of CMRC 2018 does.

Every Chinese character and every mark is a unit of its own; a stretch of other letters is split into words and marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from glm_core.examples import Prediction
from glm_core.metrics.texts import references

_CJK = "\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_UNITS = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[^\w\s]|_")
# what the scorer takes out before it compares
_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》……·、「」（）－～『』")


def split_characters(text: str) -> list[str]:
    """The units of a text, in small letters: Chinese characters, words of other letters, marks."""
    return _UNITS.findall(text.lower())


def character_em(predictions: Sequence[Prediction]) -> float:
    """Share of questions whose answer equals a reference but for case and punctuation, 0 to 1."""
    return _mean(predictions, lambda text, right: float(_plain(text) == _plain(right)))


def character_f1(predictions: Sequence[Prediction]) -> float:
    """Overlap of an answer and its nearest reference, 0 to 1, averaged over questions.

    What overlaps is their longest common run of units; precision is its share of the answer, recall of the reference.
    """
    return _mean(predictions, run_f1)


def run_f1(text: str, reference: str) -> float:
    """F1 of the longest run of units that two texts share, punctuation left out; 0 where they share none."""
    said, right = _units(text), _units(reference)
    shared = _longest_run(said, right)
    return 2 * shared / (len(said) + len(right)) if shared else 0.0


def _mean(predictions: Sequence[Prediction], score: Callable[[str, str], float]) -> float:
    values = [
        max(score(one.text, right) for right in answers) for one in predictions if (answers := references(one.example))
    ]
    return sum(sorted(values)) / len(values) if values else 0.0  # sorted: a sum of floats depends on its order


def _units(text: str) -> list[str]:
    return [one for one in split_characters(text) if one not in _PUNCTUATION]


def _plain(text: str) -> str:
    return "".join(one for one in text.lower().strip() if one not in _PUNCTUATION)


def _longest_run(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest run of units that both have."""
    longest = 0
    above = [0] * (len(b) + 1)
    for one in a:
        row = [0]
        for at, other in enumerate(b):
            row.append(above[at] + 1 if one == other else 0)
        longest = max(longest, *row)
        above = row
    return longest
