"""The task that a port becomes: as a TOML file where that says everything, else as Python around the original classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

from glm_core import PVP, Task, metrics
from glm_core.errors import GlmError
from glm_core.scaffold.fill import listed, python_quoted, quoted, toml_key
from glm_core.templates import parse
from glm_core.tomlpack import read_tasks
from glm_pack_legacy.columns import Columns, find_columns, renamed
from glm_pack_legacy.examples import TEXTS, fields_of, to_example, to_original
from glm_pack_legacy.original import Original
from glm_pack_legacy.porting import Port, Ported
from glm_pack_legacy.runtime import LegacyAnswers, LegacyPattern, LegacyProcessor

_TEMPLATES = Path(__file__).parent / "template"
_CHINESE = re.compile("[\u4e00-\u9fff]")
_MANY_LABELS = 6

Words = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Form:
    """A task and the text of the file that describes it.

    names: the original's field -> the pack's, where they differ. why_python: why it is no TOML file.
    """

    kind: str
    task: Task
    text: str
    names: Mapping[str, str]
    why_python: str = ""


class _File(Template):
    delimiter = "%%"


def fill_own(template: str, values: Mapping[str, str]) -> str:
    """The text of a template of this pack with its values."""
    return _File((_TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")).substitute(values)


def choose_form(port: Port, name: str, data: Path) -> Form:
    """The task `name`: in TOML if its patterns are templates and its reader only takes columns from rows."""
    found = _in_toml(port, name, data)
    return found if isinstance(found, Form) else _in_python(port, name, why=found)


def in_names_of(form: Form, port: Port) -> Port:
    """A port with its templates as the pack has them."""
    patterns = (
        replace(one, template=renamed(one.template, form.names)) if one.template else one for one in port.patterns
    )
    return replace(port, patterns=tuple(patterns))


def sentence(port: Port) -> str:
    """What the task asks, until somebody says it better."""
    labels = port.classes.labels
    if all(one.words is None for one in port.done):
        return "Which answer fits?"
    if not 1 < len(labels) <= _MANY_LABELS:
        return f"Which of {len(labels)} labels does an example have?"
    return f"Which label does an example have: {', '.join(labels[:-1])} or {labels[-1]}?"


# ---- TOML


def _in_toml(port: Port, name: str, data: Path) -> Form | str:
    """The TOML form, or why there is none."""
    behind = next((one for one in port.done if one.how == "python"), None)
    if behind is not None:
        return f"{behind.name} asks it as well"
    choosing = [one for one in port.done if one.words is None]
    if choosing and (port.choices_of is None or len(choosing) < len(port.done)):
        return "its answers have labels of their own"
    if len({one.combine for one in port.done}) > 1:
        return "its patterns take words of a label together in different ways"
    wanted = tuple(dict.fromkeys(field for one in port.done for field in parse(one.template or "").fields))
    choices = [[_answers(port, one) for one in read.originals] for read in port.reads] if choosing else None
    columns = find_columns(port.reads, data, wanted=wanted, choices=choices)
    if isinstance(columns, str):
        return columns
    text = _toml_text(port, name, columns)
    try:
        (task,) = read_tasks(text, "pack.toml")
        different = _read_differently(port, task, columns, data)
    except GlmError as error:
        return str(error).partition("\n")[0]
    names = {theirs: ours for theirs, ours in columns.names.items() if theirs != ours}
    return different or Form("toml", task, text, names)


def _read_differently(port: Port, task: Task, columns: Columns, data: Path) -> str:
    """The first example that the TOML file reads otherwise than the original; nothing where there is none."""
    for read in port.reads:
        examples = task.read(task.processor.open(data), read.split.name)
        if len(examples) != len(read.originals):
            return f"split '{read.split.name}' has {len(read.originals)} examples, its rows are {len(examples)}"
        for example, one in zip(examples, read.originals, strict=True):
            known = fields_of(one)
            same = all(example.fields[ours] == known.get(theirs) for theirs, ours in columns.names.items())
            label = to_example(one, labelled=read.split.labelled).label
            if not same or example.label != label:
                return f"{one.guid} reads otherwise in the rows than the original reads it"
    return ""


def _answers(port: Port, one: Any) -> list[str]:
    assert port.choices_of is not None
    example = to_example(one, labelled=True)
    found = port.classes.answers(to_original(example, one.label), port.choices_of)
    return [answer.strip() for answer in found or ()]


def _toml_text(port: Port, name: str, columns: Columns) -> str:
    done, labels = port.done, port.classes.labels
    words = done[0].words
    tables = ""
    if columns.label_names:
        said = "".join(f"{toml_key(key)} = {quoted(label)}\n" for key, label in columns.label_names.items())
        tables += f"\n# What the files say where that is not the label.\n[task.{name}.label_names]\n{said}"
    if words is not None:
        tables += f"\n# What may fill the blank.\n[task.{name}.words]\n{_toml_words(words)}"
    own = [one for one in done[1:] if one.words is not None and one.words != words]
    fields = [f"{ours} = {quoted(column)}" for ours, column in columns.fields.items()]
    fields += [f"label = {quoted(columns.label)}"] if columns.label is not None else []
    if columns.choices:
        fields.append(f"choices = {listed(list(map(quoted, columns.choices)), '[]')}")
    header = f"header = false\ncolumns = {listed(list(map(quoted, columns.columns)), '[]')}\n"
    return (
        fill_own(
            "pack.toml",
            {
                "pack": name,
                "pvp": port.classes.pvp.__name__,
                "processor": port.classes.processor.__name__,
                "summary": quoted(sentence(port)),
                "languages": f"[{quoted(language(port))}]",
                "labels": f"labels = {listed(list(map(quoted, labels)), '[]')}\n" if words is not None else "",
                "metrics": '["accuracy", "f1_macro"]' if words is not None else '["accuracy"]',
                "format": quoted(columns.format),
                "header": "" if columns.header else header,
                "fields": ", ".join(fields),
                "combine": f"combine = {quoted(done[0].combine)}\n" if done[0].combine != "mean" else "",
                "splits": "\n".join(_toml_split(one.split) for one in port.reads),
                "tables": tables,
                "patterns": "\n".join(
                    f"{one.name} = {quoted(renamed(one.template or '', columns.names))}" for one in done
                ),
                "own_words": "".join(
                    f"\n[task.{name}.words_for.{one.name}]\n{_toml_words(one.words or {})}" for one in own
                ).rstrip(),
            },
        ).rstrip()
        + "\n"
    )


def _toml_words(words: Words) -> str:
    return "".join(f"{toml_key(label)} = {listed(list(map(quoted, some)), '[]')}\n" for label, some in words.items())


def _toml_split(split: Any) -> str:
    files = listed(list(map(quoted, split.files)), "[]")
    unlabelled = "" if split.labelled else ", labelled = false"
    return f"{split.name} = {{ role = {quoted(split.role)}, files = {files}{unlabelled} }}"


# ---- Python


def _in_python(port: Port, name: str, *, why: str) -> Form:
    original = packed(port, "")
    fields = _fields(port)
    reader = LegacyProcessor(
        replace(port.classes.original, pvp=original.pvp, processor=original.processor, spaces=original.spaces),
        tuple(one.split for one in port.reads),
        port.classes.labels,
        fields,
        port.choices_of,
    )
    pvps = tuple(_pvp(port, one, reader.original) for one in port.done)
    has_words = any(one.words is not None for one in port.done)
    used = {"accuracy": metrics.accuracy, **({"f1_macro": metrics.f1_macro} if has_words else {})}
    task = Task(name, reader, pvps, used, summary=sentence(port))
    return Form("python", task, _python_text(port, name, original, reader, has_words), {}, why)


def packed(port: Port, folder: str) -> Original:
    """The original as a pack holds it: its files below `original/`, its classes by name."""
    classes = port.classes
    return replace(
        classes.original,
        folder=folder,
        files=tuple((dotted, place_of(dotted, path)) for dotted, path in classes.files.files.items()),
        pvp=classes.pvp.__name__,
        processor=classes.processor.__name__,
        spaces=classes.spaces,
    )


def place_of(dotted: str, path: Path) -> str:
    """Where a file lies in a pack's `original/`, so that it is still imported by its name."""
    place = dotted.replace(".", "/")
    return f"{place}/__init__.py" if path.name == "__init__.py" else f"{place}.py"


def _pvp(port: Port, one: Ported, original: Original) -> PVP:
    pattern: Any = one.template if one.how == "template" else LegacyPattern(original, one.id)
    return PVP(one.name, pattern, _verbalizer(port, one, original), combine=one.combine)


def _verbalizer(port: Port, one: Ported, original: Original) -> Any:
    """Words, or None for the example's own choices, or the original's answers where those are not the same."""
    if one.words is not None:
        return one.words
    return None if one.how == "template" and port.choices_of is not None else LegacyAnswers(original, one.id)


def _fields(port: Port) -> tuple[str, ...]:
    """The fields that the templates ask for, and the two texts."""
    asked = [name for one in port.done if one.how == "template" for name in parse(one.template or "").fields]
    there = [
        name for name in TEXTS if any(name in fields_of(one) for read in port.reads for one in read.originals[:20])
    ]
    return tuple(dict.fromkeys((*there, *asked)))


def _python_text(port: Port, name: str, original: Original, reader: LegacyProcessor, has_words: bool) -> str:
    say = python_quoted
    tables: dict[str, Words] = {}
    pvps = []
    runtime = {"LegacyProcessor"}
    for one in port.done:
        arguments = [say(one.name)]
        if one.how == "template":
            arguments.append(say(one.template or ""))
        else:
            arguments.append(f"LegacyPattern(ORIGINAL, {one.id})")
            runtime.add("LegacyPattern")
        if one.words is not None:
            known = next((key for key, words in tables.items() if words == one.words), None)
            table = known or ("WORDS" if not tables else f"WORDS_{one.id}")
            tables.setdefault(table, one.words)
            arguments.append(table)
        elif isinstance(_verbalizer(port, one, original), LegacyAnswers):
            arguments.append(f"LegacyAnswers(ORIGINAL, {one.id})")
            runtime.add("LegacyAnswers")
        if one.combine != "mean":
            arguments.append(f"combine={say(one.combine)}")
        pvps.append(f"    PVP{listed(arguments, '()', indent='    ', before=len('    PVP,'))},")
    return fill_own(
        "task.py",
        {
            "pack": name,
            "pvp": original.pvp,
            "processor": original.processor,
            "runtime": ", ".join(sorted(runtime)),
            "original": "\n".join(_original_lines(original)),
            "words": "".join(_python_words(table, words) for table, words in tables.items()),
            "pvps": "\n".join(pvps),
            "reader": "\n".join(_reader_lines(reader)),
            "metrics": '{"accuracy": metrics.accuracy, "f1_macro": metrics.f1_macro}'
            if has_words
            else '{"accuracy": metrics.accuracy}',
            "summary": say(sentence(port)),
        },
    )


def _original_lines(original: Original) -> list[str]:
    files = [f"({python_quoted(dotted)}, {python_quoted(place)})" for dotted, place in original.files]
    lines = [f"    {_tuple(files, 4)},  # the name each is imported by, and where it lies"]
    lines += [f"    pvp={python_quoted(original.pvp)},", f"    processor={python_quoted(original.processor)},"]
    lines.append(f"    spaces={python_quoted(original.spaces or '')},")
    if original.args:
        lines.append(f"    args={_tuple([repr(one) for one in original.args], 9)},")
    if original.choices:
        lines.append(f"    choices={_tuple(list(map(python_quoted, original.choices)), 12)},")
    return lines


def _reader_lines(reader: LegacyProcessor) -> list[str]:
    splits = []
    for one in reader.splits:
        files = _tuple(list(map(python_quoted, one.files)), 40)
        unlabelled = "" if one.labelled else ", labelled=False"
        splits.append(f"            Split({python_quoted(one.name)}, {python_quoted(one.role)}, {files}{unlabelled}),")
    lines = ["        (", *splits, "        ),"]
    lines.append(f"        labels={_tuple(list(map(python_quoted, reader.labels)), 16, indent=8)},")
    lines.append(f"        fields={_tuple(list(map(python_quoted, reader.fields)), 16, indent=8)},")
    if reader.choices_of is not None:
        lines.append(f"        choices_of={reader.choices_of},  # the pattern whose answers are an example's choices")
    return lines


def _python_words(name: str, words: Words) -> str:
    lines = []
    for label, some in words.items():
        value = (
            python_quoted(some[0]) if len(some) == 1 else listed(list(map(python_quoted, some)), "[]", indent="    ")
        )
        lines.append(f"    {python_quoted(label)}: {value},\n")
    return f"{name} = {{\n{''.join(lines)}}}\n\n"


def _tuple(values: Sequence[str], before: int, *, indent: int = 4) -> str:
    """A tuple as Python writes it, on one line or a value on each."""
    if not values:
        return "()"
    if len(values) == 1:
        return f"({values[0]},)"
    return listed(values, "()", indent=" " * indent, before=before)


def language(port: Port) -> str:
    """Chinese where most samples have Chinese characters, else English."""
    chinese = sum(any(_CHINESE.search(text) for text in one.fields.values()) for one in port.samples)
    return "zh" if 2 * chinese > len(port.samples) else "en"
