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
    segment: Ints  # (L,)    which text, when several share the row; -1 padding
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


def build_row(
    part_a: Sequence[int], branches: Sequence[Sequence[Span | tuple]], *, sop: int, first_branch: int = 1
) -> Row:
    """Lay out Part A and its branches. A branch is a list of spans, filled in order: each sees the ones before it.

    part_a: ids, with a mask id at each blank. first_branch: the number of the first answer, where others came before.
    Raises ValueError for a blank outside Part A.
    Source: arXiv 2103.10360, sections 2.1 and 2.2 (2D positional encoding).
    """
    n = len(part_a)
    ids = list(part_a)
    where: list[int] = []
    inside: list[int] = []
    branch: list[int] = []
    targets: list[int] = []
    target_mask: list[int] = []
    for k, spans in enumerate(branches, first_branch):
        for span in spans:
            blank, goal, given = Span(*span)
            if not 0 <= blank < n:
                raise ValueError(f"blank {blank} is outside Part A of {n} tokens")
            length = max(len(goal), 1)
            ids += [sop, *goal[:-1]]
            where += [blank] * length
            inside += range(1, length + 1)
            branch += [k] * length
            targets += [0] * given
            targets += goal[given:] or [0]
            target_mask += [0] * given + [1] * (length - given)
    positions = np.zeros((2, len(ids)), dtype=np.int64)
    positions[0, :n] = np.arange(n)
    positions[0, n:] = where
    positions[1, n:] = inside
    rest = np.zeros((4, len(ids)), dtype=np.int64)  # branch, segment, targets, target_mask: all 0 in Part A
    rest[0, n:] = branch
    rest[2, n:] = targets
    rest[3, n:] = target_mask
    return Row(np.array(ids, dtype=np.int64), positions, *rest)


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
    """One classic row per answer, in the order in which they stand in the row."""
    found = []
    for segment in range(int(row.segment.max(initial=-1)) + 1):
        here = row.segment == segment
        part_a = here & (row.branch == 0)
        for k in np.unique(row.branch[here & (row.branch > 0)]):
            take = part_a | (here & (row.branch == k))
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
