"""Small functions on the scores of the next token, each one idea of generation.

Letters: R rows, V vocabulary. A token that may not be written has the score -inf; -inf everywhere is a dead end. All
functions return new tensors and leave their argument as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from random import Random

import torch
from torch import Tensor

NEVER = -torch.inf


def keep_top_k(scores: Tensor, k: int) -> Tensor:
    """Only the k best of every row, and those that are as good as the k-th. k 0 or above V: all. (R, V) -> (R, V)"""
    if not 0 < k < scores.shape[-1]:
        return scores
    worst = scores.topk(k).values[..., -1:]
    return scores.masked_fill(scores < worst, NEVER)


def keep_top_p(scores: Tensor, p: float) -> Tensor:
    """The most likely tokens of every row that together reach the share p; the one that crosses it stays.

    At least one token of a row stays. p 1: all. (R, V) -> (R, V)
    """
    if p >= 1:
        return scores
    ordered, order = scores.sort(dim=-1, descending=True)
    before = torch.softmax(ordered, -1).cumsum(-1).roll(1, dims=-1)  # the share of all that is more likely
    before[..., 0] = -1.0
    return scores.masked_fill((before > p).scatter(-1, order, before > p), NEVER)


def penalize(scores: Tensor, written: Sequence[Collection[int]], penalty: float) -> Tensor:
    """What a row has written becomes less likely: a positive score is divided by the penalty, a negative one multiplied.

    scores: (R, V), written: ids per row. Source: arXiv 1909.05858, section 4.1.
    """
    rows, ids = _pairs(written, scores.device)
    if penalty == 1 or not len(rows):
        return scores
    old = scores[rows, ids]
    return scores.index_put((rows, ids), torch.where(old < 0, old * penalty, old / penalty))


def ban(scores: Tensor, banned: Sequence[Collection[int]]) -> Tensor:
    """These ids cannot be written, row by row. (R, V) -> (R, V)"""
    rows, ids = _pairs(banned, scores.device)
    return scores.index_put((rows, ids), scores.new_tensor(NEVER)) if len(rows) else scores


def allow_only(scores: Tensor, allowed: Sequence[Collection[int]]) -> Tensor:
    """Nothing but these ids can be written, row by row. (R, V) -> (R, V)"""
    rows, ids = _pairs(allowed, scores.device)
    return torch.full_like(scores, NEVER).index_put((rows, ids), scores[rows, ids])


def ngram_ends(written: Sequence[int], n: int) -> set[int]:
    """The tokens that would repeat n tokens in a row. n 0: none; n 1: all that was written."""
    if n < 1 or len(written) < n - 1:
        return set()
    begun = tuple(written[len(written) - n + 1 :])
    return {written[at + n - 1] for at in range(len(written) - n + 1) if tuple(written[at : at + n - 1]) == begun}


def warp(scores: Tensor, *, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Temperature, then top-k, then top-p: the order of the original. (R, V) -> (R, V)"""
    if temperature not in (0.0, 1.0):
        scores = scores / temperature
    return keep_top_p(keep_top_k(scores, top_k), top_p)


def draw(scores: Tensor, numbers: Iterable[float]) -> Tensor:
    """One token per row with the probabilities that the scores make, each row by its own number from [0, 1).

    A row's draw depends on its own scores and number only, so it does not matter which rows share a batch.
    (R, V) -> (R,)
    """
    reached = torch.softmax(scores.double(), -1).cumsum(-1)  # (R, V)
    total = reached[:, -1:]
    at = torch.tensor(list(numbers), dtype=torch.float64, device=scores.device)[:, None] * total
    below = torch.nextafter(total, torch.zeros_like(total))  # so that rounding never picks what has no probability
    return torch.searchsorted(reached, torch.minimum(at, below), right=True).squeeze(1)


def perturb(scores: Tensor, rng: Random) -> Tensor:
    """Gumbel noise: the best k of the result are a draw of k without replacement. Source: arXiv 1903.06059.

    Any shape -> the same shape
    """
    generator = torch.Generator().manual_seed(rng.getrandbits(63))
    exponential = torch.empty(scores.shape, dtype=torch.float32).exponential_(generator=generator)
    return scores - exponential.log().to(scores.device)


def _pairs(ids: Sequence[Collection[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Row and id of every entry, as two index tensors."""
    rows = [row for row, some in enumerate(ids) for _ in some]
    flat = [one for some in ids for one in some]
    return (
        torch.tensor(rows, dtype=torch.long, device=device),
        torch.tensor(flat, dtype=torch.long, device=device),
    )
