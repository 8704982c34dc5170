"""Classes of old, ported into a temporary folder by the command itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from glm_core import Task
from glm_core.cli.flags import Parser
from glm_core.pack import Pack
from glm_core.packs_find import path_packs
from glm_core.packs_load import load_pack
from glm_pack_legacy import command

HERE = Path(__file__).parent
_NUMBER = count(1)


@dataclass(frozen=True)
class Done:
    """What the command said and wrote. code: its exit code."""

    code: int
    report: Mapping[str, Any]
    folder: Path
    name: str
    text: str = field(default="", repr=False)

    @property
    def patterns(self) -> dict[int, Mapping[str, Any]]:
        return {one["id"]: one for one in self.report["patterns"]}

    @property
    def templates(self) -> dict[int, str]:
        """The templates that were accepted."""
        return {id: one["template"] for id, one in self.patterns.items() if one["how"] == "template"}

    @property
    def pack(self) -> Pack:
        (found,) = [load_pack(one) for one in path_packs(str(self.folder))]
        assert found.status == "ok", found.message
        return found

    @property
    def task(self) -> Task:
        return self.pack.tasks[self.name]

    def file(self, name: str) -> str:
        """A file of the pack; `*` for its module's folder."""
        return (self.folder / name.replace("*", f"src/glm_pack_{self.name.replace('-', '_')}")).read_text("utf-8")


Port = Callable[..., Done]


@pytest.fixture
def port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Port]:
    """`port("pet_reviews.py", data="reviews")`: a file of `old/`, or the text of one, ported with `--json`.

    data: a folder of `data/`, or rows by the names of their files.
    """
    names: list[str] = []

    def run(*files: str | Path, data: str | Mapping[str, Any], more: tuple[str, ...] = (), plain: bool = False) -> Done:
        name = f"old-{next(_NUMBER)}"
        names.append(name)
        folder = tmp_path / f"glm-pack-{name}"
        words = [
            *(str(written(one, tmp_path)) for one in files),
            "--data",
            str(rows(data, tmp_path)),
            "--out",
            str(folder),
        ]
        parser = Parser(prog="glm port")
        command.add_arguments(parser)
        code = command.run(parser.parse_args([*words, *more, *(() if plain else ("--json",))]))
        out = capsys.readouterr().out
        return Done(code, {} if plain else json.loads(out), folder, name, out)

    yield run
    for name in names:
        module = f"glm_pack_{name.replace('-', '_')}"
        for one in [one for one in sys.modules if one.partition(".")[0] == module]:
            del sys.modules[one]


def written(file: str | Path, folder: Path) -> Path:
    """A file of `old/`, one that is there, or a text written into a file."""
    if isinstance(file, Path):
        return file
    if "\n" not in file:
        return HERE / "old" / file
    place = folder / f"classes_{next(_NUMBER)}.py"
    place.write_text(dedent(file), encoding="utf-8")
    return place


def rows(data: str | Mapping[str, Any], folder: Path) -> Path:
    """A folder of `data/`, or a new one with these files: rows of JSON, or text."""
    if isinstance(data, str):
        return HERE / "data" / data
    place = folder / f"data-{next(_NUMBER)}"
    place.mkdir()
    for name, content in data.items():
        text = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
        (place / name).write_text(text, encoding="utf-8")
    return place


def pet(get_parts: str, *, words: str = '{"neg": ["bad"], "pos": ["good"]}[label]', head: str = "", **more: str) -> str:
    """The text of a file for PET with this body of `get_parts` and this answer of `verbalize`."""
    return _FILE.format(
        head=head,
        base="PVP",
        parts=indent(dedent(get_parts).strip(), " " * 8),
        words=words,
        pvp=more.get("pvp", "from pet.pvp import PVP"),
        tasks=more.get("tasks", "from pet.tasks import DataProcessor"),
        labels=more.get("labels", '["neg", "pos"]'),
        meta=more.get("meta", "{key: row[key] for key in row if key not in ('a', 'b', 'label')}"),
        rest=more.get("rest", ""),
    )


def glm(get_parts: str, **more: str) -> str:
    """The same for the original GLM."""
    found = {"words": '{"neg": [" bad"], "pos": [" good"]}[label]', **more}
    return pet(
        get_parts,
        pvp="from tasks.superglue.pvp import PVP",
        tasks="from tasks.superglue.dataset import DataProcessor",
        **found,
    )


_FILE = """import json
import os
import string

{pvp}
{tasks}
from pet.utils import InputExample
{head}


class MyProcessor(DataProcessor):
    def get_train_examples(self, data_dir):
        with open(os.path.join(data_dir, "train.jsonl"), encoding="utf8") as f:
            rows = [json.loads(line) for line in f]
        return [
            InputExample("train-%d" % i, row["a"], row.get("b"), row.get("label"), meta={meta})
            for i, row in enumerate(rows)
        ]

    def get_labels(self):
        return {labels}


class MyPVP({base}):
    def get_parts(self, example):
{parts}

    def verbalize(self, label):
        return {words}

{rest}
"""

ROWS = [
    {"a": "The pond froze in May.", "b": "Was it cold?", "label": "pos"},
    {"a": "nobody came; they waited (in vain)", "b": "did many come", "label": "neg"},
    {"a": "Two {curly} braces and a [MASK]!", "b": "What of them?!", "label": "neg"},
    {"a": "Seven of ten agreed", "b": "All agreed.", "label": "pos"},
]
"""Rows for the files that `pet` and `glm` write."""
