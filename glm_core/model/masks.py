"""Who may look at whom: one rule, as a dense mask and as a function for flex attention.

R rows of L tokens, P tokens already in the cache, H heads, D hidden size.
A token may look at all of its Part A and at the earlier tokens of its own branch, itself included, in its own segment.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

MaskMod: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
FlexMask: TypeAlias = Any  # torch's BlockMask; its module is slow to import and needed on a GPU only

FLEX_FROM = 1024  # tokens of a row from which a mask of L x L numbers is worth avoiding


def branch_mask(branch: Tensor, segment: Tensor) -> Tensor:
    """All of Part A, and the past of one's own branch, in one's own segment.

    branch, segment: (R, L)  ->  (R, 1, L, L) bool, True = may look
    """
    at = torch.arange(branch.shape[1], device=branch.device)
    together = segment[:, :, None] == segment[:, None, :]  # (R, L, L)
    part_a = (branch == 0)[:, None, :]  # (R, 1, L)
    own_past = (branch[:, :, None] == branch[:, None, :]) & (at[None, :] <= at[:, None])  # (R, L, L)
    return (together & (part_a | own_past))[:, None]


def branch_mask_mod(branch: Tensor, segment: Tensor) -> MaskMod:
    """The same rule for flex attention's `create_block_mask(mod, R, None, L, L)`. branch, segment: (R, L)"""

    def may_look(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        own_past = (branch[row, key] == branch[row, query]) & (key <= query)
        return (segment[row, key] == segment[row, query]) & ((branch[row, key] == 0) | own_past)

    return may_look


def prefix_mask(sep: int | Tensor, length: int, past: int = 0, *, device: torch.device | str | None = None) -> Tensor:
    """The mask of classic rows: the first `sep` tokens are open to all, the rest is causal, the cache is open to all.

    sep: a number for every row, or (R,)  ->  (R, 1, L, P + L) bool; R is 1 for a number
    """
    sep = torch.as_tensor(sep, device=device).reshape(-1, 1, 1, 1)
    at = torch.arange(length, device=sep.device)
    own = (at <= at[:, None]) | (at < sep)  # (R, 1, L, L)
    return F.pad(own, (past, 0), value=True)


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask to be added to attention scores: 0 where one may look, so low elsewhere that nothing is left of the score.

    A token that may look at nothing then looks at everything alike, as in the original; -inf would give it NaN. Half of
    the lowest number, so that adding a score never overflows. A mask of floats is taken as additive already.
    """
    if mask.is_floating_point():
        return mask if mask.dtype == dtype else mask.clamp(min=torch.finfo(dtype).min / 2).to(dtype)
    dark = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return dark.masked_fill_(~mask.bool(), torch.finfo(dtype).min / 2)


class RowMasks(NamedTuple):
    """The masks of rows that lie end to end as one: each token sees its own row only, and no padding is computed."""

    masks: list[Tensor]  # (1, 1, l, l) each, bool or additive

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row; their sum is L."""
        return [one.shape[-1] for one in self.masks]

    def additive(self, dtype: torch.dtype) -> RowMasks:
        """The same, to be added to attention scores."""
        return RowMasks([additive_mask(one, dtype) for one in self.masks])


def row_mask(branch: Tensor, segment: Tensor, *, dropout: float = 0.0) -> Tensor | FlexMask:
    """The mask that suits the device: flex for long rows on a GPU, dense elsewhere.

    branch, segment: (R, L). dropout: that of the attention; flex attention knows none.
    """
    length = branch.shape[1]
    fits = length % 128 == 0 or torch.__version__ >= "2.6"  # before, flex attention knew whole blocks only
    if branch.is_cuda and dropout == 0 and length >= FLEX_FROM and fits:
        return flex_mask(branch, segment)
    return branch_mask(branch, segment)


def flex_mask(branch: Tensor, segment: Tensor) -> FlexMask:
    """The branch mask as flex attention wants it; no L x L tensor is kept. branch, segment: (R, L)"""
    from torch.nn.attention.flex_attention import create_block_mask  # slow to import, and needed on a GPU only

    rows, length = branch.shape
    mod = branch_mask_mod(branch, segment)
    return create_block_mask(mod, rows, None, length, length, device=str(branch.device))


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | RowMasks | FlexMask | None, dropout: float = 0.0
) -> Tensor:
    """Attention under an additive mask, masks of rows that lie end to end, a flex mask or none.

    queries: (R, H, L, D/H)   keys, values: (R, H, P + L, D/H)   mask: broadcastable to (R, H, L, P + L)
    -> (R, H, L, D/H)
    """
    if isinstance(mask, RowMasks):
        rows = zip(*(x.split(mask.lengths, dim=2) for x in (queries, keys, values)), mask.masks, strict=True)
        seen = [F.scaled_dot_product_attention(q, k, v, attn_mask=own, dropout_p=dropout) for q, k, v, own in rows]
        return torch.cat([one.transpose(1, 2) for one in seen], dim=1).transpose(1, 2)  # in memory token by token
    if mask is None or isinstance(mask, Tensor):
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
    if dropout:
        raise ValueError("flex attention has no dropout; make the mask with row_mask(..., dropout=...)")
    return _flex(queries.is_cuda)(queries, keys, values, block_mask=mask)


@functools.cache
def _flex(compiled: bool) -> Any:
    from torch.nn.attention.flex_attention import flex_attention  # slow to import, and needed on a GPU only

    return torch.compile(flex_attention) if compiled else flex_attention
