"""Which tokens are lost when a text is too long: PET's rule, with priorities.

One token at a time: of the two segments of a pattern, the one with more shortenable tokens left (equal: the second) loses
one from its last part that has any. Parts of lower priority are emptied before those of higher priority are touched.
Fixed words, blanks and soft places are never cut. Source: arXiv 2001.07676 and SUPERGLUE section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glm_core.parts import Cut


@dataclass(slots=True)
class Stretch:
    """The tokens of one part while its row is shortened. `lost` counts tokens taken away so far."""

    n_tokens: int
    segment: int = 0  # 0 or 1: before or after the border
    cut: Cut | None = None
    priority: int = 0
    lost: int = 0

    @property
    def left(self) -> int:
        return self.n_tokens - self.lost

    def kept(self) -> list[tuple[int, int]]:
        """Ranges of token indices that stay, in order."""
        if self.cut == "head":
            return [(self.lost, self.n_tokens)]
        if self.cut == "middle" and self.lost:
            front = (self.left + 1) // 2
            return [(0, front), (front + self.lost, self.n_tokens)]
        return [(0, self.left)]


def shorten(stretches: Sequence[Stretch], n_tokens: int) -> bool:
    """Take `n_tokens` tokens away by PET's rule. False when there were not enough that may be cut."""
    while n_tokens > 0:
        alive = [one for one in stretches if one.cut is not None and one.left > 0]
        if not alive:
            return False
        lowest = min(one.priority for one in alive)
        sides: tuple[list[Stretch], list[Stretch]] = ([], [])
        for one in alive:
            if one.priority == lowest:
                sides[one.segment].append(one)
        first, second = (sum(one.left for one in side) for side in sides)
        # many tokens at once, as long as the rule would choose the same parts
        if first == second and n_tokens > 1:  # the two sides take turns
            losers = [sides[0][-1], sides[1][-1]]
            take = min(n_tokens // 2, *(one.left for one in losers))
        else:
            losers = [sides[0][-1] if first > second else sides[1][-1]]
            take = min(n_tokens, losers[0].left, max(1, abs(first - second)))
        for one in losers:
            one.lost += take
        n_tokens -= take * len(losers)
    return True
