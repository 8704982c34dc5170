"""WiC: does a word mean the same in two sentences?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from glm_core import BLANK, PVP, Example, Part, Split, Task, metrics, shortenable, soft, straighten_quotes
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row


class Wic(SuperGlueProcessor):
    """A word and two sentences with it. The word stays as the file has it."""

    folder = "WiC"
    labels = ("false", "true")

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        idx = row.index(number)
        texts = {
            "word": row.text("word"),
            "sentence1": straighten_quotes(row.text("sentence1")),
            "sentence2": straighten_quotes(row.text("sentence2")),
        }
        yield Example(self.uid(split, idx, number), texts, label=self.label(row, split), meta={"idx": idx})


def similar_sense(ex: Example) -> Sequence[Part | str]:
    """Both sentences are one text, so that the first is cut only when the second is gone."""
    sentences = f'"{ex["sentence1"]}" / "{ex["sentence2"]}"'
    sense = f' Similar sense of "{ex["word"]}"?'
    return [soft(), shortenable(sentences, field="sentences"), soft(), sense, soft(), " ", BLANK, "."]


def word_and_sentences(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: the word with the first sentence, then the second."""
    return [[f"{ex['word']}: {ex['sentence1']}", ex["sentence2"]]]


YES_NO = {"false": "No", "true": "Yes"}
SAME_MEANING = (
    "{sentence1}{soft} {sentence2}{soft} Does {word|keep} have the same meaning in both sentences?{soft} [MASK]"
)
SENSES = '{soft}{word|keep} .{soft} Sense (1) (a) "{sentence1}"{soft} ([MASK]) "{sentence2|keep}"'

# by the numbers of the original: 0 to 2
PVPS = (
    PVP("similar-sense", similar_sense, YES_NO),
    PVP("same-meaning", SAME_MEANING, YES_NO),
    PVP("senses", SENSES, {"false": "2", "true": "b"}),
)

task = Task(
    "wic",
    Wic(),
    PVPS,
    {"accuracy": metrics.accuracy},
    summary="Does a word mean the same in two sentences?",
    segments=word_and_sentences,
    citation=CITATION,
    **published(pattern="same-meaning", first="similar-sense", epochs=(30, 40)),
)
