"""COPA: which of two sentences is the cause or the effect of a premise?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from glm_core import (
    BLANK,
    PVP,
    DataDir,
    Example,
    Part,
    Prediction,
    Split,
    Task,
    lowercase_first,
    metrics,
    shortenable,
    straighten_quotes,
    strip_final_punctuation,
)
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor, said
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row, near

JOINERS = {"cause": " because", "effect": ", so"}
MIRRORED = -1  # the index of an example that is not in the file


class Copa(SuperGlueProcessor):
    """A premise, two choices and the question, cause or effect. Texts stay as the file has them.

    Where a model learns (roles train and unlabeled) every example comes a second time with its choices swapped, after all
    the others; its uid ends in m.
    """

    folder = "COPA"
    labels = ("0", "1")

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        mirrored = []
        for example in super().read(data, split):
            yield example
            if split.role in ("train", "unlabeled"):
                mirrored.append(_mirrored(example))
        yield from mirrored

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        idx = row.index(number)
        question = row.text("question")
        if question not in JOINERS:
            raise row.error(f"unknown question '{question}' (there are cause, effect){near(question, list(JOINERS))}")
        texts = {
            "premise": row.text("premise"),
            "choice1": row.text("choice1"),
            "choice2": row.text("choice2"),
            "question": question,
            "joiner": JOINERS[question],
        }
        yield Example(
            self.uid(split, idx, number),
            texts,
            label=self.label(row, split),
            choices=_endings(texts),
            meta={"idx": idx},
        )

    def answers(self, predictions: Sequence[Prediction]) -> Iterator[Mapping[str, Any]]:
        for one in predictions:
            if one.example.meta["idx"] != MIRRORED:
                yield {"idx": one.example.meta["idx"], "label": int(said(one))}


def _endings(texts: Mapping[str, str]) -> tuple[str, str]:
    """The choices as they stand in the middle of a sentence."""
    first, second = (strip_final_punctuation(lowercase_first(texts[name])) for name in ("choice1", "choice2"))
    return first, second


def _mirrored(example: Example) -> Example:
    texts = {**example.fields, "choice1": example["choice2"], "choice2": example["choice1"]}
    # the original labels an unlabelled example with the first label, which its mirror then turns; here both have none
    label = None if example.label is None else {"0": "1", "1": "0"}.get(example.label, example.label)
    return replace(
        example, uid=f"{example.uid}m", fields=texts, label=label, choices=_endings(texts), meta={"idx": MIRRORED}
    )


def reversed_question(ex: Example) -> Sequence[Sequence[Part | str]]:
    """One text per choice, which stands after the blank; what fills it is "because" or "so" in both."""
    first, second = _endings(ex.fields)
    premise = strip_final_punctuation(ex["premise"])
    return [
        ['"', first, '" or "', second, '"?', shortenable(premise, field="premise"), " ", BLANK, f" {choice}"]
        for choice in (first, second)
    ]


def joining_words(ex: Example) -> Sequence[str]:
    """The word between cause and effect, once for each choice."""
    return ["because" if ex["question"] == "cause" else "so"] * 2


def premise_and_choice(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: one row per choice, with straight quotes."""
    premise = straighten_quotes(ex["premise"]) + (" because" if ex["question"] == "cause" else " so")
    return [[premise, straighten_quotes(ex[name])] for name in ("choice1", "choice2")]


_CHOICES = '"{choice1|lower|strip_punct|keep}" or "{choice2|lower|strip_punct|keep}"'
_PREMISE = "{soft} {premise|strip_punct}{joiner|keep}"

# by the numbers of the original: 0 to 3. Its pattern 2 is ours of that place with a soft prompt (--soft-tokens), and
# `reversed` without; its pattern 3 is `reversed`.
PVPS = (
    PVP("quoted", f"{{soft}}{_CHOICES}?{_PREMISE}{{soft}} [MASK]."),
    PVP(
        "plain",
        "{soft}{choice1|lower|strip_punct|keep} or {choice2|lower|strip_punct|keep}?" + _PREMISE + "{soft} [MASK].",
    ),  # glm: ignore T308 - one choice of the data begins with a space, and the original reads it so
    PVP("soft-ends", f"{{soft}}{_CHOICES}{_PREMISE} [MASK].{{soft}}"),
    PVP("reversed", reversed_question, joining_words),  # glm: ignore T308 - the same
)

task = Task(
    "copa",
    Copa(),
    PVPS,
    {"accuracy": metrics.accuracy},
    summary="Which of two sentences is the cause or the effect of a premise?",
    segments=premise_and_choice,
    citation=CITATION,
    **published(pattern="quoted", first="quoted", epochs=(50, 100)),
)
