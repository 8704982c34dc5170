"""Numbers from what a text was worth token by token: perplexity, bits per byte, the last word of LAMBADA.

A prediction of an lm task has one answer, with the log-probability of every token that was weighed. `meta["words"]` and
`meta["bytes"]` of its example say how long the text is in units that do not depend on a vocabulary. None of these numbers
depends on the order of the predictions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from glm_core.errors import DataError, UsageError
from glm_core.examples import Prediction


@dataclass(frozen=True)
class Perplexity:
    """How many equally likely choices the model has, as it were, at every token, word or byte; 1 is best.

    token: over the tokens that were weighed. Comparable only between models of one vocabulary.
    word: over the words of the texts but one, since nothing stands before the first. With one text it is what GLM calls
        adjusted perplexity, and what is reported for WikiText.
    byte: over the bytes of the texts in UTF-8.
    """

    per: Literal["token", "word", "byte"] = "token"
    lower_is_better: ClassVar[bool] = True

    def __call__(self, predictions: Sequence[Prediction]) -> float:
        if self.per == "token":
            units = _n_weighed(predictions)
        elif self.per == "word":
            units = _total(predictions, "words") - 1
        else:
            units = _total(predictions, "bytes")
        return _exp(_surprise(predictions) / units) if units > 0 else math.inf


perplexity = Perplexity()
word_perplexity = Perplexity("word")
byte_perplexity = Perplexity("byte")


def bits_per_byte(predictions: Sequence[Prediction]) -> float:
    """The bits that a compressor with this model needs for a byte of the texts; comparable between all models."""
    units = _total(predictions, "bytes")
    return _surprise(predictions) / math.log(2) / units if units else math.inf


bits_per_byte.lower_is_better = True  # type: ignore[attr-defined]


def last_word(predictions: Sequence[Prediction]) -> float:
    """Share of texts whose answer is, token for token, the model's first choice, 0 to 1: LAMBADA's accuracy.

    Raises UsageError where the backbone does not tell.
    """
    for one in predictions:
        if not one.answers or one.answers[0].greedy is None:
            raise UsageError(
                f"example {one.example.uid}: nobody told whether its answer is the first choice; use a task of kind lm and "
                "a backbone that tells"
            )
    return sum(bool(one.answers[0].greedy) for one in predictions) / len(predictions) if predictions else 0.0


def _surprise(predictions: Sequence[Prediction]) -> float:
    """The negative log-probability of all that was weighed."""
    return -math.fsum(value for one in predictions for answer in one.answers[:1] for value in answer.log_probs)


def _n_weighed(predictions: Sequence[Prediction]) -> int:
    return sum(len(answer.log_probs) for one in predictions for answer in one.answers[:1])


def _total(predictions: Sequence[Prediction], unit: str) -> int:
    """The length of all texts together. Raises DataError for an example that does not tell its own."""
    lengths = [one.example.meta.get(unit) for one in predictions]
    for one, length in zip(predictions, lengths, strict=True):
        if not isinstance(length, int):
            raise DataError(f"example {one.example.uid} does not say how many {unit} its text has: meta['{unit}']")
    return sum(length for length in lengths if isinstance(length, int))


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
