"""What writing is given and what it gives back, and which tokens may come next: shared by all ways to choose one.

R rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from glm_core.errors import RunError
from glm_core.generation_config import GenerationConfig
from glm_core.model.beams import Hypothesis
from glm_core.model.prefix_tree import Node, PrefixTree
from glm_core.model.token_scores import NEVER, allow_only, ban, ngram_ends, penalize
from glm_core.tokens.row import Row, Span, build_row


@dataclass(frozen=True, eq=False)
class Prompt:
    """A text whose blanks are to be written.

    ids: Part A. blanks: the index of each blank's mask. given: ids at the start of the first blank.
    tree: the candidates; `joint` ones run through all blanks, others are the same for every blank.
    """

    ids: Sequence[int]
    blanks: Sequence[int]
    given: Sequence[int] = ()
    seed: int = 0
    tree: PrefixTree | None = None
    joint: bool = False

    def row(self, sop: int) -> Row:
        """Part A, and the beginning of its first blank."""
        return build_row(self.ids, [[Span(self.blanks[0], (*self.given, 0), len(self.given))]], sop=sop)


@dataclass(frozen=True, eq=False)
class Marks:
    """What of a vocabulary writing has to know.

    ends: ids that close a blank. banned: (V,) bool, what is never written; None: everything may be.
    stops: whether the text that these tokens make holds one at which writing ends.
    """

    sop: int
    ends: Collection[int]
    banned: Tensor | None = None
    stops: Callable[[Sequence[int]], bool] | None = None


@dataclass(frozen=True)
class Written:
    """What was written into each blank, ends not included, and whether it ended by itself.

    kept: of a beam search, all hypotheses it kept for each blank, the best first.
    """

    pieces: tuple[tuple[int, ...], ...]
    ended: tuple[bool, ...]
    kept: tuple[tuple[Hypothesis, ...], ...] = ()


Listener = Callable[[int, int, Sequence[int], bool], None]
"""Told (text, blank, all tokens of the blank so far, whether that is all) after every token."""


class Said(NamedTuple):
    """What counts when the next token of a row is chosen: its blank so far, the blanks before, and its candidates."""

    piece: Sequence[int]
    before: Sequence[int]
    node: Node | None


def worth_dropping(ended: int, rows: int) -> bool:
    """Whether moving the caches of the other rows costs less than reading on with those that ended."""
    return ended > 0 and 4 * ended >= rows


def earlier(pieces: Sequence[Sequence[int]], sop: int) -> list[int]:
    """What was written into the blanks before, as the model has read it: each piece is followed by the next [sop]."""
    return [id for piece in pieces for id in (*piece, sop)]


def check_number(value: float) -> None:
    """Raises RunError for nan."""
    if value != value:
        raise RunError(
            "the model gives no number (nan) for the next token: its weights diverged; use another checkpoint"
        )


def penalized(scores: Tensor, said: Sequence[Said], config: GenerationConfig) -> Tensor:
    """With the repetition penalty, for all blanks of a text. (R, V) -> (R, V)"""
    if config.repetition_penalty == 1:
        return scores
    return penalize(scores, [{*one.before, *one.piece} for one in said], config.repetition_penalty)


def limited(scores: Tensor, said: Sequence[Said], marks: Marks, config: GenerationConfig) -> Tensor:
    """-inf for what must not be written now: banned ids, early ends, repeated n-grams. (R, V) -> (R, V)

    Where there are candidates, they alone decide.
    """
    free = scores
    if marks.banned is not None:
        scores = scores.masked_fill(marks.banned, NEVER)
    if config.no_repeat_ngram or config.min_tokens:
        everywhere = config.rules == "seq2seq"
        banned = []
        for one in said:
            history = (*one.before, *one.piece) if everywhere else one.piece
            now = ngram_ends(history, config.no_repeat_ngram)
            if len(one.piece) < config.min_tokens:
                now |= set(marks.ends)
            banned.append(now)
        scores = ban(scores, banned)
    bound = [row for row, one in enumerate(said) if one.node is not None]
    if bound:
        scores = scores.clone()
        scores[bound] = allow_only(free[bound], [said[row].node or {} for row in bound])
    return scores
