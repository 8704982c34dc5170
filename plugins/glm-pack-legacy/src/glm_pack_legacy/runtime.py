"""What a ported pack uses when it runs, where no template says the same: the original's reader, patterns and answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from glm_core import DataDir, DataProcessor, Example, Part, Split
from glm_pack_legacy.errors import NotPorted
from glm_pack_legacy.examples import to_example, to_original, with_own_uids
from glm_pack_legacy.original import Classes, Original


@dataclass(frozen=True)
class LegacyPattern:
    """A pattern that asks the original's `get_parts`."""

    original: Original
    pattern_id: int

    def __call__(self, example: Example) -> list[Part]:
        classes = self.original.load()
        return classes.parts(to_original(example, classes.label_value(example.label)), self.pattern_id)

    @property
    def __name__(self) -> str:
        return f"{self.original.pvp}.get_parts"


@dataclass(frozen=True)
class LegacyAnswers:
    """The answers of an example as the original gives them, each with its label."""

    original: Original
    pattern_id: int

    def __call__(self, example: Example) -> list[tuple[str, str]]:
        classes = self.original.load()
        found = classes.answers(to_original(example, classes.label_value(example.label)), self.pattern_id)
        return list(zip(answer_labels(classes, len(found or ())), found or (), strict=True))


@dataclass(frozen=True)
class LegacyProcessor(DataProcessor):
    """A reader that asks the original's.

    fields: those its examples have; empty: all. choices_of: the pattern whose answers are the examples' choices.
    """

    original: Original
    splits: tuple[Split, ...]
    labels: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    choices_of: int | None = None

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for name in split.files:
            data.text(name)  # the original opens its files itself: this one is missed, or hashed, like any other
        classes = self.original.load()
        folder = _folder(data, split)
        labelled = split.labelled and split.role != "unlabeled"
        found = (
            to_example(one, labelled=labelled, fields=self.fields or None) for one in classes.read(split.name, folder)
        )
        for example in with_own_uids(found):
            if self.choices_of is not None:
                answers = classes.answers(to_original(example, classes.label_value(example.label)), self.choices_of)
                example = replace(example, choices=answers or ())
            yield example


def answer_labels(classes: Classes, n_answers: int) -> tuple[str, ...]:
    """The labels of an example's answers, in order: those of the data set, or numbers where these are its labels.

    Raises NotPorted where there are more answers than labels.
    """
    numbers = tuple(str(one) for one in range(n_answers))
    if n_answers <= len(classes.labels):
        return classes.labels[:n_answers]
    if classes.labels == tuple(str(one) for one in range(len(classes.labels))):
        return numbers
    raise NotPorted(f"{n_answers} answers, and labels for {len(classes.labels)} ({', '.join(classes.labels)})")


def _folder(data: DataDir, split: Split) -> Path:
    """The data folder that has the files of a split."""
    for folder in data.folders:
        if all((folder / name).is_file() for name in split.files):
            return folder
    return data.folders[0]
