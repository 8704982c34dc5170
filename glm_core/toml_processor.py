"""Read a data set as a `pack.toml` describes it: rows of JSON, tab- or comma-separated values, column by column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glm_core.data import DataDir, require
from glm_core.errors import did_you_mean
from glm_core.examples import Example, Split
from glm_core.tasks import DataProcessor

Format = Literal["jsonl", "tsv", "csv"]


@dataclass(frozen=True, kw_only=True)
class TomlProcessor(DataProcessor):
    """A reader made of values only, so that it can be printed, compared and sent to another process.

    texts: our fields and the columns they come from. optional: those among them that a row may lack.
    uid, label, group: columns; None where there is none. A uid is otherwise made of split and row, `train-17`.
    choices, target: several columns, or one that holds a list.
    label_names: what the files say -> our label, where they differ.
    bundled: the folder that the file lies in, where the data lie there too.
    """

    format: Format
    splits: tuple[Split, ...]
    texts: Mapping[str, str]
    labels: tuple[str, ...] = ()
    header: bool = True
    columns: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    uid: str | None = None
    label: str | None = None
    group: str | None = None
    choices: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    label_names: Mapping[str, str] = field(default_factory=dict)
    value_range: tuple[float, float] | None = None
    bundled: str | None = field(default=None, compare=False)

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        number = 0
        for name in split.files:
            for row in self.rows(data, name):
                yield self.example(row, f"{split.name}-{number}", data, labelled=split.labelled)
                number += 1

    def rows(self, data: DataDir, name: str) -> Iterator[dict[str, Any]]:
        """The rows of one file. Raises DataError with file and line."""
        if self.format == "jsonl":
            return data.jsonl(name)
        table = data.csv if self.format == "csv" else data.tsv
        return table(name, header=self.header, columns=self.columns)

    def example(self, row: dict[str, Any], uid: str, data: DataDir, *, labelled: bool = True) -> Example:
        """The example of one row, which `data` read last: errors name its line. Raises DataError."""
        require(row, [column for name, column in self.texts.items() if name not in self.optional], data)
        fields = {name: as_text(row.get(column), column, data) or "" for name, column in self.texts.items()}
        choices = self._choices(row, data)
        return Example(
            uid=uid if self.uid is None else self._one(self.uid, row, data),
            fields=fields,
            label=self._label(row, data, choices) if labelled else None,
            choices=choices,
            target=self._target(row, data) if labelled else None,
            group=None if self.group is None else self._one(self.group, row, data),
        )

    def _one(self, column: str, row: dict[str, Any], data: DataDir) -> str:
        require(row, (column,), data)
        found = as_text(row[column], column, data)
        if not found:
            raise data.error(f"column '{column}' is empty here; it wants a value in every row")
        return found

    def _choices(self, row: dict[str, Any], data: DataDir) -> tuple[str, ...]:
        require(row, self.choices, data)
        if len(self.choices) == 1:
            (column,) = self.choices
            if not isinstance(row[column], list) or not row[column]:
                raise data.error(f"column '{column}' wants a list of choices, and at least one")
            return tuple(as_text(one, column, data) or "" for one in row[column])
        return tuple(as_text(row[column], column, data) or "" for column in self.choices)

    def _target(self, row: dict[str, Any], data: DataDir) -> str | tuple[str, ...] | None:
        require(row, self.target, data)
        if len(self.target) == 1:
            (column,) = self.target
            if isinstance(row[column], list):
                return tuple(as_text(one, column, data) or "" for one in row[column])
            return as_text(row[column], column, data)
        return tuple(as_text(row[column], column, data) or "" for column in self.target) or None

    def _label(self, row: dict[str, Any], data: DataDir, choices: tuple[str, ...]) -> str | None:
        if self.label is None:
            return None
        if self.label not in row:
            has = ", ".join(map(str, row)) or "nothing"
            raise data.error(
                f"no label: there is no column '{self.label}' (this row has {has})"
                f"{did_you_mean(self.label, map(str, row)) or '; say labelled = false for a split without labels'}"
            )
        said = as_text(row[self.label], self.label, data)
        if said is None:
            return None
        label = self.label_names.get(said, said)
        if self.value_range is not None:
            return self._value(label, data)
        known = tuple(str(index) for index in range(len(choices))) if choices else self.labels
        if label not in known:
            names = f"; in the files also {', '.join(self.label_names)}" if self.label_names else ""
            near = did_you_mean(said, (*known, *self.label_names))
            raise data.error(f"unknown label '{said}' (there are {', '.join(known)}{names}){near}")
        return label

    def _value(self, label: str, data: DataDir) -> str:
        assert self.value_range is not None
        low, high = self.value_range
        try:
            fits = low <= float(label) <= high
        except ValueError:
            fits = False
        if not fits:
            raise data.error(f"label '{label}' is no number from {low:g} to {high:g}")
        return label


def as_text(value: Any, column: str, data: DataDir) -> str | None:
    """A value of a row as text: numbers and truth values as JSON spells them. None where there is none."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise data.error(f"column '{column}' holds a {'list' if isinstance(value, list) else 'table'}, wants text")
