"""What Yahoo Answers and Yelp share: the CSV files of one collection, which have a training and a test set only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping

from glm_core import DataDir, DataProcessor, Example, Split, straighten_quotes

CITATION = "Zhang et al. 2015, Character-level Convolutional Networks for Text Classification, arXiv 1509.01626"

HELD_OUT_FROM = 20_000  # rows at the beginning of the training file, of which every tenth is kept for choosing


class CsvTexts(DataProcessor):
    """Rows without a header: a label from 1 on, then texts. You write `fields(row)`.

    The published files are `train.csv` and `test.csv`. The original chose its best epoch on the test set; here two thousand
    rows of the training file, every tenth at its beginning, are held out for that (split `dev`), and `test` is for the
    final number; `unlabeled` is the training texts. A uid has the row's number in its file: `train-0`, `dev-9`.
    """

    columns: tuple[str, ...] = ()
    splits = (
        Split("train", "train", ("train.csv",)),
        Split("dev", "tune", ("train.csv",)),
        Split("test", "final", ("test.csv",)),
        Split("unlabeled", "unlabeled", ("train.csv",), labelled=False),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for name in split.files:
            rows = data.csv(name, header=False, columns=("label", *self.columns))
            for number, row in enumerate(rows):
                held_out = number < HELD_OUT_FROM and number % 10 == 9
                if split.role == "final" or held_out == (split.role == "tune"):
                    label = row["label"] if split.labelled else None
                    yield Example(f"{split.name}-{number}", self.fields(row), label=label)

    @abstractmethod
    def fields(self, row: Mapping[str, str]) -> Mapping[str, str]:
        """The texts of a row."""


def cleaned(text: str) -> str:
    """Escaped newlines and single backslashes as spaces, quotes straight."""
    return straighten_quotes(text.replace("\\n", " ").replace("\\", " "))
