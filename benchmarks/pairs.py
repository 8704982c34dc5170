"""A B A B: two ways to do the same, measured in turns, so that whatever else the machine does meets both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds per example."""

    cpu: float  # of this process, all its threads
    wall: float


@dataclass(frozen=True)
class Side:
    """One way to do it: `run` does it for `n` examples."""

    name: str
    run: Callable[[], object]
    n: int

    def spend(self) -> Spent:
        cpu, wall = time.process_time(), time.perf_counter()
        self.run()
        return Spent((time.process_time() - cpu) / self.n, (time.perf_counter() - wall) / self.n)


@dataclass(frozen=True)
class Compared:
    """What pairs of runs took. A ratio says how many times as long the other side takes."""

    ours: tuple[Spent, ...]
    other: tuple[Spent, ...]

    @property
    def ratios(self) -> list[float]:
        """One per pair, of CPU time."""
        return [other.cpu / ours.cpu for ours, other in zip(self.ours, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        """The median over the pairs."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio of a pair."""
        return min(self.ratios), max(self.ratios)

    @property
    def wall_ratio(self) -> float:
        return statistics.median(other.wall / ours.wall for ours, other in zip(self.ours, self.other, strict=True))


def median_ms(spent: Sequence[Spent]) -> float:
    """Milliseconds of CPU time per example."""
    return 1e3 * statistics.median(one.cpu for one in spent)


def measure_pairs(ours: Side, other: Side, *, pairs: int) -> Compared:
    """Both sides in turns. Warm them up before."""
    spent = [(other.spend(), ours.spend()) for _ in range(pairs)]
    return Compared(tuple(mine for _, mine in spent), tuple(its for its, _ in spent))


def geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values)
