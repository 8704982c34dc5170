"""What a network has read so far, for several texts at once: Part A goes through it once, then one token at a time.

R texts, B beams of each, L tokens read at a time, P tokens in the cache, V vocabulary. Texts of different length are
padded on the right; a padded place is never looked at, so a text gives what it gives alone.
"""

from __future__ import annotations

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
        """Read on, text by text; a text that is given nothing has any scores."""

    def keep(self, texts: Sequence[int]) -> None:
        """Go on with these texts only."""

    def branches(self, n: int) -> Branches:
        """Go on in n ways in every text. The reader itself stays where it is; it reads on when they are done with."""


class Branches(Protocol):
    """Several ways to go on in every text."""

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        """Read at most one token in every branch, the n branches of a text in succession. -> (R·n, V)"""

    def follow(self, sources: Sequence[Sequence[int]]) -> None:
        """For every text: branch i goes on from where branch `sources[i]` was."""

    def keep(self, texts: Sequence[int]) -> None:
        """Go on with these texts only."""


class _Cached:
    """Caches, which of their places may be looked at, and how to read on."""

    def __init__(self, network: GLM, pad: int, memory: int, soft: Tensor | None) -> None:
        self.network = network
        self.pad = pad
        self.memory = memory
        self.soft = soft
        self.caches: list[KVCache] = []
        self.seen = torch.zeros(0, 0, dtype=torch.bool)  # (…, P) what may be looked at

    @property
    def device(self) -> torch.device:
        return self.network.word_embeddings.weight.device

    def keep(self, texts: Sequence[int]) -> None:
        picked = torch.tensor(texts, device=self.device)
        self.caches = [cache.pick(picked) for cache in self.caches]
        self.seen = self.seen[picked]

    def _through(self, ids: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """Read a block of tokens and keep it. (R, L), (R, 2, L) -> states (R, L, D)"""
        if self.caches and not self._has_room(ids.shape[1]):
            self.caches = [cache.reserve(max(GROW, ids.shape[1])) for cache in self.caches]
        if not self.network.config.block_positions:
            positions = positions[:, 0]
        states, self.caches = self.network(
            ids.to(self.device), positions.to(self.device), mask, self.caches or None, self.soft
        )
        if self.memory:
            newer = self.seen.flip(-1).cumsum(-1).flip(-1)  # how many from here on count, this one included
            self.seen = self.seen & (newer <= self.memory)
        return states

    def _has_room(self, more: int) -> bool:
        room = self.caches[0].room
        return room is not None and self.caches[0].length + more <= room[0].shape[2]


class GLMReader(_Cached):
    """A GLM that reads several texts. `seen` is (R, P)."""

    def __init__(self, network: GLM, *, pad: int, memory: int = 0) -> None:
        """memory: tokens that are remembered, 0 all. The oldest are forgotten after every reading, as in the original."""
        super().__init__(network, pad, memory, None if network.prompt_spell is None else network.prompt_spell())
        self.whole = True  # nothing of `seen` is False, so that one token needs no mask

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
        return self._scores(ids, positions, branch_mask(branch.to(self.device), segment), lengths)

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        lengths = [max(len(one), 1) for one in fed]
        longest, past = max(lengths), self.seen.shape[1]
        table = _table(fed, longest, self.pad)
        there = torch.arange(longest) < torch.tensor(lengths)[:, None]  # (R, L)
        self.seen = torch.cat([self.seen, there.to(self.device)], dim=1)
        self.whole = self.whole and min(lengths) == longest
        mask = None
        if not self.whole or longest > 1:
            at = torch.arange(past + longest, device=self.device)
            mask = (self.seen[:, None, :] & (at <= at[past:, None]))[:, None]  # (R, 1, L, P + L)
        return self._scores(table[:, :, 0], table[:, :, 1:].transpose(1, 2), mask, lengths)

    def keep(self, texts: Sequence[int]) -> None:
        super().keep(texts)
        self.whole = self.whole or bool(self.seen.all())

    def branches(self, n: int) -> GLMBranches:
        return GLMBranches(self, n)

    def _scores(self, ids: Tensor, positions: Tensor, mask: Tensor | None, lengths: Sequence[int]) -> Tensor:
        states = self._through(ids, positions, mask)
        self.whole = self.whole and (not self.memory or self.seen.shape[1] <= self.memory)
        last = torch.tensor(lengths, device=self.device) - 1
        return self.network.logits(states[torch.arange(len(ids), device=self.device), last]).float()


class GLMBranches(_Cached):
    """A GLM that goes on in n ways in every text; `seen` is (R, n, P).

    The branches of a text share one row of the cache, Part A included: a step adds a token of every branch, and the mask
    lets a branch look at its own ones only. Nothing moves when one branch goes on from another; only the mask changes.
    What no branch looks at any more is cleared away now and then.
    """

    def __init__(self, reader: GLMReader, n: int) -> None:
        super().__init__(reader.network, reader.pad, reader.memory, reader.soft)
        self.n = n
        self.caches = list(
            reader.caches
        )  # what is appended stands behind what the reader has, and is overwritten by it
        self.seen = reader.seen[:, None, :].expand(-1, n, -1)
        self.common = reader.seen.shape[1]  # places of the front that stay as they are
        self.clear_at = self.common + GROW

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        if self.seen.shape[2] >= self.clear_at:
            self._clear()
        table = _table(fed, 1, self.pad).view(-1, self.n, 3)
        own = torch.eye(self.n, dtype=torch.bool, device=self.device).expand(len(table), -1, -1)
        self.seen = torch.cat([self.seen, own], dim=2)
        states = self._through(table[:, :, 0], table[:, :, 1:].transpose(1, 2), self.seen[:, None])
        return self.network.logits(states.flatten(0, 1)).float()

    def follow(self, sources: Sequence[Sequence[int]]) -> None:
        at = torch.tensor(sources, device=self.device)[:, :, None]  # (R, n, 1)
        self.seen = self.seen.gather(1, at.expand(-1, -1, self.seen.shape[2]))

    def _clear(self) -> None:
        """Move together what some branch still looks at, unless that is most of it."""
        own = self.seen[:, :, self.common :]
        live = own.any(1)  # (R, P')
        kept = int(live.sum(1).max())
        self.clear_at = self.common + max(2 * kept, kept + GROW)
        if 2 * kept > live.shape[1]:
            return
        order = (~live).to(torch.uint8).argsort(dim=1, stable=True)[:, :kept]  # the live ones first, in their order
        self.seen = torch.cat(
            [self.seen[:, :, : self.common], own.gather(2, order[:, None].expand(-1, self.n, -1))], dim=2
        )
        now = self.common + kept
        caches = []
        for cache in self.caches:
            for some in (cache.keys, cache.values):
                at = order[:, None, :, None].expand(-1, some.shape[1], -1, some.shape[3])
                some[:, :, self.common : now] = some[:, :, self.common :].gather(2, at)
            caches.append(KVCache(cache.keys[:, :, :now], cache.values[:, :, :now], cache.room))
        self.caches = caches


def _table(fed: Sequence[Sequence[Fed]], length: int, pad: int) -> Tensor:
    """(R, length, 3): id, where, inside; what is missing is padding."""
    nothing = Fed(pad, 0, 1)
    return torch.tensor([[*one, *[nothing] * (length - len(one))] for one in fed])
