"""One packed sequence: Part A once, then every answer as a branch of its own. The only place that makes 2D positions.

    ids        [CLS] The pond froze because [MASK] . [EOS]  [sop] it was  [sop] it rained
    positions    0    1   2    3      4      5    6    7      5    5   5    5    5   5        where in Part A
                 0    0   0    0      0      0    0    0      1    2   3    1    2   3        how far inside the blank
    branch       0    0   0    0      0      0    0    0      1    1   1    2    2   2
    targets                                                   it  was [eop]  it rained [eop]

A token of a branch sees all of Part A and the past of its own branch, never another branch. Slicing out Part A and one
branch therefore gives, token for token, what GLM's original makes for that answer alone (`unpack`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Row:
    """One packed sequence of L tokens."""

    ids: Ints  # (L,)    negative: -k is the k-th soft place of the pattern
    positions: Ints  # (2, L)  where in Part A · how far inside the blank
    branch: Ints  # (L,)    0 Part A · k >= 1 the k-th answer
    segment: Ints  # (L,)    which instance, when several share the row; -1 padding
    targets: Ints  # (L,)    the token to predict here
    target_mask: Ints  # (L,)    1 where the target counts

    def __len__(self) -> int:
        return len(self.ids)


class Span(NamedTuple):
    """What goes into one blank: `goal` are its target ids, [eop] included where it is wanted.

    The first `given` of them are read but not scored. An empty goal is [sop] alone, where words are read off.
    """

    blank: int  # index of its mask in Part A
    goal: Sequence[int]
    given: int = 0


class ClassicRow(NamedTuple):
    """Part A and one answer, as the original lays it out; `sep` is the length of Part A."""

    ids: Ints  # (l,)   soft places are 0
    positions: Ints  # (2, l)
    sep: int
    targets: Ints  # (l,)
    target_mask: Ints  # (l,)
    soft_at: Ints  # indices of the soft places, in order


def build_row(part_a: Sequence[int], branches: Sequence[Sequence[Span | tuple]], *, sop: int) -> Row:
    """Lay out Part A and its branches. A branch is a list of spans, filled in order: each sees the ones before it.

    part_a: ids, with a mask id at each blank. Raises ValueError for a blank outside Part A.
    Source: arXiv 2103.10360, sections 2.1 and 2.2 (2D positional encoding).
    """
    n = len(part_a)
    ids = list(part_a)
    where = list(range(n))
    inside = [0] * n
    branch = [0] * n
    targets = [0] * n
    target_mask = [0] * n
    for k, spans in enumerate(branches, 1):
        for span in spans:
            blank, goal, given = span if len(span) == 3 else (*span, 0)
            if not 0 <= blank < n:
                raise ValueError(f"blank {blank} is outside Part A of {n} tokens")
            length = max(len(goal), 1)
            ids += [sop, *goal[:-1]]
            where += [blank] * length
            inside += range(1, length + 1)
            branch += [k] * length
            targets += goal or [0]
            target_mask += [0] * given + [1] * (length - given)
    return Row(
        np.array(ids, dtype=np.int64),
        np.array([where, inside], dtype=np.int64),
        np.array(branch, dtype=np.int64),
        np.zeros(len(ids), dtype=np.int64),
        np.array(targets, dtype=np.int64),
        np.array(target_mask, dtype=np.int64),
    )


def join(rows: Sequence[Row]) -> Row:
    """Rows side by side in one, each its own segment: none sees another."""
    segments = [np.full(len(row), index, dtype=np.int64) for index, row in enumerate(rows)]
    return Row(
        np.concatenate([row.ids for row in rows]),
        np.concatenate([row.positions for row in rows], axis=1),
        np.concatenate([row.branch for row in rows]),
        np.concatenate(segments),
        np.concatenate([row.targets for row in rows]),
        np.concatenate([row.target_mask for row in rows]),
    )


def unpack(row: Row) -> list[ClassicRow]:
    """One classic row per answer of a row that holds one instance."""
    part_a = row.branch == 0
    found = []
    for k in range(1, int(row.branch.max(initial=0)) + 1):
        take = part_a | (row.branch == k)
        ids = row.ids[take]
        found.append(
            ClassicRow(
                np.maximum(ids, 0),
                row.positions[:, take],
                int(part_a.sum()),
                row.targets[take],
                row.target_mask[take],
                np.flatnonzero(ids < 0),
            )
        )
    return found
