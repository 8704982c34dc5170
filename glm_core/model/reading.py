"""What a network has read so far, for several texts at once: Part A goes through it once, then one token at a time.

R rows (texts, or beams of texts), L tokens read at a time, P tokens in the cache, V vocabulary. Rows of different length
are padded on the right; a padded place is never looked at, so a row gives what it gives alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from glm_core.model.masks import branch_mask
from glm_core.model.transformer import GLM, KVCache
from glm_core.tokens.row import Row

GROW = 64  # tokens for which room is made at a time; making it copies the cache


class Fed(NamedTuple):
    """One token to be read: its id, the blank it stands in, and how far inside."""

    id: int
    where: int
    inside: int


class Reader(Protocol):
    """What writing needs of a model. Every reading verb returns the scores of the next token, (R, V)."""

    def start(self, rows: Sequence[Row]) -> Tensor:
        """Read Part A and what stands at the beginning of the first blank."""

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        """Read on, row by row; a row that is given nothing has any scores."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""

    def spread(self, n: int) -> Reader:
        """A reader of its own with every row n times in succession. This one stays as it is."""

    def follow(self, sources: Sequence[int]) -> None:
        """Row i goes on from where row `sources[i]` was. Only among rows that were spread from one."""


class GLMReader:
    """A GLM's caches and which of their places count."""

    def __init__(self, network: GLM, *, pad: int, memory: int = 0) -> None:
        """memory: tokens that are remembered, 0 all. The oldest are forgotten after every reading, as in the original."""
        self.network = network
        self.pad = pad
        self.memory = memory
        self.soft = None if network.prompt_spell is None else network.prompt_spell()
        self.caches: list[KVCache] = []
        self.seen = torch.zeros(0, 0, dtype=torch.bool)  # (R, P) what may be looked at
        self.whole = True  # nothing of `seen` is False, so no mask is needed
        self.common = 0  # tokens at the front of the cache that spread rows have in common

    @property
    def device(self) -> torch.device:
        return self.network.word_embeddings.weight.device

    def start(self, rows: Sequence[Row]) -> Tensor:
        lengths = [len(row) for row in rows]
        ids = torch.full((len(rows), max(lengths)), self.pad)
        positions = torch.zeros(len(rows), 2, max(lengths), dtype=torch.long)
        branch = torch.zeros_like(ids)
        segment = torch.full_like(ids, -1)
        for r, row in enumerate(rows):
            ids[r, : lengths[r]] = torch.from_numpy(row.ids)
            positions[r, :, : lengths[r]] = torch.from_numpy(row.positions)
            branch[r, : lengths[r]] = torch.from_numpy(row.branch)
            segment[r, : lengths[r]] = 0
        segment = segment.to(self.device)
        self.seen = segment == 0
        self.whole = min(lengths) == max(lengths)
        mask = branch_mask(branch.to(self.device), segment)
        return self._through(ids, positions, mask, lengths)

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        lengths = [max(len(one), 1) for one in fed]
        longest = max(lengths)
        nothing = Fed(self.pad, 0, 1)
        table = torch.tensor([[*one, *[nothing] * (longest - len(one))] for one in fed])  # (R, L, 3)
        there = torch.arange(longest) < torch.tensor(lengths)[:, None]  # (R, L)
        past = self.seen
        self.seen = torch.cat([past, there.to(self.device)], dim=1)
        self.whole = self.whole and min(lengths) == longest
        mask = None
        if not self.whole or longest > 1:
            at = torch.arange(self.seen.shape[1], device=self.device)
            causal = at <= at[past.shape[1] :, None]  # (L, P + L)
            mask = (self.seen[:, None, :] & causal)[:, None]
        return self._through(table[:, :, 0], table[:, :, 1:].transpose(1, 2), mask, lengths)

    def keep(self, rows: Sequence[int]) -> None:
        picked = torch.tensor(rows, device=self.device)
        self.caches = [cache.pick(picked) for cache in self.caches]
        self.seen = self.seen[picked]
        self.whole = self.whole or bool(self.seen.all())

    def spread(self, n: int) -> GLMReader:
        made = copy.copy(self)
        picked = torch.arange(len(self.seen), device=self.device).repeat_interleave(n)
        made.caches = [KVCache(cache.keys[picked], cache.values[picked]) for cache in self.caches]
        made.seen, made.whole, made.common = self.seen[picked], self.whole, self.seen.shape[1]
        return made

    def follow(self, sources: Sequence[int]) -> None:
        moved = [row for row, source in enumerate(sources) if row != source]
        if not moved or self.seen.shape[1] == self.common:
            return
        to = torch.tensor(moved, device=self.device)
        of = torch.tensor([sources[row] for row in moved], device=self.device)
        for cache in self.caches:
            for own in (cache.keys[:, :, self.common :], cache.values[:, :, self.common :]):
                own[to] = own[of]
        self.seen[to] = self.seen[of]

    def _through(self, ids: Tensor, positions: Tensor, mask: Tensor | None, lengths: Sequence[int]) -> Tensor:
        """Read a block of tokens and keep it; the scores after the last token of every row. -> (R, V) float32"""
        if self.caches and not self._has_room(ids.shape[1]):
            self.caches = [cache.reserve(max(GROW, ids.shape[1])) for cache in self.caches]
        if not self.network.config.block_positions:
            positions = positions[:, 0]
        states, self.caches = self.network(
            ids.to(self.device), positions.to(self.device), mask, self.caches or None, self.soft
        )
        if self.memory:
            newer = self.seen.flip(1).cumsum(1).flip(1)  # how many from here on count, this one included
            self.seen = self.seen & (newer <= self.memory)
            self.whole = self.whole and self.seen.shape[1] <= self.memory
        rows = torch.arange(len(ids), device=self.device)
        last = torch.tensor(lengths, device=self.device) - 1
        return self.network.logits(states[rows, last]).float()

    def _has_room(self, more: int) -> bool:
        room = self.caches[0].room
        return room is not None and self.caches[0].length + more <= room[0].shape[2]
