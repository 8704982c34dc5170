"""What a text is worth, token by token: tasks of kind lm. A text longer than the model is read in windows.

Q windows of a batch, T tokens weighed in one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from glm_core.backbone import Backbone
from glm_core.config import EvalConfig
from glm_core.errors import UsageError
from glm_core.examples import Answer, Prediction
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.parts import Text
from glm_core.pvp import Cloze
from glm_core.runs.questions import Progress, Questions, arithmetic
from glm_core.runs.scoring import refuse_nan
from glm_core.tokens.windows import encode_windows
from glm_core.training.batching import batch_overhead, token_batches

log = logging.getLogger(__name__)

_ASKED = "is it the first choice?"  # a label of this name makes the backbone tell which answers are greedy


def text_instances(backbone: Backbone, clozes: Sequence[Cloze], config: EvalConfig) -> list[list[Any]]:
    """What is encoded of each text: one row, or several windows; none where there is nothing to weigh.

    A pattern that is nothing but a blank reads its text in windows; any other is one row, shortened where the pattern lets
    it. Raises UsageError for a backbone other than GLM where windows or a direction are wanted of it.
    """
    in_windows = [_is_bare(one) or config.direction == "uni" for one in clozes]
    longest = config.max_length
    if any(in_windows):
        if not isinstance(backbone, GLMBackbone):
            raise UsageError(
                f"a {type(backbone).__name__} reads neither windows of a text nor from left to right; use a GLM, or a "
                "pattern with words before its blank and --direction bi"
            )
        # neither part of a row may be longer than the model's positions, and each has a token at least
        longest = min(config.max_length, backbone.module.config.max_positions + 1)
        if longest < config.max_length:
            log.warning("rows have %d tokens, as the model has positions for, not %d", longest, config.max_length)
    return [
        list(
            encode_windows(
                one,
                backbone.tokenizer,
                max_length=longest,
                overlap=config.overlap,
                direction=config.direction,
                masks=backbone.masks,
            )
        )
        if windowed
        else [backbone.encode(replace(one, otherwise=_ASKED), max_length=config.max_length)]
        for one, windowed in zip(clozes, in_windows, strict=True)
    ]


def _is_bare(cloze: Cloze) -> bool:
    """Whether its pattern is nothing but a blank."""
    return not any(isinstance(part, Text) for part in cloze.parts)


def weigh_texts(
    backbone: Backbone, questions: Questions, config: EvalConfig, *, progress: Progress | None = None
) -> list[Prediction]:
    """The prediction of each text, in their order: one answer, with the log-probability of every token weighed."""
    device = next(backbone.module.parameters()).device
    owners = [(number, nth) for number, some in enumerate(questions.instances) for nth in range(len(some))]
    flat = questions.all_instances()
    found: dict[tuple[int, int], tuple[list[float], bool | None]] = {}
    lengths = [one.n_tokens for one in flat]
    for indices in token_batches(lengths, budget=config.batch_tokens, overhead=batch_overhead(device.type)):
        batch = backbone.collate([flat[index] for index in indices]).to(device)
        with arithmetic(device, config.precision):
            weighed = backbone.weigh(batch)
        log_probs = weighed.log_probs[:, 0].float().cpu().tolist()  # (Q, T)
        mask = weighed.mask[:, 0].cpu().tolist()
        greedy = None if weighed.greedy is None else weighed.greedy[:, 0].cpu().tolist()
        for q, index in enumerate(indices):
            values = [value for value, there in zip(log_probs[q], mask[q], strict=True) if there]
            found[owners[index]] = values, None if greedy is None else greedy[q]
        if progress is not None:
            progress(len(found), len(flat))
    return [_prediction(questions, number, found) for number in range(len(questions.examples))]


def _prediction(
    questions: Questions, number: int, found: dict[tuple[int, int], tuple[list[float], bool | None]]
) -> Prediction:
    """A text's windows put together again."""
    cloze, instances = questions.clozes[number], questions.instances[number]
    parts = [found[number, nth] for nth in range(len(instances))]
    firsts: Sequence[bool | None] = [greedy for _, greedy in parts]
    answer = Answer(
        text=str(cloze.answers[0]),
        label=cloze.labels[0],
        log_probs=tuple(value for values, _ in parts for value in values),
        greedy=None if not parts or None in firsts else all(firsts),
    )
    refuse_nan(cloze.uid, [answer])
    cut: dict[str, int] = {}
    for one in instances:
        for field, n in one.cut.items():
            cut[field] = cut.get(field, 0) + n
    return Prediction(questions.examples[number], answers=(answer,), cut=cut)
