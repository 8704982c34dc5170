"""Ask a backbone for the log-probabilities of answers, some clozes at a time; several checks compare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glm_core.examples import Answer
from glm_core.parts import Soft
from glm_core.pvp import Cloze

if TYPE_CHECKING:
    from glm_core.backbone import Backbone


def weigh(
    backbone: Backbone, clozes: Sequence[Cloze], *, max_length: int, at_once: int | None = None
) -> list[tuple[Answer, ...]]:
    """What each answer of each cloze is worth. at_once: how many clozes go through the model together; None: all."""
    device = next(backbone.module.parameters()).device
    found: list[tuple[Answer, ...]] = []
    step = at_once or max(len(clozes), 1)
    for start in range(0, len(clozes), step):
        group = clozes[start : start + step]
        batch = backbone.collate([backbone.encode(one, max_length=max_length) for one in group]).to(device)
        weighed = backbone.weigh(batch)
        log_probs, mask = weighed.log_probs.float().cpu().tolist(), weighed.mask.cpu().tolist()
        for q, cloze in enumerate(group):
            answers = []
            for c, (text, label) in enumerate(zip(cloze.answers, cloze.labels, strict=True)):
                values = tuple(value for value, there in zip(log_probs[q][c], mask[q][c], strict=True) if there)
                answers.append(Answer(" … ".join(text) if isinstance(text, tuple) else text, label, values))
            found.append(tuple(answers))
    return found


def worth(answer: Answer) -> float:
    """The sum of an answer's log-probabilities."""
    return sum(answer.log_probs)


def has_soft_places(cloze: Cloze) -> bool:
    """Whether a pattern has trainable vectors of its own, which a model lacks before it is trained."""
    return any(isinstance(one, Soft) and one.n for parts in cloze.texts or (cloze.parts,) for one in parts)
