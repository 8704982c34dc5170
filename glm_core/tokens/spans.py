"""Which stretches of a sample are taken out: short spans of tokens, or whole sentences.

A span is a pair (start, end) of indices into the sample. Every function that draws takes `rng` and draws in the order of
THUDM/GLM's `blocklm_utils.py`, so that the same generator gives the same spans.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

Stretch = tuple[int, int]


class Room(NamedTuple):
    """The tokens of one document in a sample that may be taken out."""

    start: int
    size: int


@lru_cache(maxsize=64)
def length_table(mean: float, longest: int) -> tuple[float, ...]:
    """Probabilities of the lengths 1 to longest: Poisson's, renormalised."""
    weights = [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(1, longest + 1)]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


@lru_cache(maxsize=64)
def _cumulative(mean: float, longest: int) -> list[float]:
    return list(accumulate(length_table(mean, longest)))


def draw_lengths(
    n_tokens: int, rng: random.Random, *, ratio: float, mean: float, longest: int, single: bool = False
) -> list[int]:
    """Lengths of the spans to take out of a sample: until they make `ratio` of it, or one.

    The last one may overshoot. At least one is drawn; where the original draws none (less than 7 tokens at ratio 0.15)
    it trains on nothing.
    """
    table = _cumulative(mean, longest)
    total, last = table[-1] + 0.0, longest - 1
    wanted = 0 if single else int(ratio * n_tokens)
    lengths = [bisect(table, rng.random() * total, 0, last) + 1]
    drawn = lengths[0]
    while drawn < wanted:
        length = bisect(table, rng.random() * total, 0, last) + 1  # as random.choices, without its set-up
        lengths.append(length)
        drawn += length
    return lengths


def document_rooms(ids: Sequence[int], *, cls: int, eos: int) -> list[Room]:
    """The documents of a sample from the shortest to the longest (of equals the later first), without [CLS] and end token.

    The very last token is left alone where it is not an end token, unless nothing else could be taken.
    """
    found = []
    after = len(ids)
    for before in reversed([-1, *_places(ids, eos)]):
        start = before + 2 if before + 1 < len(ids) and ids[before + 1] == cls else before + 1
        found.append(Room(start, max(after - start, 0)))
        after = before
    tail = found[0]
    if tail.size > 0 and any(room.size > 0 for room in [*found[1:], Room(0, tail.size - 1)]):
        found[0] = Room(tail.start, tail.size - 1)
    return sorted(found, key=lambda room: room.size)


def _places(ids: Sequence[int], wanted: int) -> list[int]:
    found = []
    at = -1
    for _ in range(ids.count(wanted)):  # searching in C: most samples have few
        at = ids.index(wanted, at + 1)
        found.append(at)
    return found


def share_out(lengths: Sequence[int], rooms: Sequence[Room], ratio: float) -> list[list[int]]:
    """Which spans go to which document. rooms: shortest first.

    The original's rule: each document but the longest takes the next lengths up to `ratio` of its tokens, the longest
    all that are left. Where they do not fit (many short documents) the original drops the sample; here every length
    goes to the document with most tokens left, and is shortened where even that is too small.
    """
    shares: list[list[int]] = []
    done = 0
    for i, room in enumerate(rooms):
        longest = i == len(rooms) - 1
        budget, gap = (room.size, 1) if longest else (int(room.size * ratio), 0)
        share: list[int] = []
        used = 0
        while done < len(lengths) and used + lengths[done] + gap * len(share) <= budget:
            share.append(lengths[done])
            used += lengths[done]
            done += 1
        shares.append(share)
    return shares if done == len(lengths) else _spread(lengths, rooms)


def _spread(lengths: Sequence[int], rooms: Sequence[Room]) -> list[list[int]]:
    shares: list[list[int]] = [[] for _ in rooms]
    left = [room.size for room in rooms]
    for length in lengths:
        most = max(range(len(rooms)), key=left.__getitem__)
        fits = min(length, left[most])
        if fits < 1:
            break
        shares[most].append(fits)
        left[most] -= fits + 1  # and one token between spans
    return shares


def place(lengths: Sequence[int], room: Room, rng: random.Random) -> list[Stretch]:
    """Spans of these lengths somewhere in a document, in this order, at least one token between them.

    Raises ValueError where they do not fit.
    """
    slack = room.size - sum(lengths) - len(lengths) + 1
    if slack < 0:
        raise ValueError(f"spans of {list(lengths)} tokens do not fit into {room.size}")
    spans = []
    at = room.start
    for length, draw in zip(lengths, sorted([rng.randrange(slack + 1) for _ in lengths]), strict=True):
        spans.append((at + draw, at + draw + length))
        at += length + 1
    return spans


def token_spans(
    ids: Sequence[int], lengths: Sequence[int], rng: random.Random, *, ratio: float, cls: int, eos: int
) -> list[Stretch]:
    """Spans of these lengths in a sample, none across [CLS] or an end token; document by document, shortest first."""
    rooms = document_rooms(ids, cls=cls, eos=eos)
    spans: list[Stretch] = []
    for share, room in zip(share_out(lengths, rooms, ratio), rooms, strict=True):
        if share:
            spans += place(share, room, rng)
    return spans


def sentences(ids: Sequence[int], ends: Sequence[int], *, cls: int, eos: int) -> list[Stretch]:
    """The sentences of a sample; [CLS] and end tokens are in none. A piece without its end is one too.

    ends: 1 at the ids that end a sentence.
    """
    found = []
    start = 0
    for i, id in enumerate(ids):
        if id in (cls, eos):
            if start < i:
                found.append((start, i))
            start = i + 1
        elif ends[id]:
            found.append((start, i + 1))
            start = i + 1
    if start < len(ids):
        found.append((start, len(ids)))
    return found


def original_sentences(ids: Sequence[int], ends: Sequence[int], *, cls: int, eos: int) -> list[Stretch]:
    """The sentences as the original cuts them: the [CLS] of a second document belongs to its first sentence, and what
    stands unfinished before an end token is in none."""
    found = []
    start = 1 if ids and ids[0] == cls else 0
    for i, id in enumerate(ids):
        if id == eos:
            start = i + 1
        elif ends[id]:
            found.append((start, i + 1))
            start = i + 1
    if start < len(ids):
        found.append((start, len(ids)))
    return found


def choose_sentences(found: Sequence[Stretch], n_tokens: int, ratio: float, rng: random.Random) -> list[Stretch]:
    """Sentences in random order until they make `ratio` of the sample; at least one."""
    order = list(found)
    rng.shuffle(order)
    wanted = int(ratio * n_tokens)
    taken: list[Stretch] = []
    used = 0
    for start, end in order:
        taken.append((start, end))
        used += end - start
        if used >= wanted:
            break
    return taken
