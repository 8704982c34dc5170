"""Checkpoints in model-parallel shards: one table of how tensors are cut, read in two directions.

Shard r of k holds the r-th part of every tensor the table names and a copy of every other. Soft prompts and heads are
in no line of the table and are never cut (the original's script cuts every matrix it does not know).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from glm_core.errors import CheckpointError, UsageError

log = logging.getLogger(__name__)

Cut = Literal["rows", "thirds", "columns"]

_LAYER = r"transformer\.layers\.\d+\."
_CUTS: tuple[tuple[re.Pattern[str], Cut], ...] = (
    (re.compile(r"word_embeddings\.weight"), "rows"),
    (re.compile(_LAYER + r"mlp\.dense_h_to_4h\.(weight|bias)"), "rows"),
    (re.compile(_LAYER + r"attention\.query_key_value\.(weight|bias)"), "thirds"),  # Q, K and V, each by rows
    (re.compile(_LAYER + r"(attention\.dense|mlp\.dense_4h_to_h)\.weight"), "columns"),
)
_BODY = re.compile(r"(word_embeddings|transformer)\.")


def cut_of(name: str) -> Cut | None:
    """How the tensor of this name is cut; None: every shard holds all of it."""
    return next((cut for pattern, cut in _CUTS if pattern.fullmatch(name)), None)


def split(state: Mapping[str, Tensor], n_shards: int, *, n_heads: int) -> list[dict[str, Tensor]]:
    """A whole state dict as n shards that share no memory.

    Raises UsageError where heads or a tensor cannot be divided evenly, naming it.
    """
    if n_shards < 1:
        raise UsageError(f"the number of shards is at least 1; got {n_shards}")
    if n_heads % n_shards:
        raise UsageError(f"{n_heads} attention heads cannot be divided among {n_shards} shards; choose a divisor")
    shards: list[dict[str, Tensor]] = [{} for _ in range(n_shards)]
    for name, tensor in state.items():
        for shard, part in zip(shards, _parts(name, tensor, n_shards), strict=True):
            shard[name] = part.clone(memory_format=torch.contiguous_format)
    return shards


def merge(shards: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The whole state dict that these shards, in order, make.

    Raises CheckpointError where the shards do not hold the same names, or parts do not fit together.
    """
    if len(shards) == 1:
        return dict(shards[0])
    names = list(shards[0])
    for rank, shard in enumerate(shards):
        if odd := sorted(set(names) ^ set(shard)):
            raise CheckpointError(f"shards 0 and {rank} do not hold the same tensors: {_some(odd)}")
    whole = {name: _whole(name, [shard[name] for shard in shards]) for name in names}
    differing = [name for name in names if cut_of(name) is None and not _all_equal([shard[name] for shard in shards])]
    if cut := [name for name in differing if not _BODY.match(name)]:
        raise CheckpointError(
            f"the shards hold different parts of what is never cut: {_some(cut)}; "
            "take the soft prompt or head from the checkpoint as it was before it was cut"
        )
    if differing:
        log.warning("shards differ in what they should share, the first one is taken: %s", _some(differing))
    return whole


def _parts(name: str, tensor: Tensor, n: int) -> Sequence[Tensor]:
    cut = cut_of(name)
    if cut is None:
        return [tensor] * n
    dim = 1 if cut == "columns" else 0
    pieces = 3 * n if cut == "thirds" else n
    if tensor.shape[dim] % pieces:
        raise UsageError(
            f"{name}: {tensor.shape[dim]} {'columns' if dim else 'rows'} cannot be divided among {n} shards"
        )
    parts = tensor.chunk(pieces, dim)
    if cut == "thirds":
        return [torch.cat([parts[third * n + rank] for third in range(3)]) for rank in range(n)]
    return parts


def _whole(name: str, parts: list[Tensor]) -> Tensor:
    cut = cut_of(name)
    if len({part.shape for part in parts}) > 1:
        raise CheckpointError(
            f"{name} has another shape in every shard: {', '.join(str(tuple(p.shape)) for p in parts)}"
        )
    if cut is None:
        return parts[0]
    if cut == "thirds":
        if parts[0].shape[0] % 3:
            raise CheckpointError(f"{name} has {parts[0].shape[0]} rows, which is not three times anything")
        return torch.cat([part.chunk(3)[third] for third in range(3) for part in parts])
    return torch.cat(parts, dim=1 if cut == "columns" else 0)


def _all_equal(tensors: list[Tensor]) -> bool:
    return all(torch.equal(tensors[0], other) for other in tensors[1:])


def _some(names: Sequence[str], most: int = 3) -> str:
    """A few by name, and how many there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
