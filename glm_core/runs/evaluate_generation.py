"""Blanks that are written: tasks of kind generation, evaluated by what a model writes and trained on their targets."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from glm_core.backbone import Backbone, Filled
from glm_core.config import EvalConfig
from glm_core.examples import Prediction
from glm_core.generation_config import GenerationConfig
from glm_core.metrics.texts import SEVERAL
from glm_core.pvp import Cloze
from glm_core.runs.questions import Progress, Questions, arithmetic
from glm_core.tokens.tokenizer import Tokenizer

_AT_ONCE = 256  # texts that are handed over together; what is written does not depend on it


def write_texts(
    backbone: Backbone, questions: Questions, config: EvalConfig, *, progress: Progress | None = None
) -> list[Prediction]:
    """The prediction of each question, in their order: the text that was written.

    Several blanks of a text are joined as the targets of an example are. `config` gives the precision.
    """
    device = next(backbone.module.parameters()).device
    generation = questions.generation or GenerationConfig()
    rng = Random(generation.seed)
    found: list[Filled] = []
    for start in range(0, len(questions.clozes), _AT_ONCE):
        with arithmetic(device, config.precision):
            found += backbone.fill(questions.clozes[start : start + _AT_ONCE], generation, rng=rng)
        if progress is not None:
            progress(len(found), len(questions.clozes))
    return [
        Prediction(example, text=SEVERAL.join(filled.texts), cut=dict(filled.cut))
        for example, filled in zip(questions.examples, found, strict=True)
    ]


def writing_instance(backbone: Backbone, cloze: Cloze, *, max_length: int, max_tokens: int) -> Any:
    """What is encoded of an example to learn writing from. A target of more than `max_tokens` tokens is cut.

    A target that is cut has no [eop], as in the original: nothing is learnt about where it ends.
    """
    tokenizer = backbone.tokenizer
    if len(cloze.answers) != 1 or isinstance(cloze.answers[0], tuple):
        return backbone.encode(cloze, max_length=max_length)  # several short fillings are never cut
    (answer,) = cloze.answers
    kept = cut_text(str(answer), tokenizer, max_tokens, cloze.specials)
    if kept is not None:
        cloze = replace(cloze, answers=(kept,), edges=replace(cloze.edges, end="none"))
    return backbone.encode(cloze, max_length=max_length)


def cut_text(text: str, tokenizer: Tokenizer, max_tokens: int, specials: tuple[str, ...] = ()) -> str | None:
    """The beginning of a text that has at most `max_tokens` tokens; None where the text fits with its [eop].

    Where a text that is cut behind a token has other tokens than before (half a word), it is cut behind the one before.
    """
    encoded = tokenizer.encode(text, specials=specials)
    if len(encoded.ids) < max_tokens:
        return None
    for n in range(max_tokens, 0, -1):
        kept = text[: encoded.offsets[n - 1][1]]
        if tokenizer.encode(kept, specials=specials).ids == encoded.ids[:n]:
            return kept
    return text
