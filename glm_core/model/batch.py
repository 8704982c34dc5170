"""Several instances as tensors.

Letters: Q clozes (questions), C answers (choices), T tokens of an answer, M scored places, R rows, L tokens in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glm_core.tokens.encode import Instance


@dataclass(frozen=True, eq=False)
class Batch:
    """Q clozes in R rows of L tokens, up to C answers of up to T tokens; M places are scored."""

    ids: Tensor  # (R, L)     negative: -k is the k-th soft vector
    positions: Tensor  # (R, 2, L)
    branch: Tensor  # (R, L)
    segment: Tensor  # (R, L)     -1 padding
    places: Tensor  # (M,)       index into R·L of every scored place: only there are logits computed
    targets: Tensor  # (M,)
    cloze: Tensor  # (M,)       which cloze a place belongs to …
    answer: Tensor  # (M,)       … which of its answers …
    nth: Tensor  # (M,)       … and which token of it
    words: Tensor | None  # (Q, C)     one-token answers, -1 where there is none; their places have target 0
    label_of: Tensor  # (Q, C)     label index of each answer, -1 where there is none
    gold: Tensor  # (Q,)       label index, -1 where unknown
    ends: Tensor  # (Q, 3)     index into R·L of [CLS], of the first [sop], of the last token of Part A
    soft_gold: Tensor | None = None  # (Q, labels)
    combine: str = "mean"
    has_soft: bool = False
    asks_greedy: bool = False  # somebody wants to know whether an answer is what greedy writing would give

    @property
    def n_clozes(self) -> int:
        return len(self.gold)

    @property
    def n_tokens(self) -> int:
        """Tokens the model goes through, padding included."""
        return self.ids.numel()

    def to(self, device: torch.device | str) -> Batch:
        moved: dict[str, Any] = {
            one.name: value.to(device, non_blocking=True)
            for one in fields(self)
            if isinstance(value := getattr(self, one.name), Tensor)
        }
        return replace(self, **moved)


def collate(instances: Sequence[Instance], *, pad: int) -> Batch:
    """Instances side by side, padded to the longest row. Each cloze has a row of its own."""
    if not instances:
        raise ValueError("an empty batch")
    n, length = len(instances), max(len(one.row) for one in instances)
    ids = np.full((n, length), pad, dtype=np.int64)
    positions = np.zeros((n, 2, length), dtype=np.int64)
    branch = np.zeros((n, length), dtype=np.int64)
    segment = np.full((n, length), -1, dtype=np.int64)
    n_answers = max(max((len(one.labels) for one in instances), default=1), 1)
    label_of = np.full((n, n_answers), -1, dtype=np.int64)
    read_off = [one.words is not None for one in instances]
    words = np.full((n, n_answers), -1, dtype=np.int64) if any(read_off) else None
    if words is not None and not all(read_off):
        raise ValueError("some clozes of this batch are read off at [sop], others are not")
    gold = np.full(n, -1, dtype=np.int64)
    ends = np.zeros((n, 3), dtype=np.int64)
    places, targets, cloze, answer, nth = [], [], [], [], []
    for q, one in enumerate(instances):
        row, size = one.row, len(one.row)
        ids[q, :size] = row.ids
        positions[q, :, :size] = row.positions
        branch[q, :size] = row.branch
        segment[q, :size] = row.segment
        names = {name: index for index, name in enumerate(one.label_names)}
        label_of[q, : len(one.labels)] = [names[label] for label in one.labels]
        if one.gold is not None:
            gold[q] = one.gold
        if words is not None and one.words is not None:
            words[q, : len(one.words)] = one.words
        scored = np.flatnonzero(row.target_mask)
        places.append(scored + q * length)
        targets.append(row.targets[scored])
        cloze.append(np.full(len(scored), q))
        of_answer = np.maximum(row.branch[scored] - 1, 0)  # what is scored in Part A is of the only answer
        answer.append(of_answer)
        # places come branch by branch, so the n-th of an answer is its distance from the answer's first place
        starts = np.flatnonzero(np.r_[True, of_answer[1:] != of_answer[:-1]]) if len(scored) else np.zeros(0, int)
        counts = np.diff(np.r_[starts, len(scored)])
        nth.append(np.arange(len(scored)) - np.repeat(starts, counts))
        n_part_a = int((row.branch == 0).sum())
        ends[q] = (q * length, q * length + min(n_part_a, size - 1), q * length + n_part_a - 1)
    soft_gold = None
    if all(one.soft_gold is not None for one in instances):
        soft_gold = torch.tensor([one.soft_gold for one in instances], dtype=torch.float32)
    return Batch(
        ids=torch.from_numpy(ids),
        positions=torch.from_numpy(positions),
        branch=torch.from_numpy(branch),
        segment=torch.from_numpy(segment),
        places=torch.from_numpy(np.concatenate(places)),
        targets=torch.from_numpy(np.concatenate(targets)),
        cloze=torch.from_numpy(np.concatenate(cloze)),
        answer=torch.from_numpy(np.concatenate(answer)),
        nth=torch.from_numpy(np.concatenate(nth)),
        words=None if words is None else torch.from_numpy(words),
        label_of=torch.from_numpy(label_of),
        gold=torch.from_numpy(gold),
        ends=torch.from_numpy(ends),
        soft_gold=soft_gold,
        combine=instances[0].combine,
        has_soft=bool((ids < 0).any()),
        asks_greedy=any(one.asks_greedy for one in instances),
    )
