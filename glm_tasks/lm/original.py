"""The numbers that GLM's own evaluation prints, to be compared with its logs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from glm_core import Prediction

_MOST = 20.0  # exponents stop here


def perplexity_of_glm(predictions: Sequence[Prediction]) -> Mapping[str, float]:
    """`loss`, `perplexity` and `word-perplexity` (its adjusted perplexity) over all texts together.

    All tokens of all texts but one are divided by, although the first token of *each* text is not weighed: with several
    texts the numbers are a little too good. Source: SEQ2SEQ_LM 8.
    """
    values = [value for one in predictions for answer in one.answers[:1] for value in answer.log_probs]
    surprise = -math.fsum(values)
    tokens = len(values) + len(predictions) - 1
    words = sum(one.example.meta["words"] for one in predictions) - 1
    if tokens <= 0 or words <= 0:
        return {"loss": math.inf, "perplexity": math.inf, "word-perplexity": math.inf}
    return {
        "loss": surprise / tokens,
        "perplexity": math.exp(min(_MOST, surprise / tokens)),
        "word-perplexity": math.exp(min(_MOST, surprise / words)),
    }


perplexity_of_glm.lower_is_better = True  # type: ignore[attr-defined]
