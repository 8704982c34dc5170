"""A model made of a table: the scores of the next token follow from how much was read, and from the last token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glm_core.model.reading import Fed
from glm_core.tokens.row import Row


class Scripted:
    """Keeps what every row has read; `scores(row number, what it read)` are those of the next token.

    calls: what was read at every call, as (id, where, inside) per row.
    """

    def __init__(self, scores: Callable[[int, list[Fed]], Tensor]) -> None:
        self.scores = scores
        self.read_so_far: list[tuple[int, list[Fed]]] = []  # the row's number at the start, and what it read
        self.calls: list[list[list[Fed]]] = []

    def start(self, rows: Sequence[Row]) -> Tensor:
        fed = [[Fed(*one) for one in zip(row.ids.tolist(), *row.positions.tolist(), strict=True)] for row in rows]
        self.read_so_far = [(number, []) for number in range(len(rows))]
        return self.read(fed)

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        assert len(fed) == len(self.read_so_far)
        self.calls.append([list(one) for one in fed])
        self.read_so_far = [(n, [*old, *new]) for (n, old), new in zip(self.read_so_far, fed, strict=True)]
        return torch.stack([self.scores(number, read) for number, read in self.read_so_far])

    def keep(self, texts: Sequence[int]) -> None:
        self.read_so_far = [self.read_so_far[text] for text in texts]

    def branches(self, n: int) -> ScriptedBranches:
        return ScriptedBranches(self, n)


class ScriptedBranches:
    """Every text n times in succession."""

    def __init__(self, reader: Scripted, n: int) -> None:
        self.n = n
        self.flat = Scripted(reader.scores)
        self.flat.read_so_far = [one for one in reader.read_so_far for _ in range(n)]

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        return self.flat.read(fed)

    def follow(self, sources: Sequence[Sequence[int]]) -> None:
        self.flat.keep([text * self.n + source for text, some in enumerate(sources) for source in some])

    def keep(self, texts: Sequence[int]) -> None:
        self.flat.keep([text * self.n + branch for text in texts for branch in range(self.n)])
