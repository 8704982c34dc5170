"""RACE: questions of English exams about a passage, four answers each; some questions are sentences with a gap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from glm_core import (
    BLANK,
    PVP,
    SPLIT,
    DataDir,
    DataError,
    DataProcessor,
    Example,
    Part,
    Prediction,
    Split,
    Task,
    metrics,
    shortenable,
)

GAP = "_"
_SPACES = re.compile(r"\s+")


class Race(DataProcessor):
    """One file per passage, `train/high/1.txt`: an object with `id`, `article`, `questions`, `options`, `answers`.

    All questions of a passage are one group.
    """

    folder = "RACE"
    labels = ("A", "B", "C", "D")
    splits = (
        Split("train", "train", ("train/middle/*.txt", "train/high/*.txt")),
        Split("dev", "tune", ("dev/middle/*.txt", "dev/high/*.txt")),
        Split("test", "final", ("test/middle/*.txt", "test/high/*.txt")),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for name in self.files(data, split):
            for row in data.jsonl(name):
                try:
                    answers = row["answers"] if split.labelled else row.get("answers", [None] * len(row["questions"]))
                    asked = list(zip(row["questions"], row["options"], answers, strict=True))
                    passage, article = f"p{row['id']}", cleaned_article(row["article"])
                except (KeyError, ValueError) as error:
                    raise data.error(
                        f"wants id, article, questions, options and answers of one length ({error!r})"
                    ) from error
                for number, (question, options, answer) in enumerate(asked):
                    if len(options) != len(self.labels):
                        raise data.error(f"question {number} has {len(options)} options, wants {len(self.labels)}")
                    yield Example(
                        f"{split.name}-{passage}-q{number}",
                        {"article": article, "question": one_line(question)},
                        label=answer,
                        choices=tuple(options),
                        group=passage,
                        meta={"level": "high" if "high" in name.split("/") else "middle"},
                    )

    @staticmethod
    def files(data: DataDir, split: Split) -> Iterator[str]:
        """The split's files; one of the two levels may be missing. Raises DataError where both are."""
        missing: list[DataError] = []
        for pattern in split.files:
            try:
                yield from data.glob(pattern)
            except DataError as error:
                missing.append(error)
        if len(missing) == len(split.files):
            raise missing[0]


def one_line(text: str) -> str:
    """Any whitespace as one space."""
    return _SPACES.sub(" ", text)


def cleaned_article(text: str) -> str:
    """On one line, and without the space that the data set puts before a full stop."""
    article = one_line(text)
    for _ in range(3):  # as the original does; stops may follow each other
        article = article.replace(" . ", ". ")
    return article


def lettered(ex: Example) -> Sequence[tuple[str, str]]:
    """The options with their letters; each has its space, for a gap may follow a word without one."""
    return [(letter, " " + option) for letter, option in zip(Race.labels, ex.choices, strict=True)]


def _article(ex: Example) -> Part:
    return shortenable(ex["article"], field="article")


def _around_the_gap(ex: Example) -> Sequence[Part]:
    """The question with the blank in its gap."""
    before, _, after = f" {ex['question']}".partition(GAP)
    return [shortenable(before.rstrip(), field="question"), BLANK, shortenable(after, field="question")]


def _question(ex: Example) -> Part:
    return shortenable(" " + ex["question"], field="question")


def question_and_answer(ex: Example) -> Sequence[Part | str]:
    """Passage, question, answer; or the passage and the sentence with its gap."""
    if GAP in ex["question"]:
        return [_article(ex), SPLIT, *_around_the_gap(ex)]
    return [_article(ex), SPLIT, " Question:", _question(ex), " Answer:", BLANK]


def previous_passage(ex: Example) -> Sequence[Part | str]:
    """The same with a phrase in between. (The original means to make the sentence's first letter small, and does not.)"""
    says = " Based on the previous passage,"
    if GAP in ex["question"]:
        return [_article(ex), SPLIT, says, *_around_the_gap(ex)]
    return [_article(ex), SPLIT, says, _question(ex), BLANK]


def article_and_choice(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: one row per option."""
    return [[ex["article"], f"{ex['question']} {option}"] for option in ex.choices]


def middle_and_high(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Accuracy by the level of the exam."""
    return {
        level: metrics.accuracy([one for one in predictions if one.example.meta["level"] == level])
        for level in ("middle", "high")
    }


# by the numbers of the original: 0 and 1
PVPS = (
    PVP("question-and-answer", question_and_answer, lettered),
    PVP("previous-passage", previous_passage, lettered),
)

task = Task(
    "race",
    Race(),
    PVPS,
    {"accuracy": metrics.accuracy, "level": middle_and_high},
    summary="Questions of English exams about a passage, four answers each",
    segments=article_and_choice,
    recommended={"max_length": 512},
    license="for research, not for commerce",
    citation="Lai et al. 2017, RACE, arXiv 1704.04683",
)
