"""Which examples go through the network together: lengths in, lists of indices out. No torch here.

A *step* is what one update learns from; each process (*rank*) takes its *share* of it, in *micro-batches* of similar
length that fit a budget of padded tokens. All of it is a pure function of the seed and the step's number, so that a
resumed run needs to remember nothing but that number.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

WINDOW = 8  # steps whose examples are sorted by length together


@runtime_checkable
class Steps(Protocol):
    """Where a training gets its examples from. A stream fits in as well, if it can make each step from its number."""

    steps_per_epoch: int

    def at(self, step: int, *, rank: int = 0, world_size: int = 1) -> list[list[Any]]:
        """The micro-batches of instances that this rank takes in a step (counted from 0 over all epochs).

        The ranks' shares are disjoint and make up the step; a share may be empty. The same arguments give the same.
        """


class ShuffledSteps:
    """Every instance once per epoch, in an order drawn from (seed, epoch), `batch_size` of them per step.

    Where the examples do not divide evenly the last step of an epoch holds those that remain.
    """

    def __init__(
        self, instances: Sequence[Any], *, batch_size: int, micro_batch_tokens: int, seed: int, overhead: int = 64
    ) -> None:
        """instances: opaque, with `n_tokens`. overhead: what one more micro-batch costs, in tokens."""
        self.instances = instances
        self.lengths = [one.n_tokens for one in instances]
        self.batch_size = batch_size
        self.micro_batch_tokens = micro_batch_tokens
        self.seed = seed
        self.overhead = overhead
        self.steps_per_epoch = -(-len(self.lengths) // batch_size)
        self._epoch: tuple[int, list[list[int]]] = (-1, [])

    def at(self, step: int, *, rank: int = 0, world_size: int = 1) -> list[list[Any]]:
        """The micro-batches of one rank's share of a step."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if self._epoch[0] != epoch:
            plan = shuffled_steps(self.lengths, batch_size=self.batch_size, seed=self.seed, epoch=epoch)
            self._epoch = (epoch, plan)
        mine = share(self._epoch[1][index], self.lengths, rank=rank, world_size=world_size)
        groups = token_batches([self.lengths[i] for i in mine], budget=self.micro_batch_tokens, overhead=self.overhead)
        return [[self.instances[mine[k]] for k in group] for group in groups]


def shuffled_steps(
    lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int, window: int = WINDOW
) -> list[list[int]]:
    """One epoch as steps of `batch_size` indices (the last one may be shorter), each index once.

    The epoch is shuffled; within a window of some steps examples are then sorted by length, so that a step holds
    similar lengths, and the steps of a window are shuffled again. A window is at most a quarter of the epoch: otherwise
    a small training set would make the same steps in every epoch. Does not depend on the number of processes.
    """
    rng = random.Random(f"{seed}/{epoch}")
    keys = [rng.random() for _ in lengths]  # sorting by keys: `shuffle` may differ between Python versions
    order = sorted(range(len(lengths)), key=keys.__getitem__)
    n_full = len(order) // batch_size
    width = max(1, min(window, n_full // 4)) * batch_size
    steps: list[list[int]] = []
    for start in range(0, n_full * batch_size, width):
        members = sorted(order[start : min(start + width, n_full * batch_size)], key=lengths.__getitem__)
        cut = [members[k : k + batch_size] for k in range(0, len(members), batch_size)]
        steps += [cut[k] for k in sorted(range(len(cut)), key=[rng.random() for _ in cut].__getitem__)]
    rest = order[n_full * batch_size :]
    return [*steps, rest] if rest else steps


def share(step: Sequence[int], lengths: Sequence[int], *, rank: int, world_size: int) -> list[int]:
    """The indices of a step that one rank takes: every `world_size`-th by length, so that all have as much to do."""
    return sorted(step, key=lambda i: (-lengths[i], i))[rank::world_size]


def token_batches(lengths: Sequence[int], *, budget: int, overhead: int = 32) -> list[list[int]]:
    """All indices, longest first, in batches of at most `budget` padded tokens; a longer one is alone in its batch.

    Of all ways to cut the sorted list this is the cheapest, where a batch costs its rectangle of padded tokens and
    `overhead` tokens for being one batch more (launching it; in training, adding up its gradients). Deterministic.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    sizes = np.array([max(1, lengths[i]) for i in order], dtype=np.int64)
    cost = np.zeros(len(order) + 1, dtype=np.int64)  # of the cheapest way to cut what stands before an index
    begin = np.zeros(len(order) + 1, dtype=np.int64)  # where the last batch of that way begins
    for end in range(1, len(order) + 1):
        lowest = max(0, end - max(1, budget // int(sizes[end - 1])))
        padded = sizes[lowest:end] * np.arange(end - lowest, 0, -1)
        total = np.where(padded <= budget, cost[lowest:end] + padded, np.iinfo(np.int64).max)
        total[-1] = cost[end - 1] + padded[-1]
        begin[end] = lowest + int(total.argmin())
        cost[end] = total.min() + overhead
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[begin[end] : end])
        end = int(begin[end])
    return batches[::-1]


def batch_overhead(device_type: str) -> int:
    """How many tokens of padding one batch more is worth on a device ("cpu", "cuda").

    A GPU is idle below some thousand tokens. On a CPU GLM computes no padding at all: rows lie end to end.
    """
    return 512 if device_type == "cpu" else 1024


def padded_tokens(lengths: Sequence[int]) -> int:
    """The tokens that a batch of these lengths processes, padding included."""
    return max(lengths, default=0) * len(lengths)
