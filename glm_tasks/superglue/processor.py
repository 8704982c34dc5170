"""What the readers of all SuperGLUE data sets share: their files, their uids, their labels, their submission."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glm_core import DataDir, DataError, DataProcessor, Example, Prediction, Split
from glm_tasks.superglue.rows import Row, near

SPLITS = (
    Split("train", "train", ("train.jsonl",)),
    Split("dev", "tune", ("val.jsonl",)),
    Split("test", "final", ("test.jsonl",), labelled=False),
)
CITATION = "Wang et al. 2019, SuperGLUE, arXiv 1905.00537"


class SuperGlueProcessor(DataProcessor):
    """A SuperGLUE data set: you write `examples(row, split, number)`.

    A uid is the split's name and the data set's own index, `train-2363`; among unlabelled examples it is the row's number,
    because a published file repeats an index.
    folder: its name in the official archive, and of its file in a submission.
    """

    def __init__(self, splits: Sequence[Split] = SPLITS) -> None:
        self.splits = tuple(splits)

    @property
    def submission(self) -> str:
        """The name of its file in a submission."""
        return f"{self.folder}.jsonl"

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        number = 0
        for name in split.files:
            for values in data.jsonl(name):
                yield from self.examples(Row(values, data), split, number)
                number += 1

    @abstractmethod
    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        """The examples of one row, the `number`-th of its split. Raise `row.error("…")` for a bad one."""

    @staticmethod
    def uid(split: Split, idx: int, number: int) -> str:
        """The name of an example with this index, in the `number`-th row of a split."""
        return f"{split.name}-{number if split.role == 'unlabeled' else idx}"

    def label(self, row: Row, split: Split) -> str | None:
        """The row's label as we spell it; None where the split has none. A labelled split needs one in every row."""
        if split.role == "unlabeled" or ("label" not in row and not split.labelled):
            return None
        label = self.spell(row.any("label"), row)
        if label not in self.labels:
            known = ", ".join(self.labels)
            raise row.error(f"unknown label '{label}' (there are {known}){near(label, self.labels)}")
        return label

    def spell(self, value: Any, row: Row) -> str:
        """A label as the file has it, in our spelling: true and false as words, numbers as digits."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | str):
            return str(value)
        raise row.error(f"field 'label' is {json.dumps(value)[:40]}, wants one of {', '.join(self.labels)}")

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """The official file: one line `{"idx": …, "label": …}` per example. Raises DataError for one without a label."""
        yield self.submission, json_lines(self.answers(predictions))

    def answers(self, predictions: Sequence[Prediction]) -> Iterator[Mapping[str, Any]]:
        """The lines of the submission."""
        for one in predictions:
            yield {"idx": one.example.meta["idx"], "label": said(one)}


def said(prediction: Prediction) -> str:
    """The predicted label. Raises DataError where there is none."""
    if prediction.label is None:
        raise DataError(
            f"example {prediction.example.uid} has no predicted label; evaluate the run on this split again"
        )
    return prediction.label


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object per line."""
    return "".join(json.dumps(row) + "\n" for row in rows)
