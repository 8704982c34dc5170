"""A file of labelled rows, a pattern and words: a task in the making, which is written down as a pack in TOML."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

from glm_core.atomic import write_text
from glm_core.data import DataDir
from glm_core.errors import DataError, UsageError, did_you_mean
from glm_core.packs_check import check_blanks
from glm_core.pvp import PVP
from glm_core.templates import Field, Template, error_at
from glm_core.toml_data import SPECIAL_FIELDS
from glm_core.toml_file import BARE_KEY, quoted
from glm_core.toml_processor import Format, TomlProcessor, as_text

PATTERN = "given"  # what the only pattern is called
_ROLES = {"train": "train", "dev": "tune", "test": "final"}
_FILE_NAME = re.compile(r"(.+)\.([^.]+?)(?:\.(?:gz|xz|bz2))?\Z", re.IGNORECASE)

Row = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A task made of a file: what its `pack.toml` will say, and its rows divided into splits.

    format: of the files that were read and will be written.
    fields: the columns that the pattern reads, by the names it gives them.
    rows: of each split, as they were read, with their labels.
    recommended: options that are to be the task's advice.
    """

    name: str
    format: Format
    pattern: str
    words: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, str]
    label_column: str
    rows: Mapping[str, Sequence[tuple[Row, str]]] = field(default_factory=dict, repr=False)
    recommended: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many rows of each split have which label."""
        found = {split: Counter(label for _, label in rows) for split, rows in self.rows.items()}
        return {split: {label: of_label[label] for label in self.words} for split, of_label in found.items()}

    def write(self, path: Path) -> None:
        """Write the pack to `path`, and its data into a folder beside it.

        What is there already and says the same is left as it is. Raises UsageError where it says something else.
        """
        folder = f"{path.stem}-data"
        texts = {path.parent / folder / f"{split}.{self.format}": self._table(split) for split in self.rows}
        texts[path] = self.toml(folder)  # last: what it names is there
        for place, text in texts.items():
            if place.exists() and not (place.is_file() and place.read_bytes() == text.encode("utf-8")):
                raise UsageError(f"{place}: is there already and says something else; choose another --save")
        for place, text in texts.items():
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                write_text(place, text)

    def toml(self, folder: str) -> str:
        """The content of the `pack.toml`, with its data in `folder`."""
        task = f"task.{_key(self.name)}"
        fields = {**self.fields, "label": self.label_column}
        lines = [
            f"[{task}]",
            f"labels = {_list(self.words)}",
            'metrics = ["accuracy", "f1_macro"]',
            f"format = {quoted(self.format)}",
            f"fields = {{ {', '.join(f'{ours} = {quoted(theirs)}' for ours, theirs in fields.items())} }}",
            f"\n[{task}.splits]",
        ]
        for split in self.rows:
            file = quoted(f"{folder}/{split}.{self.format}")
            lines.append(f"{split} = {{ role = {quoted(_ROLES[split])}, files = [{file}] }}")
        lines.append(f"\n[{task}.words]")
        lines += [f"{_key(label)} = {_list(words)}" for label, words in self.words.items()]
        lines += [f"\n[{task}.patterns]", f"{PATTERN} = {quoted(self.pattern)}"]
        if self.recommended:
            lines.append(f"\n[{task}.recommended]")
            lines += [f"{key} = {_value(value)}" for key, value in self.recommended.items()]
        return "\n".join(lines) + "\n"

    def _table(self, split: str) -> str:
        rows = [row for row, _ in self.rows[split]]
        if self.format == "jsonl":
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        lines = [list(rows[0]), *(list(row.values()) for row in rows)]
        if self.format == "tsv":
            return "".join("\t".join(line) + "\n" for line in lines)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        return text.getvalue()


def draft(
    file: str | Path,
    pattern: str,
    words: Mapping[str, Sequence[str]],
    *,
    label_column: str = "label",
    test: str | Path | None = None,
    dev_share: float = 0.2,
    seed: int = 1,
    recommended: Mapping[str, Any] | None = None,
) -> Draft:
    """The task that a file of labelled rows makes with a pattern over its columns and words for its labels.

    The file is tsv, csv or jsonl and names its columns. A share of each label's rows, drawn from the seed, is held out to
    choose on. test: a second file of the same kind.

    Raises TemplateError with a caret for a pattern that does not parse or asks for a column that is not there; DataError
    with the line for a row that does not fit; UsageError for everything else.
    """
    if len(words) < 2:
        raise UsageError("--words: give at least two labels, as in --words pos=great --words neg=terrible")
    if not 0 < dev_share < 1:
        raise UsageError(f"--dev-share is a share of the rows, above 0 and below 1; got {dev_share:g}")
    kind, name = _kind_and_name(file)
    if test is not None and _kind_and_name(test)[0] != kind:
        raise UsageError(f"--test {test}: wants a .{kind} file, as {file} is")
    pvp = PVP(PATTERN, pattern, {label: tuple(several) for label, several in words.items()})
    check_blanks(pvp, "cloze")
    assert pvp.template is not None
    made = Draft(
        name=name,
        format=kind,
        pattern=pattern,
        words={label: tuple(several) for label, several in words.items()},
        fields=_fields(pvp.template, _columns(kind, file, label_column), label_column, file),
        label_column=label_column,
        recommended=recommended or {},
    )
    rows = _read(made, file)
    held_out = hold_out([label for _, label in rows], dev_share, seed)
    if not held_out:
        raise UsageError(f"{file}: has no label with two rows, so none can be held out to choose on; give more rows")
    splits = {
        "train": [one for index, one in enumerate(rows) if index not in held_out],
        "dev": [one for index, one in enumerate(rows) if index in held_out],
    }
    if test is not None:
        splits["test"] = _read(made, test)
    return replace(made, rows=splits)


def hold_out(labels: Sequence[str], share: float, seed: int) -> set[int]:
    """Which rows to choose on: this share of each label's, at least one and never all, drawn from the seed."""
    rng = random.Random(seed)
    chosen: set[int] = set()
    for label in sorted(set(labels)):
        rows = [index for index, one in enumerate(labels) if one == label]
        chosen.update(rng.sample(rows, min(max(1, round(share * len(rows))), len(rows) - 1)))
    return chosen


def _kind_and_name(file: str | Path) -> tuple[Format, str]:
    """The format and the task's name, as the file's name tells them."""
    found = _FILE_NAME.match(Path(file).name)
    if found is None or found[2].lower() not in get_args(Format):
        raise UsageError(f"{file}: give a .tsv or .csv with a header row, or a .jsonl")
    name = re.sub(r"[^a-z0-9.]+", "-", found[1].lower()).strip("-.")
    return cast(Format, found[2].lower()), name or "task"


def _open(kind: Format, file: str | Path, **more: Any) -> tuple[TomlProcessor, DataDir, Iterator[Row]]:
    """What reads the rows, what knows where it is in the file, and the rows."""
    path = Path(file)
    if not path.parent.is_dir() or not DataDir(path.parent).has(path.name):
        raise UsageError(f"{file}: {'is a folder; give a file' if path.is_dir() else 'there is no such file'}")
    reader, data = TomlProcessor(format=kind, splits=(), **{"texts": {}, **more}), DataDir(path.parent)
    return reader, data, reader.rows(data, path.name)


def _columns(kind: Format, file: str | Path, label_column: str) -> tuple[str, ...]:
    """The columns that the first row has. Raises DataError where the labels' is none of them."""
    first = next(_open(kind, file)[2], None)
    if first is None:
        raise DataError("has no rows" if kind == "jsonl" else "has no rows below its header", file=file)
    if label_column not in first:
        near = did_you_mean(label_column, first) or "; name the one with the labels: --label-column NAME"
        has = "its first row has" if kind == "jsonl" else "its first row, which names the columns, has"
        raise DataError(f"no column '{label_column}' ({has} {', '.join(first)}){near}", file=file)
    return tuple(first)


def _fields(template: Template, columns: Sequence[str], label_column: str, file: str | Path) -> dict[str, str]:
    """The columns that the pattern asks for, by the names it gives them; `{Review_Text}` is the column "Review Text".

    Raises TemplateError with a caret.
    """
    plain = {re.sub(r"\W", "_", one, flags=re.ASCII): one for one in columns if one != label_column}
    fields: dict[str, str] = {}
    for node in template.nodes:
        if not isinstance(node, Field):
            continue
        wrong = ""
        if node.name == label_column:
            wrong = f"column '{label_column}' holds the labels, which are asked for"
        elif node.name not in plain:
            wrong = f"{file} has no column '{node.name}' (it has {', '.join(columns)}){did_you_mean(node.name, plain)}"
        elif node.name in SPECIAL_FIELDS:
            wrong = f"'{node.name}' has a meaning of its own in packs; give the column another name"
        if wrong:
            raise error_at(template.source, (node.at[0] + 1, node.at[0] + 1 + len(node.name)), wrong, PATTERN)
        fields[node.name] = plain[node.name]
    if not fields:
        example = next(iter(plain), "text")
        raise UsageError(
            f"--pattern '{template.source}' reads no column of {file}; write {{{example}}} where text goes"
        )
    return fields


def _read(made: Draft, file: str | Path) -> list[tuple[Row, str]]:
    """The rows of a file, each of them sound, with their labels. Raises DataError with the line."""
    column = made.label_column
    reader, data, rows = _open(made.format, file, texts=made.fields, labels=tuple(made.words), label=column)
    found = []
    for row in rows:
        said = as_text(row.get(column), column, data)
        if column in row and said not in made.words:
            if not said:
                raise data.error(f"column '{column}' is empty here; give the row a label, or remove it")
            near = did_you_mean(said, made.words) or f"; add --words {said}=…, or remove the row"
            raise data.error(f"label '{said}' has no words (--words gives {', '.join(made.words)}){near}")
        found.append((row, str(reader.example(row, "row", data).label)))
    if not found:
        raise DataError("has no rows below its header", file=file)
    return found


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else quoted(name)


def _list(texts: Sequence[str] | Mapping[str, Any]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)
