"""Whether a reader of old does no more than to take columns from rows: then a TOML file says the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glm_core import DataDir, Split
from glm_core.errors import DataError
from glm_core.templates import Field, parse
from glm_pack_legacy.examples import fields_of

_FORMATS = {".jsonl": "jsonl", ".json": "jsonl", ".tsv": "tsv", ".txt": "tsv", ".csv": "csv"}
_LIKELY = ("label", "gold_label", "labels", "target", "class", "category")
_SPECIAL = ("uid", "label", "target", "group", "choices", "soft", "split")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReadSplit:
    """A split as the original read it: its examples of old, and the files below the data folder that it opened."""

    split: Split
    originals: tuple[Any, ...]


@dataclass(frozen=True)
class Columns:
    """How rows become examples: the keys of a `pack.toml` about its data.

    names: the original's field -> our name of it. fields: our name -> the column. columns: names of the columns of files
    without a header row.
    """

    format: str
    fields: Mapping[str, str]
    names: Mapping[str, str]
    label: str | None = None
    label_names: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    header: bool = True
    columns: tuple[str, ...] = ()


def find_columns(
    reads: Sequence[ReadSplit],
    folder: Path,
    *,
    wanted: Iterable[str],
    choices: Sequence[Sequence[Sequence[str]]] | None = None,
) -> Columns | str:
    """The columns that the original takes its fields and labels from, in all rows of all splits; or why there are none.

    wanted: the fields that patterns ask for. choices: the answers of every example of every split, if they have any.
    """
    why = ""
    suffixes = {Path(name).suffix.lower() for one in reads for name in one.split.files}
    if not suffixes or not all(one.split.files for one in reads):
        return "it was not seen which files the original opens"
    format = _FORMATS.get(min(suffixes)) if len(suffixes) == 1 else None
    if format is None:
        return f"its files are {', '.join(sorted(suffixes))}"
    for header in (True,) if format == "jsonl" else (True, False):
        rows = _rows(reads, folder, format, header)
        if isinstance(rows, str):
            why = why or rows
            continue
        found = _match(reads, rows, tuple(wanted), choices)
        if isinstance(found, Columns):
            found = replace(found, format=format)
            return found if header else _without_header(found, rows[0][0])
        why = found
    return why


def renamed(template: str, names: Mapping[str, str]) -> str:
    """A template with other names for its fields."""
    for node in reversed(parse(template).nodes):
        if isinstance(node, Field) and node.name in names:
            start = node.at[0] + 1
            template = template[:start] + names[node.name] + template[start + len(node.name) :]
    return template


def _rows(reads: Sequence[ReadSplit], folder: Path, format: str, header: bool) -> list[list[Row]] | str:
    found = []
    for one in reads:
        data = DataDir(folder)
        rows: list[Row] = []
        try:
            for name in one.split.files:
                if format == "jsonl":
                    rows += data.jsonl(name)
                else:
                    rows += (data.csv if format == "csv" else data.tsv)(name, header=header)
        except DataError as error:
            return str(error)
        if len(rows) != len(one.originals) or not rows:
            return f"split '{one.split.name}' has {len(rows)} rows and {len(one.originals)} examples"
        found.append(rows)
    return found


def _match(
    reads: Sequence[ReadSplit],
    rows: Sequence[Sequence[Row]],
    wanted: Sequence[str],
    choices: Sequence[Sequence[Sequence[str]]] | None,
) -> Columns | str:
    every_row = [row for some in rows for row in some]
    names = [name for name in every_row[0] if all(name in row for row in every_row)]
    fields_of_rows = [fields_of(one) for read in reads for one in read.originals]
    column_of: dict[str, str] = {}
    for want in wanted:
        values = [fields.get(want) for fields in fields_of_rows]
        column = next((name for name in names if _same(values, every_row, name)), None)
        if column is None:
            return f"no column is the same as '{want}' in every row"
        column_of[want] = column
    pairs = [
        (None if one.label is None else str(one.label), row)
        for read, some in zip(reads, rows, strict=True)
        if read.split.labelled
        for one, row in zip(read.originals, some, strict=True)
    ]
    label, label_names = _label(pairs)
    if pairs and label is None:
        return "no column tells the labels"
    taken: tuple[str, ...] = ()
    if choices is not None:
        found = _choices([one for some in choices for one in some], every_row, names)
        if found is None:
            return "no columns are the same as the answers in every row"
        taken = found
    ours = {want: _our_name(want, column, column_of) for want, column in column_of.items()}
    fields = {ours[want]: column for want, column in column_of.items()}
    return Columns("jsonl", fields, ours, label, label_names, taken)


def _label(pairs: Sequence[tuple[str | None, Row]]) -> tuple[str | None, dict[str, str]]:
    """The column of the labels, and what it says where that is not the label itself."""
    labels = {label for label, _ in pairs if label is not None}
    found: list[tuple[bool, bool, str, dict[str, str]]] = []
    for name in dict.fromkeys(name for _, row in pairs for name in row):
        said = _said(pairs, name)
        if said and len(said) <= len(labels):
            found.append((any(key != label for key, label in said.items()), name not in _LIKELY, name, said))
    if not found:
        return None, {}
    _, _, name, said = min(found, key=lambda one: one[:2])
    return name, {key: label for key, label in said.items() if key != label}


def _said(pairs: Sequence[tuple[str | None, Row]], name: str) -> dict[str, str]:
    """What a column says for each label; nothing where it does not tell them."""
    said: dict[str, str] = {}
    for label, row in pairs:
        text = _text(row.get(name))
        if (text is None) != (label is None):
            return {}
        if text is not None and label is not None and said.setdefault(text, label) != label:
            return {}
    return said


def _choices(answers: Sequence[Sequence[str]], rows: Sequence[Row], names: Sequence[str]) -> tuple[str, ...] | None:
    """One column with the list of the answers, or a column for each."""
    for name in names:
        if all(
            isinstance(row[name], list) and row[name] == list(some) for some, row in zip(answers, rows, strict=True)
        ):
            return (name,)
    if len({len(some) for some in answers}) != 1:
        return None
    found = []
    for nth in range(len(answers[0])):
        column = next((name for name in names if _same([some[nth] for some in answers], rows, name)), None)
        if column is None:
            return None
        found.append(column)
    return tuple(found) if len(found) > 1 else None


def _same(values: Sequence[str | None], rows: Sequence[Row], name: str) -> bool:
    return all(value is not None and _text(row[name]) == value for value, row in zip(values, rows, strict=True))


def _text(value: Any) -> str | None:
    """A value of a row as a TOML pack reads it; None for what is no text."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, int, float)) else None


def _our_name(want: str, column: str, column_of: Mapping[str, str]) -> str:
    """The column's name where it can name a field and is nobody else's, else the original's."""
    usable = column.isidentifier() and column.isascii() and column not in _SPECIAL
    alone = list(column_of.values()).count(column) == 1 and column not in column_of
    return column if usable and (alone or column == want) else want


def _without_header(found: Columns, row: Row) -> Columns:
    """Names for the columns of files that name none: those of what is taken from them."""
    given = {column: name for name, column in found.fields.items()}
    if found.label is not None:
        given.setdefault(found.label, "label")
    given |= {column: f"choice_{nth}" for nth, column in enumerate(found.choices, 1) if column not in given}
    columns = {name: given.get(name, f"column_{name}") for name in row}
    return replace(
        found,
        header=False,
        columns=tuple(columns.values()),
        fields={name: columns[column] for name, column in found.fields.items()},
        label=None if found.label is None else columns[found.label],
        choices=tuple(columns[one] for one in found.choices),
    )
