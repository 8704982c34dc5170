"""Writing the blanks of several texts: Part A is read once, Part B grows token by token over the cache.

The blanks of a text are written from left to right, each seeing the ones before it. A text that is finished leaves the
batch. What is written into one text does not depend on its neighbours: all that is drawn comes from its own seed.

R rows, V vocabulary. Source: arXiv 2103.10360, section 2; THUDM/GLM, `generation_utils.py`, `generate_samples.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from torch import Tensor

from glm_core.generation_config import GenerationConfig
from glm_core.model.beam_search import write_with_beams
from glm_core.model.prompts import (
    Listener,
    Marks,
    Prompt,
    Said,
    Written,
    check_number,
    earlier,
    limited,
    penalized,
    worth_dropping,
)
from glm_core.model.reading import Fed, Reader
from glm_core.model.token_scores import NEVER, draw, warp


def write(
    reader: Reader,
    prompts: Sequence[Prompt],
    marks: Marks,
    config: GenerationConfig,
    *,
    listen: Listener | None = None,
) -> list[Written]:
    """Fill all blanks of all prompts, in the order of the prompts.

    Raises RunError where the model gives no numbers.
    """
    if config.beams > 1:
        return write_with_beams(reader, prompts, marks, config, listen=listen)
    drafts = [Draft(index, prompt, marks, config, listen) for index, prompt in enumerate(prompts)]
    live = list(drafts)  # row i of the reader belongs to live[i]
    scores = reader.start([prompt.row(marks.sop) for prompt in prompts])
    while True:
        for draft, token in zip(live, choose(scores, live, marks, config), strict=True):
            if not draft.done:
                draft.take(token)
        going = [row for row, draft in enumerate(live) if not draft.done]
        if not going:
            return [draft.written for draft in drafts]
        if worth_dropping(len(live) - len(going), len(live)):
            reader.keep(going)
            live = [live[row] for row in going]
        scores = reader.read([draft.unread for draft in live])


@dataclass(eq=False)
class Draft:
    """One text as it grows, without beams. `unread` is what the model has to read next."""

    index: int
    prompt: Prompt
    marks: Marks
    config: GenerationConfig
    listen: Listener | None = None
    pieces: list[list[int]] = field(default_factory=lambda: [[]])
    ended: list[bool] = field(default_factory=list)
    unread: list[Fed] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self.rng = Random(self.prompt.seed)
        self.node = None if self.prompt.tree is None else self.prompt.tree.root
        self.chosen = 0  # tokens and ends
        self.inside = 1 + len(self.prompt.given)

    @property
    def said(self) -> Said:
        before = earlier(self.pieces[:-1], self.marks.sop) if len(self.pieces) > 1 else ()
        return Said(self.pieces[-1], before, self.node)

    @property
    def written(self) -> Written:
        missing = len(self.prompt.blanks) - len(self.ended)
        pieces = [tuple(one) for one in self.pieces]
        pieces += [()] * (len(self.prompt.blanks) - len(pieces))
        return Written(tuple(pieces), (*self.ended, *[False] * missing))

    def take(self, token: int | None) -> None:
        """The next token of the blank; an end closes it, None is a dead end."""
        piece = self.pieces[-1]
        self.chosen += 1
        self.unread = []
        if token is None or token in self.marks.ends:
            if self.node is not None:
                self.node = None if token is None else self.node.get(token)
            self._close(ended=token is not None)
        else:
            piece.append(token)
            self.inside += 1
            self.unread = [Fed(token, self.prompt.blanks[len(self.ended)], self.inside)]
            if self.node is not None:
                self.node = self.node.get(token, {})
            if self.marks.stops is not None and self.marks.stops(piece):
                self._close(ended=True)
            elif len(piece) >= self.config.max_tokens:
                self._close(ended=False)
            elif self.listen is not None:
                self.listen(self.index, len(self.ended), piece, False)
        if self.config.max_total and self.chosen >= self.config.max_total and not self.done:
            if self.listen is not None:
                self.listen(self.index, len(self.ended), self.pieces[-1], True)
            self.done = True

    def _close(self, *, ended: bool) -> None:
        if self.listen is not None:
            self.listen(self.index, len(self.ended), self.pieces[-1], True)
        self.ended.append(ended)
        if len(self.ended) == len(self.prompt.blanks):
            self.done = True
            return
        if self.config.rules == "interactive":
            self.unread = []
        self.unread.append(Fed(self.marks.sop, self.prompt.blanks[len(self.ended)], 1))
        self.pieces.append([])
        self.inside = 1
        if self.prompt.tree is not None and not self.prompt.joint:
            self.node = self.prompt.tree.root


def choose(scores: Tensor, drafts: Sequence[Draft], marks: Marks, config: GenerationConfig) -> list[int | None]:
    """The next token of every row, None where none is possible. scores: (R, V)"""
    said = [draft.said for draft in drafts]
    scores = limited(penalized(scores, said, config), said, marks, config)
    if config.temperature == 0:
        best, tokens = scores.max(-1)
    else:
        scores = warp(scores, temperature=config.temperature, top_k=config.top_k, top_p=config.top_p)
        best = scores.amax(-1)
        tokens = draw(scores, [0.0 if draft.done else draft.rng.random() for draft in drafts])
    found: list[int | None] = []
    for value, token in zip(best.tolist(), tokens.tolist(), strict=True):
        check_number(value)
        found.append(None if value == NEVER else token)
    return found
