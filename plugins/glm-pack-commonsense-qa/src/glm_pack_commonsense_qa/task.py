"""CommonsenseQA: five answers per question, other ones for every question; one of them is right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glm_core import PVP, Example, JsonlProcessor, Prediction, Split, Task, metrics


class CommonsenseQa(JsonlProcessor):
    """Rows `{"id", "question": {"stem", "choices": [{"label", "text"}, …]}, "answerKey"}`; the test file has no answers."""

    labels = ("A", "B", "C", "D", "E")
    splits = (
        Split("train", "train", ("train_rand_split.jsonl",)),
        Split("dev", "tune", ("dev_rand_split.jsonl",)),
        Split("test", "final", ("test_rand_split_no_answers.jsonl",), labelled=False),
    )

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        question = row["question"]
        choices = {one["label"]: one["text"] for one in question["choices"]}
        if tuple(choices) != self.labels:
            raise ValueError(f"its choices are {', '.join(choices)}, wanted {', '.join(self.labels)}")
        yield Example(
            row["id"],
            {"question": question["stem"], **{f"choice_{label.lower()}": text for label, text in choices.items()}},
            label=row.get("answerKey"),
            choices=tuple(choices.values()),
        )

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """The answers under the names the data set has for them."""
        lines = (json.dumps({"id": one.example.uid, "answerKey": one.label}) for one in predictions)
        yield f"{split.name}_predictions.jsonl", "".join(line + "\n" for line in lines)


def lettered(ex: Example) -> Sequence[tuple[str, str]]:
    """The answers of this question, with the letters they have in the data."""
    return list(zip(CommonsenseQa.labels, ex.choices, strict=True))


def question_and_choice(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: one row per choice."""
    return [[ex["question"], choice] for choice in ex.choices]


_LISTED = ", ".join(f"{{choice_{label.lower()}|keep}}" for label in CommonsenseQa.labels[:-1])

task = Task(
    "commonsense-qa",
    CommonsenseQa(),
    (
        PVP("answer", "{question} The answer is [MASK].", lettered),
        PVP("listed", f"{_LISTED} or {{choice_e|keep}}? {{question}} Answer: [MASK].", lettered),
        PVP("asked", "Question: {question} Answer: [MASK].", lettered),
    ),
    {"accuracy": metrics.accuracy},
    summary="Questions of common sense, each with five answers of its own",
    segments=question_and_choice,
    recommended={"pattern": "listed", "max_length": 256},
    license="MIT",
    citation="Talmor et al. 2019, CommonsenseQA, arXiv 1811.00937",
)
