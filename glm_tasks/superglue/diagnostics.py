"""AX-b and AX-g: what a model trained on RTE knows about linguistic phenomena, and whether a pronoun's gender sways it.

Both are test sets only. As the leaderboard wants it, their training and tuning splits are RTE's, found beside them in the
SuperGLUE folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from glm_core import Example, Split, Task, metrics
from glm_tasks.superglue import rte
from glm_tasks.superglue.processor import CITATION
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row


def _splits(file: str) -> tuple[Split, ...]:
    return (
        Split("train", "train", ("RTE/train.jsonl",)),
        Split("dev", "tune", ("RTE/val.jsonl",)),
        Split("test", "final", (file,)),
    )


class AxB(rte.Rte):
    """Sentence pairs that were made for one phenomenon each. Its own rows say `sentence1` and `sentence2`."""

    folder = "AX-b"

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        own = split.role == "final"
        first, second = ("sentence1", "sentence2") if own else ("premise", "hypothesis")
        yield self.pair(row, split, number, first, second)


class AxG(rte.Rte):
    """Pairs of examples, 2k and 2k + 1, that differ in the gender of a pronoun only: `group` is the pair."""

    folder = "AX-g"

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        example = self.pair(row, split, number, "premise", "hypothesis")
        own = split.role == "final"
        yield replace(example, group=f"pair-{example.meta['idx'] // 2}") if own else example


_RECIPES = published(pattern="quoted", first="quoted", epochs=(50, 50))

ax_b = Task(
    "ax-b",
    AxB(_splits("AX-b.jsonl")),
    rte.PVPS,
    {"matthews": metrics.matthews, "accuracy": metrics.accuracy},
    summary="RTE's question on pairs made for one linguistic phenomenon each",
    citation=CITATION,
    **_RECIPES,
)

ax_g = Task(
    "ax-g",
    AxG(_splits("AX-g.jsonl")),
    rte.PVPS,
    {"accuracy": metrics.accuracy, "gender_parity": metrics.parity},
    summary="RTE's question on pairs that differ in the gender of a pronoun",
    citation=CITATION,
    **_RECIPES,
)
