"""Candidates as a tree of their beginnings: at every point it tells which tokens may come next.

Built from the ids of whole candidates, their ends included, so that a candidate that begins another one can be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Node: TypeAlias = dict[int, "Node"]


class PrefixTree:
    """All candidates of one text. `root` maps every first token to what may follow it, and so on; an end leads to {}."""

    def __init__(self, candidates: Iterable[Sequence[int]]) -> None:
        """Raises ValueError without candidates."""
        self.root: Node = {}
        self.depth = 0  # tokens of the longest candidate
        for one in candidates:
            self.depth = max(self.depth, len(one))
            node = self.root
            for id in one:
                node = node.setdefault(int(id), {})
        if not self.root:
            raise ValueError("a prefix tree wants at least one candidate that is not empty")

    def __contains__(self, ids: Sequence[int]) -> bool:
        """Whether this is a whole candidate."""
        node = self.root
        for id in ids:
            if id not in node:
                return False
            node = node[id]
        return not node
