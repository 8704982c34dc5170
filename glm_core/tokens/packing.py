"""From documents to samples: cut long ones at sentences, put short ones side by side, split samples into short pieces.

A sample is `[CLS] document [EOS] [CLS] document …`, at most `sample_length` tokens. The draws are those of the original's
`BlockDataset` (`data_utils/datasets.py`) and `split_samples` (`blocklm_utils.py`), in the same order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glm_core.tokens.sentences import SentenceEnds
from glm_core.tokens.special import SpecialTokens


class Document(NamedTuple):
    """The tokens of a document, those of its prompt first. The prompt is read and, where a row continues it, not learned."""

    ids: NDArray[np.integer]  # (n,)  may lie in a file
    n_prompt: int = 0


@dataclass
class Sample:
    """Tokens, and for each 1 where it may be learned (0: [CLS] and prompts)."""

    ids: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def head(self, n: int) -> Sample:
        """The first n tokens."""
        return Sample(self.ids[:n], self.counts[:n])


def draw_sample(
    draw: Callable[[random.Random], Document],
    rng: random.Random,
    *,
    length: int,
    special: SpecialTokens,
    ends: SentenceEnds,
    pack: bool = True,
    hard_start_share: float = 0.0,
) -> Sample:
    """One sample of at most `length` tokens from documents that `draw` gives.

    A document longer than that is cut at a random place, moved to a sentence where one is near; of shorter ones as many
    as fit. pack: off, a short document has the sample to itself. hard_start_share: how often a cut is not moved.
    """
    document = draw(rng)
    if len(document.ids) + 1 >= length:
        sample = _cut(document, rng, length, hard_start_share, special, ends.packing)
        return right_strip(sample, length, ends.packing)
    sample = _whole(document, special)
    while pack and len(sample) < length:
        left = length - len(sample)
        further = _whole(draw(rng), special, at_most=left + 1)
        stripped = right_strip(further, left, ends.packing)
        sample = Sample(sample.ids + stripped.ids, sample.counts + stripped.counts)
        if len(further) >= left:
            break
    return sample


def right_strip(sample: Sample, length: int, ends: Sequence[int]) -> Sample:
    """The first `length` tokens, or fewer, so that the last ends a sentence. Below half of `length`: all of them.

    ends: 1 at the ids that end a sentence.
    """
    if len(sample) <= length:
        return sample
    end = length
    while end > 1 and not ends[sample.ids[end - 1]]:
        end -= 1
    return sample.head(end if end >= length // 2 else length)


def _whole(document: Document, special: SpecialTokens, at_most: int | None = None) -> Sample:
    """[CLS], the document, its end token; no more than at_most tokens are read."""
    ids = document.ids[:at_most].tolist()
    counts = [0] * min(document.n_prompt, len(ids))
    counts += [1] * (len(ids) - len(counts))
    return Sample([special.cls, *ids, special.eos], [0, *counts, 1])


def _cut(
    document: Document,
    rng: random.Random,
    length: int,
    hard_start_share: float,
    special: SpecialTokens,
    ends: Sequence[int],
) -> Sample:
    """[CLS] and what follows a random place of a long document, at least half of `length`; `right_strip` does the rest."""
    n = len(document.ids) + 1  # with its end token
    start = rng.randrange(n - length + 1)
    reach = length // 2
    first = max(start - reach - 1, 0)
    window = document.ids[first : start + reach + length + 1].tolist()
    if first + len(window) == n - 1:
        window.append(special.eos)
    if rng.random() > hard_start_share:
        step = -1 if rng.random() < 0.5 else 1
        for _ in range(reach):
            if step < 0 and start == 0:
                break
            if start > 0 and ends[window[start - 1 - first]]:
                break
            start += step
    ids = window[start - first : start - first + length]
    n_prompt = min(max(document.n_prompt - start, 0), len(ids))
    return Sample([special.cls, *ids], [0] * (1 + n_prompt) + [1] * (len(ids) - n_prompt))


def short_pieces(
    samples: Sequence[Sample], rng: random.Random, *, length: int, special: SpecialTokens, ends: Sequence[int]
) -> list[Sample]:
    """Each sample as several pieces of one random length, 32 tokens or more, that begin and end with sentences.

    length: that of a whole sample. Pieces may overlap, but none comes twice; a sample that is short already stays whole.
    """
    size, n_pieces = _short_size(rng, length)
    pieces = []
    for sample in samples:
        body = Sample(sample.ids[1:], sample.counts[1:])
        for start, end in dict.fromkeys(_piece_borders(body, rng, size, n_pieces, special, ends)):
            if body.ids[start] == special.cls:  # the piece begins with a further document
                start += 1
            if any(id not in (special.cls, special.eos) for id in body.ids[start:end]):
                pieces.append(Sample([special.cls, *body.ids[start:end]], [0, *body.counts[start:end]]))
    return pieces or list(samples)


def original_short_pieces(
    samples: Sequence[Sample], rng: random.Random, *, length: int, special: SpecialTokens, ends: Sequence[int]
) -> list[Sample]:
    """As the original: a short sample is repeated, and a piece that begins with a [CLS] gets a second one."""
    size, n_pieces = _short_size(rng, length)
    pieces = []
    for sample in samples:
        body = Sample(sample.ids[1:], sample.counts[1:])
        for start, end in _piece_borders(body, rng, size, n_pieces, special, ends):
            pieces.append(Sample([special.cls, *body.ids[start:end]], [0, *body.counts[start:end]]))
    return pieces


def _short_size(rng: random.Random, length: int) -> tuple[int, int]:
    size = rng.randrange(min(32, length // 2), length - 1)
    return size, (length - 1) // size


def _piece_borders(
    body: Sample,
    rng: random.Random,
    size: int,
    n_pieces: int,
    special: SpecialTokens,
    ends: Sequence[int],
) -> list[tuple[int, int]]:
    ids, eos = body.ids, special.eos
    if len(ids) <= size:
        return [(0, len(ids))] * n_pieces
    # a piece may begin or end at i: the token before it ends a sentence or a document
    border = [i > 0 and (bool(ends[ids[i - 1]]) or ids[i - 1] == eos) for i in range(len(ids) + 1)]
    found = []
    for _ in range(n_pieces):
        start = rng.randrange(len(ids) - size)
        while start > 0 and (ids[start] == eos or not border[start]):
            start -= 1
        end = start + size
        while end > start and not border[end]:
            end -= 1
        found.append((start, end if end - start >= size // 2 else start + size))
    return found
