"""What a `pack.toml` says about its data: format, columns, splits, and which column becomes what (PACKS 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from glm_core.data import DataDir
from glm_core.errors import did_you_mean
from glm_core.examples import Role, Split
from glm_core.pvp import PVP
from glm_core.tasks import Kind
from glm_core.templates import Field, error_at
from glm_core.toml_processor import Format, TomlProcessor
from glm_core.toml_table import Table

SPECIAL_FIELDS = ("uid", "label", "target", "group", "choices")


def read_processor(
    told: Table,
    *,
    kind: Kind,
    labels: tuple[str, ...],
    value_range: tuple[float, float] | None,
    pvps: Sequence[PVP],
    home: Path | None,
) -> TomlProcessor:
    """The reader that a task's table describes, and whether its patterns get all they ask for. Raises TomlError."""
    format: Format = told.one_of("format", get_args(Format)) or "jsonl"  # type: ignore[assignment]
    header, columns = _header(told, format)
    splits = _splits(told)
    fields = told.table("fields")
    if fields is None:
        raise told.error(
            "fields",
            f'{told.name} has no fields; write fields = {{ text = "…", label = "…" }}: our names = its columns',
        )
    special = {name: _columns_of(fields, name) for name in SPECIAL_FIELDS}
    texts = {name: fields.text(name) or "" for name in fields.values if name not in SPECIAL_FIELDS}
    for name in texts:
        if not (name.isidentifier() and name.isascii()) or name in ("soft", "split"):
            raise fields.error(name, f"'{name}' cannot name a field; use letters, digits and _, and not soft or split")
    for name, column in ((one, column) for one in fields.values for column in _columns_of(fields, one)):
        if columns and column not in columns:
            raise fields.error(
                name, f"no column '{column}' (columns are {', '.join(columns)}){did_you_mean(column, columns)}"
            )
    _check_special(told, fields, kind, format, splits)
    optional = _check_pattern_fields(told, fields, texts, pvps)
    return TomlProcessor(
        format=format,
        splits=splits,
        texts=texts,
        labels=labels,
        header=header,
        columns=columns,
        optional=optional,
        uid=next(iter(special["uid"]), None),
        label=next(iter(special["label"]), None),
        group=next(iter(special["group"]), None),
        choices=special["choices"],
        target=special["target"],
        label_names=_label_names(told, labels, special["choices"]),
        value_range=value_range,
        bundled=_beside(home, splits),
    )


def _beside(home: Path | None, splits: Sequence[Split]) -> str | None:
    """The file's own folder, if one of the data files lies there too."""
    if home is None or not home.is_dir():
        return None
    here = DataDir(home)
    return str(home) if any(here.has(name) for split in splits for name in split.files) else None


def _header(told: Table, format: Format) -> tuple[bool, tuple[str, ...]]:
    if format == "jsonl":
        for key in ("header", "columns"):
            if key in told.values:
                raise told.error(key, f"'{key}' is for tsv and csv; rows of jsonl name their own columns")
    header, columns = told.flag("header") is not False, told.texts("columns") or ()
    if header and columns:
        raise told.error("columns", "columns are for files without a header row; write header = false as well")
    if not header and not columns:
        raise told.error("header", 'a file without a header row wants its columns named; write columns = ["…", "…"]')
    return header, columns


def _splits(told: Table) -> tuple[Split, ...]:
    table = told.table("splits")
    if table is None or not table.values:
        raise told.error(
            "splits",
            f"{told.name} has no splits; add [{told.name}.splits] with train = "
            '{ role = "train", files = ["train.jsonl"] }',
        )
    splits = []
    for name in table.values:
        one = table.table(name)
        assert one is not None
        one.only(("role", "files", "labelled"))
        role, files = one.one_of("role", get_args(Role)), one.texts("files")
        if role is None:
            raise one.error(None, f'split \'{name}\' has no role; add role = "train", "tune", "final" or "unlabeled"')
        if not files:
            raise one.error("files", f"split '{name}' has no files; add files = [\"…\"], relative to --data")
        for index, file in enumerate(files):
            if file.startswith(("/", "~", "\\")) or file[1:2] == ":" or not file:
                raise told.file.error(
                    (*one.path, "files", index), f"{file!r} is no file below --data; write it relative"
                )
        labelled = one.flag("labelled")
        splits.append(Split(name, role, files, role != "unlabeled" if labelled is None else labelled))  # type: ignore[arg-type]
    return tuple(splits)


def _columns_of(fields: Table, name: str) -> tuple[str, ...]:
    several = name in ("choices", "target")
    found = fields.text_or_texts(name) if several else tuple(filter(None, (fields.text(name),)))
    if found == () and name in fields.values:
        raise fields.error(name, f"fields.{name} names no column")
    return found or ()


def _check_special(told: Table, fields: Table, kind: Kind, format: Format, splits: Sequence[Split]) -> None:
    wanted = "label" if kind == "cloze" else "target"
    if wanted not in fields.values and any(one.labelled for one in splits):
        raise told.error(
            "fields",
            f"fields has no '{wanted}', so nothing can be learnt or measured; add {wanted} = \"…\", the column it stands "
            "in, or say labelled = false for every split",
        )
    if kind == "cloze" and "target" in fields.values:
        raise fields.error("target", "fields.target is for kinds generation and lm; a cloze has a label")
    if kind != "cloze":
        for name in ("label", "choices"):
            if name in fields.values:
                raise fields.error(name, f"fields.{name} is for cloze tasks; kind {kind} has a target")
    if format != "jsonl" and isinstance(fields.values.get("choices"), str):
        raise fields.error("choices", f'a column of {format} holds one text; write choices = ["…", "…"]')


def _check_pattern_fields(told: Table, fields: Table, texts: Mapping[str, str], pvps: Sequence[PVP]) -> frozenset[str]:
    """The fields that a row may lack, because every pattern says what to write instead. Raises TomlError."""
    patterns = told.table("patterns")
    assert patterns is not None
    needed, used = set(), set()
    for pvp in pvps:
        template = pvp.template
        assert template is not None
        for node in template.nodes:
            if not isinstance(node, Field):
                continue
            used.add(node.name)
            if node.default is None:
                needed.add(node.name)
            if node.name not in texts:
                near = did_you_mean(node.name, texts)
                if node.name in SPECIAL_FIELDS and node.name in fields.values:
                    near = f"; fields.{node.name} is no text of the example, give its column a second name"
                span = (node.at[0] + 1, node.at[0] + 1 + len(node.name))
                has = ", ".join(texts) or "no texts"
                error = error_at(template.source, span, f"no field '{node.name}' (fields has {has}){near}", pvp.name)
                raise patterns.error(pvp.name, str(error))
    return frozenset(used - needed)


def _label_names(told: Table, labels: Sequence[str], choices: Sequence[str]) -> dict[str, str]:
    table = told.table("label_names")
    if table is None:
        return {}
    names = {said: table.text(said) or "" for said in table.values}
    for said, label in names.items():
        if labels and label not in labels:
            raise table.error(
                said, f"'{label}' is no label (there are {', '.join(labels)}){did_you_mean(label, labels)}"
            )
        if choices and not label.isdecimal():
            raise table.error(said, f'\'{label}\' is no label; choices are labelled "0", "1", … in their order')
    return names
