"""Writing with a beam search, one blank after the other: the best hypothesis of a blank is what the next one sees.

R texts, B beams each, V vocabulary. Part A is read once per text, and its cache is shared by all beams.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from glm_core.generation_config import GenerationConfig
from glm_core.model.beams import Candidate, Hypothesis, Search
from glm_core.model.prefix_tree import Node
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
from glm_core.model.token_scores import perturb, warp


class Draft:
    """One text as it grows, blank by blank."""

    def __init__(self, index: int, prompt: Prompt, config: GenerationConfig) -> None:
        self.index = index
        self.prompt = prompt
        self.config = config
        self.rng = Random(prompt.seed)
        self.node: Node | None = None if prompt.tree is None else prompt.tree.root
        self.found: list[Hypothesis] = []
        self.kept: list[tuple[Hypothesis, ...]] = []

    @property
    def budget(self) -> int:
        """Tokens that may be written into the next blank."""
        if not self.config.max_total:
            return self.config.max_tokens
        used = sum(len(one.tokens) + one.ended for one in self.found)
        return min(self.config.max_tokens, self.config.max_total - used)

    @property
    def done(self) -> bool:
        return len(self.found) == len(self.prompt.blanks) or self.budget <= 0

    @property
    def written(self) -> Written:
        missing = len(self.prompt.blanks) - len(self.found)
        return Written(
            (*(one.tokens for one in self.found), *[()] * missing),
            (*(one.ended for one in self.found), *[False] * missing),
            tuple(self.kept),
        )

    @property
    def n_given(self) -> int:
        """Tokens that stand at the start of the blank being written."""
        return 0 if self.found else len(self.prompt.given)

    def take(self, found: Hypothesis, kept: Sequence[Hypothesis], marks: Marks) -> None:
        """The next blank is filled."""
        self.found.append(found)
        self.kept.append(tuple(sorted(kept, key=lambda one: -one.score)))
        if self.prompt.tree is None:
            return
        if not self.prompt.joint:
            self.node = self.prompt.tree.root
            return
        for id in found.tokens:
            self.node = (self.node or {}).get(id, {})
        ends = [id for id in marks.ends if id in (self.node or {})]
        self.node = self.node[ends[0]] if found.ended and self.node and ends else {}

    def unread(self, sop: int) -> list[Fed]:
        """The last blank as it was filled, after what the model has read of it already, and the next blank's [sop]."""
        last = self.found[-1]
        blank = self.prompt.blanks[len(self.found) - 1]
        first = 2 + (len(self.prompt.given) if len(self.found) == 1 else 0)
        forgotten = self.config.rules == "interactive" and not last.ended
        tokens = last.tokens[:-1] if forgotten else last.tokens
        fed = [Fed(id, blank, first + at) for at, id in enumerate(tokens)]
        return [*fed, Fed(sop, self.prompt.blanks[len(self.found)], 1)]


def write_with_beams(
    reader: Reader,
    prompts: Sequence[Prompt],
    marks: Marks,
    config: GenerationConfig,
    *,
    listen: Listener | None = None,
) -> list[Written]:
    """As `decoding.write`, with `config.beams` beams; one beam without a temperature writes what greedy writing does."""
    drafts = [Draft(index, prompt, config) for index, prompt in enumerate(prompts)]
    live = list(drafts)  # row i of the reader belongs to live[i]
    scores = reader.start([prompt.row(marks.sop) for prompt in prompts])
    while True:
        for draft, search in zip(live, search_blank(reader, scores, live, marks, config), strict=True):
            found = search.close()
            draft.take(found, search.pool.found, marks)
            if listen is not None:
                listen(draft.index, len(draft.found) - 1, found.tokens, True)
        going = [row for row, draft in enumerate(live) if not draft.done]
        if not going:
            return [draft.written for draft in drafts]
        if len(going) < len(live):
            reader.keep(going)
            live = [live[row] for row in going]
        scores = reader.read([draft.unread(marks.sop) for draft in live])


def search_blank(
    reader: Reader, scores: Tensor, drafts: Sequence[Draft], marks: Marks, config: GenerationConfig
) -> list[Search]:
    """Search for the next blank of every draft; the reader stays as it is. scores: (R, V), of the blank's first token."""
    base = 0 if config.rules == "seq2seq" else 1
    searches = [
        Search(config.beams, config.length_penalty, marks.ends, one.budget, base, one.node, marks.stops)
        for one in drafts
    ]
    running = list(zip(searches, drafts, strict=True))
    _advance(scores, running, marks, config)
    branches = None
    while True:
        going = [at for at, (search, _) in enumerate(running) if not search.finished]
        if not going:
            return searches
        branches = branches or reader.branches(config.beams)
        branches.follow([search.sources for search, _ in running])
        if worth_dropping(len(running) - len(going), len(running)):
            branches.keep(going)
            running = [running[at] for at in going]
        scores = branches.read([fed for search, draft in running for fed in _unread(search, draft)])
        _advance(scores, running, marks, config)


def _unread(search: Search, draft: Draft) -> list[list[Fed]]:
    """The newest token of every beam; nothing for places without one."""
    open_beams = [] if search.finished else search.beams
    blank = draft.prompt.blanks[len(draft.found)]
    fed = [[Fed(one.tokens[-1], blank, 1 + draft.n_given + len(one.tokens))] for one in open_beams]
    return [*fed, *([] for _ in range(search.n_beams - len(fed)))]


def _advance(scores: Tensor, running: Sequence[tuple[Search, Draft]], marks: Marks, config: GenerationConfig) -> None:
    """One step of every search that is not finished. scores: (R·b, V), b is 1 at the first token and B afterwards."""
    width = len(scores) // len(running)
    said, totals = [], []
    for search, draft in running:
        before = earlier([one.tokens for one in draft.found], marks.sop)
        open_beams = search.beams[:width]
        said += [Said(one.tokens, before, one.node) for one in open_beams]
        totals += [one.total for one in open_beams]
        missing = width - len(open_beams)
        said += [Said((), before, None)] * missing
        totals += [float("-inf")] * missing
    warped = warp(
        penalized(scores, said, config),
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
    )
    log_probs = limited(warped - warped.logsumexp(-1, keepdim=True), said, marks, config)
    summed = log_probs + torch.tensor(totals, device=scores.device)[:, None]  # (R·b, V)
    n_wanted = config.beams * (1 + len(marks.ends))  # so that enough is left when all beams can end
    for (search, _), candidates in zip(running, _best(summed, running, width, n_wanted, config), strict=True):
        if not search.finished:
            search.step(candidates)


def _best(
    summed: Tensor, running: Sequence[tuple[Search, Draft]], width: int, n_wanted: int, config: GenerationConfig
) -> list[list[Candidate]]:
    """The candidates of every search, the best first; with a temperature, drawn without replacement. (R·b, V)"""
    order = summed
    if config.temperature:
        noisy = [
            some if search.finished else perturb(some, draft.rng)  # so that a search draws as much as it does alone
            for some, (search, draft) in zip(summed.split(width), running, strict=True)
        ]
        order = torch.cat(noisy)
    of_beam = order.topk(min(n_wanted, order.shape[1]))  # (R·b, k)
    values = of_beam.values.view(len(running), -1)
    chosen = values.topk(min(n_wanted, values.shape[1])).indices  # (R, k) indices into b·k
    tokens = of_beam.indices.view(len(running), -1).gather(1, chosen)
    beam = chosen // of_beam.indices.shape[1]
    first = torch.arange(len(running), device=summed.device)[:, None] * width
    total = summed[first + beam, tokens]
    found = []
    for sums, beams, ids in zip(total.tolist(), beam.tolist(), tokens.tolist(), strict=True):
        for value in sums:
            check_number(value)
        found.append(sorted(map(Candidate, sums, beams, ids), key=lambda one: -one.total))
    return found
