"""A task: a data set, the ways to put its questions, and how its answers are judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from glm_core.data import DataDir
from glm_core.errors import DataError, UsageError, did_you_mean
from glm_core.examples import Example, Prediction, Split
from glm_core.pvp import PVP, Cloze, choose_pvp

Kind = Literal["cloze", "generation", "lm"]

# A metric takes predictions and returns a number or a mapping of numbers; `metric.lower_is_better = True` turns it round.
Metric = Callable[[Sequence[Prediction]], float | Mapping[str, float]]


class DataProcessor(ABC):
    """Reads a data set's own files and writes its official submission format. No network, no tokenizer, no torch.

    splits: its parts, each with the role that says what it may be used for.
    labels: label names in the order of reports; empty where answers differ per example.
    folder: the name under which this data set lies inside its collection (`RTE` in SuperGLUE), looked into as well.
    bundled: a folder of the pack with the data themselves, used where the user gives none.
    """

    splits: tuple[Split, ...] = ()
    labels: tuple[str, ...] = ()
    folder: str = ""
    bundled: str | None = None

    @abstractmethod
    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        """The examples of a split, in the order of its files. Deterministic, and may be called twice."""

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """(file name, text) in the leaderboard's format. Optional."""
        return ()

    def split(self, name: str) -> Split:
        """The split of this name. Raises UsageError with the names there are."""
        for one in self.splits:
            if one.name == name:
                return one
        names = [one.name for one in self.splits]
        raise UsageError(f"no split '{name}' (there are {', '.join(names)}){did_you_mean(name, names)}")

    def open(self, *folders: str | Path) -> DataDir:
        """The data folders of this data set; its own folder inside a collection is found too.

        Without any, the data that came with the pack. Raises DataError where there are none.
        """
        if not folders and self.bundled is not None:
            folders = (self.bundled,)
        if not folders:
            files = ", ".join(dict.fromkeys(name for one in self.splits for name in one.files))
            raise DataError(f"--data is missing: the folder that holds {files or 'the data set'}")
        return DataDir(*folders, subfolders=(self.folder,) if self.folder else ())


class JsonlProcessor(DataProcessor):
    """A data set of JSON lines: you write `examples(row, uid)`."""

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        yield from _read_rows(self, data, split, data.jsonl)

    @abstractmethod
    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        """The examples of one row; `uid` is split and line, `train-17`. Raise KeyError for a missing field."""


class TsvProcessor(DataProcessor):
    """A data set of tab-separated rows: you write `examples(row, uid)`.

    header: whether the first line names the columns; columns: their names where it does not.
    """

    header: bool = True
    columns: tuple[str, ...] = ()

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        def rows(name: str) -> Iterator[Mapping[str, Any]]:
            return data.tsv(name, header=self.header, columns=self.columns)

        yield from _read_rows(self, data, split, rows)

    @abstractmethod
    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        """The examples of one row; `uid` is split and line, `train-17`. Raise KeyError for a missing field."""


def _read_rows(
    processor: JsonlProcessor | TsvProcessor,
    data: DataDir,
    split: Split,
    rows: Callable[[str], Iterator[Mapping[str, Any]]],
) -> Iterator[Example]:
    number = 0
    for name in split.files:
        for row in rows(name):
            try:
                for example in processor.examples(row, f"{split.name}-{number}"):
                    yield check_label(example, processor.labels, data)
            except KeyError as error:
                missing = str(error.args[0]) if error.args else "?"
                has = ", ".join(map(str, row)) or "nothing"
                raise data.error(
                    f"no field '{missing}' (this row has {has}){did_you_mean(missing, map(str, row))}"
                ) from error
            except (TypeError, AttributeError, IndexError, ValueError) as error:
                raise data.error(f"this row does not have the expected shape ({error})") from error
            number += 1


def check_label(example: Example, labels: Sequence[str], data: DataDir) -> Example:
    """The example itself. Raises DataError at its line when its label is none of `labels`."""
    if labels and example.label is not None and example.label not in labels:
        near = did_you_mean(str(example.label), labels)
        raise data.error(f"unknown label '{example.label}' (there are {', '.join(labels)}){near}")
    return example


@dataclass(frozen=True)
class Task:
    """A data set, the ways to put its questions, and how its answers are judged.

    metrics: by name; the first one chooses the best checkpoint.
    revision: raise it when a prompt, split or label changes: old scores stop being comparable.
    recommended: config values that suit this data set; `pattern` names the pattern.
    recipes: further named sets of config values (`--recipe NAME`), each laid over `recommended`.
    value_range: labels are numbers between these two (STS-B: 0 to 5).
    specials_in_text: special tokens that its reader writes on purpose, e.g. ("[UNK]",); no other is looked for.
    segments: how an example reads without a pattern, for classifiers: rows of one or two texts, one row per choice.
        None: one row of its fields in order.
    """

    name: str
    processor: DataProcessor
    pvps: tuple[PVP, ...]
    metrics: Mapping[str, Metric]
    kind: Kind = "cloze"
    summary: str = ""
    revision: int = 1
    languages: tuple[str, ...] = ("en",)
    recommended: Mapping[str, Any] = field(default_factory=dict)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    value_range: tuple[float, float] | None = None
    specials_in_text: tuple[str, ...] = ()
    segments: Callable[[Example], Sequence[Sequence[str]]] | None = None
    citation: str = ""
    license: str = ""

    def pvp(self, which: str | int = 0) -> PVP:
        """The pattern-verbalizer pair of this name or index."""
        return choose_pvp(self.pvps, which, self.name)

    def cloze(self, example: Example, pattern: str | int = 0) -> Cloze:
        """The text with a blank that a pattern makes of an example."""
        cloze = self.pvp(pattern).cloze(example)
        edges = cloze.edges
        if self.kind == "lm" and edges.end == "auto":
            edges = replace(edges, end="none")
        return replace(cloze, edges=edges, specials=self.specials_in_text)

    def plain(self, example: Example) -> Cloze:
        """The example without a pattern, for a classifier: its answers are the label names themselves."""
        rows = self.segments(example) if self.segments is not None else [list(example.fields.values())]
        labels = self.processor.labels
        if not labels or len(rows) not in (1, len(labels)):  # one row per choice, and choices are numbered
            labels = tuple(str(index) for index in range(max(len(rows), len(example.choices))))
        if example.label is not None and example.label not in labels:
            raise DataError(
                f"example {example.uid}: label '{example.label}' is none of {', '.join(labels)}"
                f"{did_you_mean(example.label, labels)}"
            )
        return Cloze(
            uid=example.uid,
            parts=(),
            answers=labels,
            labels=labels,
            gold=example.label,
            pattern="plain",
            fixed_words=len(rows) == 1,
            specials=self.specials_in_text,
            segments=tuple(tuple(row) for row in rows),
        )

    def advice(self, recipe: str | None = None) -> dict[str, Any]:
        """Recommended config values, with those of a named recipe laid over them. Raises UsageError."""
        if recipe is None:
            return dict(self.recommended)
        if recipe not in self.recipes:
            known = ", ".join(self.recipes) or "none"
            raise UsageError(
                f"task {self.name} has no recipe '{recipe}' (it has {known}){did_you_mean(recipe, self.recipes)}"
            )
        return {**self.recommended, **self.recipes[recipe]}

    def read(self, data: DataDir, split: str | Split, *, limit: int | None = None) -> list[Example]:
        """The examples of a split.

        Raises DataError for a uid that comes twice, an unknown label, or a split without examples.
        """
        which = self.processor.split(split) if isinstance(split, str) else split
        examples: list[Example] = []
        seen: set[str] = set()
        for example in self.processor.read(data, which):
            if example.uid in seen:
                raise data.error(f"uid '{example.uid}' comes twice in split '{which.name}'; uids are unique in a split")
            seen.add(example.uid)
            examples.append(check_label(example, self.processor.labels, data))
            if limit is not None and len(examples) >= limit:
                break
        if not examples:
            raise DataError(f"split '{which.name}' of {self.name} has no examples in {data}")
        return examples
