"""Write a new pack: which files it has, and what stands in them (PACKS 10)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from glm_core.atomic import write_folder
from glm_core.checks.golden import FILE as GOLDEN, update_golden
from glm_core.checks.sources import Sources
from glm_core.checks.subject import Reading, Subject
from glm_core.errors import UsageError
from glm_core.examples import Example
from glm_core.scaffold.fill import as_words, fill, listed, python_quoted, quoted, toml_key
from glm_core.scaffold.markdown import as_markdown
from glm_core.scaffold.names import distribution_of, module_of, word_of
from glm_core.scaffold.samples import Rows, sample_rows
from glm_core.tasks import Task
from glm_core.tomlpack import read_tasks
from glm_core.version import __version__

Style = Literal["toml", "python"]
Kind = Literal["cloze", "generation"]

MANY_LABELS = 6  # more are not asked for by name in a pattern


@dataclass(frozen=True)
class NewPack:
    """What was asked for: names that `names.py` has checked. Without labels its blank is written, not chosen."""

    name: str
    fields: tuple[str, ...]
    labels: tuple[str, ...] = ()
    style: Style = "toml"

    @property
    def kind(self) -> Kind:
        return "cloze" if self.labels else "generation"

    @property
    def samples(self) -> str:
        """The folder of its samples, inside its own."""
        return f"src/{module_of(self.name)}/samples"


def write_pack(asked: NewPack, folder: Path) -> list[str]:
    """Write the pack's folder, whole or not at all; the names of its files.

    Raises UsageError where the folder is there already and not empty.
    """
    rows = sample_rows(asked.fields, asked.labels)
    task = _task(asked)
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is there already and not empty; say --out with another folder, or remove it")
    with write_folder(folder, replace=False) as draft:
        for name, text in _files(asked, rows, task):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8")
        (train, *_) = task.processor.splits
        reading = Reading(train, _examples(asked, rows["train"]), ())
        update_golden(draft / GOLDEN, [_subject(asked, task, reading)])
        return sorted(one.relative_to(draft).as_posix() for one in draft.rglob("*") if one.is_file())


def _subject(asked: NewPack, task: Task, reading: Reading) -> Subject:
    return Subject(task, f"{asked.name}/{task.name}", Sources(()), readings={reading.split.name: reading})


def _files(asked: NewPack, rows: Rows, task: Task) -> Iterator[tuple[str, str]]:
    """(name, text) of every file but the golden prompts."""
    values = {**_values(asked), "patterns": _patterns_shown(asked, rows, task)}
    source = f"src/{module_of(asked.name)}"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        yield name, fill(name, values)
    yield ".gitignore", fill("gitignore", values)
    yield ".github/workflows/test.yml", fill("test.yml", values)
    yield ".github/workflows/publish.yml", fill("publish.yml", values)
    yield "tests/test_pack.py", fill("test_pack.py", values)
    yield f"{source}/__init__.py", fill(f"init-{asked.style}.py", values)
    if asked.style == "toml":
        yield f"{source}/pack.toml", fill(f"{asked.kind}.toml", values)
    else:
        yield f"{source}/task.py", fill(f"{asked.kind}.py", values)
        yield f"{source}/py.typed", ""
    for split, some in rows.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some)
        yield f"{asked.samples}/{split}.jsonl", lines


def _task(asked: NewPack) -> Task:
    """The task, as the TOML file says it; the Python file says the same in other words, and a test compares them."""
    text = fill(f"{asked.kind}.toml", _values(replace(asked, style="toml")))
    (task,) = read_tasks(text, "pack.toml")
    return task


def _values(asked: NewPack) -> dict[str, str]:
    """Everything that the templates ask for, but the patterns as a README shows them."""
    module, toml = module_of(asked.name), asked.style == "toml"
    major, minor, *_ = __version__.split(".")
    columns = [f"`{one}`" for one in (*asked.fields, "label" if asked.labels else "target")]
    sentence = _sentence(asked)
    return {
        "pack": asked.name,
        "distribution": distribution_of(asked.name),
        "module": module,
        "entry": f"{module}:pack" if toml else module,
        "pin": f"glm-core>={major}.{minor},<{int(major) + 1}",
        "data_files": ", ".join(map(quoted, ("pack.toml" if toml else "py.typed", "samples/*.jsonl"))),
        "where": "the data, the words and the patterns in `pack.toml`"
        if toml
        else "the reader and the patterns in `task.py`",
        "samples": asked.samples,
        "sentence": sentence,
        "summary": quoted(sentence),
        "files": ", ".join(f"`{split}.jsonl`" for split in ("train", "dev", "test")),
        "columns": f"{', '.join(columns[:-1])} and {columns[-1]}",
        **(_in_toml(asked) if toml else _in_python(asked, sentence)),
    }


def _in_toml(asked: NewPack) -> dict[str, str]:
    patterns = _patterns(asked)
    return {
        "labels": listed([quoted(one) for one in asked.labels], "[]", before=len("labels = ")),
        "fields": ", ".join(f"{one} = {quoted(one)}" for one in asked.fields),
        "words": "\n".join(f"{toml_key(one)} = [{quoted(word_of(one))}]" for one in asked.labels),
        "pvps": "\n".join(f"{name} = {quoted(text)}" for name, text in patterns.items()),
    }


def _in_python(asked: NewPack, sentence: str) -> dict[str, str]:
    say, four = python_quoted, " " * 4
    words = [f"{four}{say(one)}: {say(word_of(one))}," for one in asked.labels]
    pvps = [[say(name), say(text), *(["WORDS"] if asked.labels else [])] for name, text in _patterns(asked).items()]
    return {
        "summary_python": say(sentence),
        "labels": listed([say(one) for one in asked.labels], "()", indent=four, before=len("    labels = ")),
        "fields": ", ".join(f'"{one}": row["{one}"]' for one in asked.fields),
        "words": "\n".join(words),
        "pvps": "\n".join(f"{four}PVP{listed(one, '()', indent=four, before=len('    PVP,'))}," for one in pvps),
    }


def _sentence(asked: NewPack) -> str:
    """What the task asks, until somebody says it better."""
    if not asked.labels:
        return "What is to be written for each example?"
    if len(asked.labels) > MANY_LABELS:
        return f"Which of {len(asked.labels)} labels does an example have?"
    return f"Which label does an example have: {', '.join(asked.labels[:-1])} or {asked.labels[-1]}?"


def _patterns(asked: NewPack) -> dict[str, str]:
    """Three ways to put the question that fit any labels; two for a text that is to be written."""
    texts = " ".join(f"{{{field}}}" for field in asked.fields)
    if not asked.labels:
        return {"in-short": f"{texts} In short: [sMASK]", "answer": f"{texts} Answer: [MASK]"}
    *others, last = (as_words(word_of(label)) for label in asked.labels)
    asks = f"{', '.join(others)} or {last}?" if len(asked.labels) <= MANY_LABELS else "which label fits?"
    return {
        "answer": f"{texts} Answer: [MASK].",
        "question": f"{texts} Question: {asks} Answer: [MASK].",
        "answer-first": f"Answer: [MASK]. {texts}",
    }


def _patterns_shown(asked: NewPack, rows: Rows, task: Task) -> str:
    (example, *_) = _examples(asked, rows["train"])
    return "".join(as_markdown(task, task.cloze(example, pvp.name)) + "\n" for pvp in task.pvps)


def _examples(asked: NewPack, rows: Sequence[Mapping[str, str]]) -> tuple[Example, ...]:
    """The rows of the training split as its reader will read them."""
    return tuple(
        Example(
            f"train-{number}",
            {field: row[field] for field in asked.fields},
            label=row.get("label"),
            target=row.get("target"),
        )
        for number, row in enumerate(rows)
    )
