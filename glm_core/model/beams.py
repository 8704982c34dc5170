"""The bookkeeping of a beam search for one text: open beams, ended hypotheses, and when it is over.

No tensors: it is given candidates in descending order and keeps lists. `base` is what a hypothesis counts before its
first token: 1 where [sop] counts, as in the original's interactive program, 0 in its evaluator.
Source: THUDM/GLM, `generation_utils.py` (BeamSearchScorer, BeamHypotheses).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from glm_core.model.prefix_tree import Node

NEVER = float("-inf")


class Hypothesis(NamedTuple):
    """A way to fill the blank: its tokens without the end, what it is worth, and whether it ended by itself."""

    score: float
    tokens: tuple[int, ...]
    ended: bool


class Candidate(NamedTuple):
    """One more token for one of the open beams. total: the sum of log-probabilities, this token's included."""

    total: float
    beam: int
    token: int


@dataclass(frozen=True)
class Beam:
    """An open hypothesis. source: the beam of the step before that it goes on from."""

    tokens: tuple[int, ...] = ()
    total: float = 0.0
    source: int = 0
    node: Node | None = None  # where it stands among the candidates it is bound to


class Pool:
    """The `size` best ended hypotheses."""

    def __init__(self, size: int, length_penalty: float) -> None:
        self.size = size
        self.length_penalty = length_penalty
        self.found: list[Hypothesis] = []

    @property
    def full(self) -> bool:
        return len(self.found) >= self.size

    @property
    def worst(self) -> float:
        return min((one.score for one in self.found), default=NEVER)

    @property
    def best(self) -> Hypothesis:
        """The highest score; of equal ones the last that came."""
        return max(reversed(self.found), key=lambda one: one.score)

    def add(self, tokens: tuple[int, ...], total: float, length: int, *, ended: bool = True) -> None:
        """Keep a hypothesis if it is among the best. length: as many tokens as its score is divided by."""
        score = self.score(total, length)
        if self.full and score <= self.worst:
            return
        self.found.append(Hypothesis(score, tokens, ended))
        if len(self.found) > self.size:
            self.found.remove(min(self.found, key=lambda one: one.score))

    def score(self, total: float, length: int) -> float:
        """`total / length ** penalty`; an empty hypothesis counts as one token."""
        return total / max(length, 1) ** self.length_penalty

    def is_over(self, best_total: float, length: int) -> bool:
        """Whether no open beam of this length can still become better than the worst that is kept."""
        return self.full and self.worst >= self.score(best_total, length)


@dataclass
class Search:
    """The beam search for one blank. `step` takes the best candidates and leaves the beams to go on with.

    limit: tokens that may be written. over: no open beam can become better than what is found.
    """

    n_beams: int
    length_penalty: float
    ends: Collection[int]
    limit: int
    base: int = 1
    root: Node | None = None
    stops: Callable[[Sequence[int]], bool] | None = None  # whether these tokens hold a text at which writing ends
    beams: list[Beam] = field(default_factory=list)
    over: bool = False

    def __post_init__(self) -> None:
        self.pool = Pool(self.n_beams, self.length_penalty)
        self.beams = [Beam(node=self.root)]

    @property
    def finished(self) -> bool:
        return self.over or len(self.beams[0].tokens) >= self.limit

    @property
    def sources(self) -> list[int]:
        """For each of the `n_beams` places, the place whose past it goes on from."""
        moved = [] if self.finished else [one.source for one in self.beams]
        return [*moved, *range(len(moved), self.n_beams)]

    def step(self, candidates: Sequence[Candidate]) -> None:
        """Walk the candidates from the best down.

        An end closes a hypothesis where it is among the first `n_beams`, and is passed over behind them. The first
        `n_beams` other tokens are the next beams.
        """
        going: list[Beam] = []
        length = self.base + len(self.beams[0].tokens)
        for rank, one in enumerate(candidates):
            if one.total == NEVER or len(going) == self.n_beams:
                break
            beam = self.beams[one.beam]
            tokens = (*beam.tokens, one.token)
            if one.token in self.ends:
                if rank < self.n_beams:
                    self.pool.add(beam.tokens, one.total, length)
            elif self.stops is not None and self.stops(tokens):
                if rank < self.n_beams:
                    self.pool.add(tokens, one.total, length + 1)
            else:
                node = None if beam.node is None else beam.node.get(one.token, {})
                going.append(Beam(tokens, one.total, one.beam, node))
        best = candidates[0].total if candidates else NEVER
        self.over = not going or self.pool.is_over(best, length)
        if going:
            self.beams = going

    def close(self) -> Hypothesis:
        """The best there is. Beams that are still open come in with what they have, unless the search was over."""
        if not self.over or not self.pool.found:
            for beam in self.beams:
                self.pool.add(beam.tokens, beam.total, self.base + len(beam.tokens), ended=False)
        return self.pool.best
