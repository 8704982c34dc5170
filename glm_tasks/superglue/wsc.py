"""WSC: does a pronoun stand for the span that the data set names? Asked in three ways.

`wsc` chooses among candidates: the answer is True when the named span fits better than every other candidate. `wsc-generate`
asks what the model would write itself: True when the named span is exactly that. `wsc-yes-no` asks the question outright; it
is the one to give to a classifier, because the other two learn from true examples only.

The candidates are those of the file. The original's file with candidates was never published; where a file has none, they
are made from the text (`noun_phrases`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glm_core import BLANK, PVP, Example, Part, Prediction, Split, Task, metrics, shortenable, soft, straighten_quotes
from glm_tasks.superglue.noun_phrases import noun_phrases
from glm_tasks.superglue.processor import CITATION, SPLITS, SuperGlueProcessor, said
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row

WINDOW = 9


class Wsc(SuperGlueProcessor):
    """A text, a pronoun in it and a span it may stand for; both have an index into the text's words, which is mended.

    meta: `pronoun_at` and `span_at`, indices into the words. all_examples: keep examples that are not true for training too.
    """

    folder = "WSC"
    labels = ("False", "True")

    def __init__(self, splits: Sequence[Split] = SPLITS, *, all_examples: bool = False) -> None:
        super().__init__(splits)
        self.all_examples = all_examples

    def spell(self, value: Any, row: Row) -> str:
        return str(value) if isinstance(value, bool) else super().spell(value, row)

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        example = self.whole(row, split, number)
        if split.role != "train" or self.all_examples or example.label == "True":
            yield example

    def answers(self, predictions: Sequence[Prediction]) -> Iterator[Mapping[str, Any]]:
        for one in predictions:
            # a candidate that a training example was given as a label of its own is no more than false
            yield {"idx": one.example.meta["idx"], "label": "True" if said(one) == "True" else "False"}

    def whole(self, row: Row, split: Split, number: int) -> Example:
        """The example of a row, as it is."""
        idx = row.index(number)
        target = row.row("target")
        span, pronoun = target.text("span1_text"), target.text("span2_text")
        words = straighten_quotes(row.text("text")).split()
        span_at = _mend_span(words, span, target.number("span1_index"))
        pronoun_at = _find_pronoun(words, pronoun, target.number("span2_index"))
        if pronoun_at is None:
            found = target.number("span2_index")
            there = f"'{words[found]}'" if 0 <= found < len(words) else f"nothing (it has {len(words)} words)"
            raise row.error(
                f"example {idx}: the pronoun '{pronoun}' is not at word {found} of the text nor beside it; there is "
                f"{there}; mend target.span2_index, the number of the word counted from 0"
            )
        if words[pronoun_at] != pronoun:  # "his," becomes "his" and ","
            words[pronoun_at : pronoun_at + 1] = [pronoun, words[pronoun_at][len(pronoun) :]]
        return Example(
            self.uid(split, idx, number),
            {"text": " ".join(words), "pronoun": pronoun, "span": span},
            label=self.label(row, split),
            meta={"idx": idx, "span_at": span_at, "pronoun_at": pronoun_at},
        )


class WscCandidates(Wsc):
    """The same with other candidates beside the named span.

    Training: more than nine are spread over several examples of nine, the last filled up from the first ones. They become
    labels of their own, so that the loss is the cross-entropy over all candidates with the named span as the right one.
    Otherwise all of them together stand for "False", and the best of them counts.
    meta: `others`, the candidates; `made`, whether they were made from the text; `training`.
    """

    def examples(self, row: Row, split: Split, number: int) -> Iterator[Example]:
        for example in super().examples(row, split, number):
            made = "candidates" not in row
            others = self._made(example, row) if made else _given(row)
            if split.role != "train" or len(others) <= WINDOW:
                yield self._with(example, others, made, split, "")
                continue
            for start in range(0, len(others), WINDOW):
                nine = others[start : start + WINDOW]
                nine += others[: WINDOW - len(nine)]
                yield self._with(example, nine, made, split, f"-w{start // WINDOW}")

    @staticmethod
    def _with(example: Example, others: Sequence[str], made: bool, split: Split, suffix: str) -> Example:
        more = {"others": tuple(others), "made": made, "training": split.role == "train"}
        return Example(
            example.uid + suffix,
            example.fields,
            label=example.label,
            group=example.uid if suffix else None,
            meta={**example.meta, **more},
        )

    @staticmethod
    def _made(example: Example, row: Row) -> list[str]:
        span_at, n_words = example.meta["span_at"], len(example["span"].split())
        others = noun_phrases(
            example["text"].split(),
            without=[(span_at, span_at + n_words), (example.meta["pronoun_at"], example.meta["pronoun_at"] + 1)],
            unlike=example["span"],
        )
        if not others:
            raise row.error(
                f"example {example.meta['idx']}: no other candidate than '{example['span']}' was found in the text; "
                'give some: "candidates": [{"text": "…"}]'
            )
        return others


def _given(row: Row) -> list[str]:
    """The candidates of the file, each once."""
    return list(dict.fromkeys(one.text("text") for one in row.rows("candidates")))


def _mend_span(words: Sequence[str], span: str, at: int) -> int:
    """The index of the span's first word: as given, or one beside it where the span really is."""
    small, wanted = [word.lower() for word in words], span.lower().split()
    for place in (at, at - 1, at + 1):
        if place >= 0 and small[place : place + len(wanted)] == wanted:
            return place
    return at  # its text is what counts; the original leaves it as well


def _find_pronoun(words: Sequence[str], pronoun: str, at: int) -> int | None:
    """The index of the word that is the pronoun, or begins with it; None where none near `at` does."""
    near = [place for place in (at, at - 1, at + 1) if 0 <= place < len(words)]
    for place in near:
        if words[place] == pronoun:
            return place
    return at if at in near and words[at].startswith(pronoun) else None


def _marked_text(ex: Example) -> str:
    """The text with its pronoun between asterisks."""
    words = ex["text"].split()
    at = ex.meta["pronoun_at"]
    words[at] = f"*{words[at]}*"
    return " ".join(words)


def _marked(ex: Example) -> Part:
    return shortenable(_marked_text(ex), field="text")


def refers_to(ex: Example) -> Sequence[Part | str]:
    says = f" The pronoun '*{ex['pronoun']}*' refers to"
    return [soft(), _marked(ex), soft(), says, soft(), " ", BLANK, "."]


def previous_sentence(ex: Example) -> Sequence[Part | str]:
    says = f" In the previous sentence, the pronoun '*{ex['pronoun']}*' refers to"
    return [soft(), _marked(ex), soft(), says, soft(), " ", BLANK, "."]


def question(ex: Example) -> Sequence[Part | str]:
    asks = f" Question: In the passage above, what does the pronoun '*{ex['pronoun']}*' refer to?"
    return [soft(), _marked(ex), soft(), asks, soft(), " Answer: ", BLANK, "."]


def does_it_refer(ex: Example) -> Sequence[Part | str]:
    asks = f" Question: In the passage above, does the pronoun '*{ex['pronoun']}*' refer to {ex['span']}?"
    return [soft(), _marked(ex), soft(), asks, soft(), " Answer: ", BLANK, "."]


def candidates(ex: Example) -> Sequence[tuple[str, str]]:
    """The named span, then the others."""
    if ex.meta["training"]:
        return [("True", ex["span"]), *((f"False {n}", one) for n, one in enumerate(ex.meta["others"], 1))]
    return [("True", ex["span"]), *(("False", one) for one in ex.meta["others"])]


def span_alone(ex: Example) -> Sequence[tuple[str, str]]:
    """The named span; what else the model might write stands for False."""
    return [("True", ex["span"])]


def marked_and_span(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: the marked text, then the span."""
    return [[_marked_text(ex), ex["span"]]]


# by the numbers of the original: 0 to 2
_PATTERNS = (("refers-to", refers_to), ("previous-sentence", previous_sentence), ("question", question))
CANDIDATE_PVPS = tuple(PVP(name, pattern, candidates, combine="max") for name, pattern in _PATTERNS)
GENERATE_PVPS = tuple(PVP(name, pattern, span_alone, otherwise="False") for name, pattern in _PATTERNS)

task = Task(
    "wsc",
    WscCandidates(),
    CANDIDATE_PVPS,
    {"accuracy": metrics.accuracy},
    summary="Does a pronoun stand for the named span? Chosen among candidates",
    segments=marked_and_span,
    citation=CITATION,
    **published(
        pattern="question", first="refers-to", epochs=(50, 100), max_length=128, objective="mixed", length_penalty=1.0
    ),
)

generate = Task(
    "wsc-generate",
    Wsc(),
    GENERATE_PVPS,
    {"accuracy": metrics.accuracy},
    summary="Does a pronoun stand for the named span? True if the model would write it",
    segments=marked_and_span,
    citation=CITATION,
    **published(pattern="refers-to", first="refers-to", epochs=(50, 100), max_length=128, objective="lm"),
)

yes_no = Task(
    "wsc-yes-no",
    Wsc(all_examples=True),
    (PVP("does-it-refer", does_it_refer, {"False": "No", "True": "Yes"}),),
    {"accuracy": metrics.accuracy},
    summary="Does a pronoun stand for the named span? Asked outright",
    segments=marked_and_span,
    citation=CITATION,
    **published(pattern="does-it-refer", first="does-it-refer", epochs=(50, 100), max_length=128),
)
