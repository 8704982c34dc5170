"""What an answer is worth, and the losses over it: algebra on a table of log-probabilities.

Letters: Q clozes, C answers, T tokens of an answer, K labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from glm_core.errors import UsageError

# What the original puts in place of the score of a choice that is only there to fill the batch (SUPERGLUE 6).
NO_CHOICE = -10000.0


def answer_scores(log_probs: Tensor, mask: Tensor, length_penalty: float = 0.0) -> Tensor:
    """Sum of an answer's token log-probabilities over (number of tokens) ** length_penalty.

    log_probs, mask: (Q, C, T)  ->  (Q, C), 0 where there is no answer
    """
    total = (log_probs * mask).sum(-1)
    if length_penalty > 0:
        total = total / mask.sum(-1).clamp(min=1).to(total.dtype) ** length_penalty
    return total


def label_scores(scores: Tensor, label_of: Tensor, combine: str = "mean") -> tuple[Tensor, Tensor]:
    """The score of each label from those of its answers.

    scores, label_of: (Q, C), label_of -1 where there is no answer
    -> (Q, K) scores, NO_CHOICE where a cloze has fewer labels, and the mask of those that are there
    """
    there = label_of >= 0
    n_labels = int(label_of.max()) + 1
    one_each = torch.arange(label_of.shape[1], device=label_of.device)
    if bool(((label_of == one_each) | ~there).all()):
        return scores.masked_fill(~there, NO_CHOICE), there
    belongs = (label_of[:, :, None] == torch.arange(n_labels, device=label_of.device)) & there[:, :, None]  # (Q, C, K)
    known = belongs.any(1)  # (Q, K)
    spread = scores[:, :, None].expand(belongs.shape)
    if combine == "mean":
        combined = (spread * belongs).sum(1) / belongs.sum(1).clamp(min=1)
    elif combine == "max":
        combined = spread.masked_fill(~belongs, -torch.inf).amax(1)
    elif combine == "logsumexp":
        combined = spread.masked_fill(~belongs, -torch.inf).logsumexp(1)
    elif combine == "first":
        first = belongs & (belongs.cumsum(1) == 1)
        combined = (spread * first).sum(1)
    else:
        raise ValueError(f"combine is mean, max, logsumexp or first; got {combine!r}")
    return combined.masked_fill(~known, NO_CHOICE), known


def choice_loss(
    scores: Tensor,
    mask: Tensor,
    gold: Tensor,
    *,
    objective: str = "choice",
    soft_gold: Tensor | None = None,
) -> Tensor:
    """The mean over clozes of a loss over their label scores (SUPERGLUE 6, MODEL 2).

    scores, mask: (Q, K); gold: (Q,); soft_gold: (Q, K)  ->  scalar

    choice      -log softmax(s) at gold
    hinge       sum over labels of max(0, 1 + s - s_gold), minus 1 for gold itself
    generative  -s_gold
    mixed       choice + generative
    decoupled   sum of s over the other labels minus s_gold, as the original's "adapet" computes it
    distill     cross-entropy against an ensemble's distribution
    """
    if objective == "distill":
        if soft_gold is None:
            raise UsageError("--objective distill needs soft labels; these examples have none")
        return -(soft_gold * F.log_softmax(scores, -1)).sum(-1).mean()
    if bool((gold < 0).any()):
        raise UsageError(f"{int((gold < 0).sum())} training examples have no label; train on a labelled split")
    if objective == "decoupled":
        sign = torch.ones_like(scores).scatter_(1, gold[:, None], -1.0)
        return (scores * sign * mask).sum() / len(gold)
    scores = scores.masked_fill(~mask.bool(), NO_CHOICE)
    at_gold = scores.gather(1, gold[:, None])
    if objective == "choice":
        return F.cross_entropy(scores, gold)
    if objective == "hinge":
        return (1 + scores - at_gold).relu().sum(1).mean() - 1
    if objective == "generative":
        return -at_gold.mean()
    if objective == "mixed":
        return F.cross_entropy(scores, gold) - at_gold.mean()
    raise UsageError(f"unknown objective '{objective}'")


def token_log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of each target, in float32. logits: (M, V), targets: (M,)  ->  (M,)"""
    return -F.cross_entropy(logits.float(), targets, reduction="none")


def token_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of each target, (1 - e) CE + e * mean over the padded vocabulary (MODEL 2). (M, V), (M,) -> (M,)"""
    logits = logits.float()
    loss = F.cross_entropy(logits, targets, reduction="none")
    if smoothing:
        loss = (1 - smoothing) * loss - smoothing * F.log_softmax(logits, -1).mean(-1)
    return loss


def table(values: Tensor, cloze: Tensor, answer: Tensor, nth: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Values of M places as a (Q, C, T) table, 0 where there is none."""
    return values.new_zeros(shape).index_put((cloze, answer, nth), values)
