"""MultiRC: which of the listed answers to a question about a passage are right? Any number may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glm_core import (
    BLANK,
    PVP,
    Example,
    Part,
    Prediction,
    Split,
    Task,
    metrics,
    shortenable,
    soft,
    straighten_quotes,
    strip_final_punctuation,
)
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor, said
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row


class MultiRc(SuperGlueProcessor):
    """One example per answer; the answers to one question are a group."""

    folder = "MultiRC"
    labels = ("0", "1")

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        p = row.index(number)
        passage = row.row("passage")
        text = straighten_quotes(passage.text("text"))
        for at, question in enumerate(passage.rows("questions")):
            q = question.index(at)
            asked = straighten_quotes(question.text("question"))
            for nth, answer in enumerate(question.rows("answers")):
                a = answer.index(nth)
                yield Example(
                    f"{split.name}-p{p}-q{q}-a{a}",
                    {"passage": text, "question": asked, "answer": straighten_quotes(answer.text("text"))},
                    label=self.label(answer, split),
                    group=f"p{p}-q{q}",
                    meta={"idx": (p, q, a)},
                )

    def answers(self, predictions: Sequence[Prediction]) -> Iterator[Mapping[str, Any]]:
        """One line per passage, its questions and their answers nested as in the data."""
        passages: dict[int, dict[int, list[dict[str, int]]]] = {}
        for one in predictions:
            p, q, a = one.example.meta["idx"]
            passages.setdefault(p, {}).setdefault(q, []).append({"idx": a, "label": int(said(one))})
        for p, questions in passages.items():
            nested = [{"idx": q, "answers": answers} for q, answers in questions.items()]
            yield {"idx": p, "passage": {"questions": nested}}


def _passage(ex: Example) -> Part:
    return shortenable(strip_final_punctuation(ex["passage"].rstrip()), field="passage")


def _question(ex: Example) -> str:
    return " " + strip_final_punctuation(ex["question"].rstrip())


# the parts are those of the original one by one: "who?" and "who", "?" may be different tokens
def is_it(ex: Example) -> Sequence[Part | str]:
    asked: list[Part | str] = [soft(), " Question:", _question(ex) + "?", soft(), " Is it", " " + ex["answer"], "?"]
    return [_passage(ex), ".", *asked, soft(), " ", BLANK, "."]


def is_correct_answer(ex: Example) -> Sequence[Part | str]:
    asked: list[Part | str] = [
        soft(),
        " Question:",
        _question(ex),
        "?",
        soft(),
        ' Is the correct answer "',
        ex["answer"],
        '"?',
    ]
    return [_passage(ex), ".", *asked, soft(), " ", BLANK, "."]


def based_on(ex: Example) -> Sequence[Part | str]:
    asked: list[Part | str] = [soft(), _question(ex), "?", soft(), ' Is "', ex["answer"], '" a correct answer?']
    return [_passage(ex), ". Based on the previous passage,", *asked, soft(), " ", BLANK, "."]


def bracketed(ex: Example) -> Sequence[Part | str]:
    return [soft(), _passage(ex), soft(), _question(ex), "- [", BLANK, "]", soft(), ex["answer"]]


def answer_mark(ex: Example) -> Sequence[Part | str]:
    asked: list[Part | str] = [soft(), " Question:", _question(ex), "?", soft(), " " + ex["answer"], "?"]
    return [_passage(ex), ".", *asked, soft(), " ", BLANK, "."]


def passage_and_answer(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: the passage, then question and answer."""
    return [[ex["passage"], f"{ex['question']} answer: {ex['answer']}"]]


YES_NO = {"0": "No", "1": "Yes"}

# by the numbers of the original: 0 to 4
PVPS = (
    PVP("is-it", is_it, YES_NO),
    PVP("is-correct-answer", is_correct_answer, YES_NO),
    PVP("based-on", based_on, YES_NO),
    PVP("bracketed", bracketed, {"0": " False", "1": " True"}),  # with its space although none precedes the blank
    PVP("answer-mark", answer_mark, YES_NO),
)

task = Task(
    "multirc",
    MultiRc(),
    PVPS,
    {"f1a": metrics.f1, "em": metrics.grouped_exact_match, "accuracy": metrics.accuracy},
    summary="Which of the listed answers to a question about a passage are right?",
    segments=passage_and_answer,
    citation=CITATION,
    **published(pattern="is-it", first="is-it", epochs=(15, 12), max_length=512, batch_size=64),
)
