"""What the exhibits share: the source and data of a sound pack, of which an exhibit breaks one thing; a small vocabulary."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from glm_core.checks.run import Report, check_pack
from glm_core.checks.subject import Model
from glm_core.packs_find import path_packs
from glm_core.packs_load import load_pack
from glm_core.testing import tiny_backbone
from glm_core.tokens import Tokenizer

SOUND = """\
import random
from glm_core import BLANK, PVP, Example, JsonlProcessor, Split, Task, hookimpl, metrics, shortenable
from glm_core.pvp import Edges


class Reader(JsonlProcessor):
    labels = ("bad", "good")
    splits = (
        Split("train", "train", ("train.jsonl",)),
        Split("dev", "tune", ("dev.jsonl",)),
        Split("test", "final", ("test.jsonl",), labelled=False),
    )

    def examples(self, row, uid):
        fields = {"text": row["text"]}
        yield Example(row.get("uid", uid), fields, label=row.get("label"), group=row.get("group"))

    def write(self, predictions, split):
        yield "answers.jsonl", "".join('{"label": "%s"}\\n' % one.label for one in predictions)


WORDS = {"bad": "poor", "good": "fine"}
METRICS = {"accuracy": metrics.accuracy}
MORE = {}


@hookimpl
def glm_tasks():
    yield Task(
        "reviews",
        Reader(),
        (
            PVP("it-was", "{text} It was [MASK].", WORDS),
            PVP("all", "All in all it was [MASK]: {text}", WORDS),
        ),
        METRICS,
        **MORE,
    )
"""

_THINGS = "the film was plot dull music bright end slow cast warm song flat light grey"


def rows(split: str, n: int = 10, *, labelled: bool = True) -> list[dict[str, Any]]:
    """Rows with texts of their own, half of each label."""
    made, things = [], _THINGS.split()
    for index in range(n):
        text = f"{things[index % 7]} {things[(3 * index + 1) % 15]} {split} {things[index % 15]}"
        made.append({"text": text, **({"label": ("bad", "good")[index % 2]} if labelled else {})})
    return made


def sound_data() -> dict[str, list[dict[str, Any]]]:
    return {"train.jsonl": rows("train"), "dev.jsonl": rows("dev"), "test.jsonl": rows("test", labelled=False)}


@dataclass(frozen=True)
class Exhibit:
    """A sound pack with something replaced, and what the check says.

    code, message: all that is found. change: text of the module -> text in its place. data: whole files instead of the
    sound ones. at: the line of the module that the finding names, by its beginning; "": some other file, or none.
    """

    code: str
    message: str
    change: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    at: str = ""
    level: str = ""

    def source(self) -> str:
        text = SOUND
        for old, new in self.change.items():
            assert old in text, f"{old!r} is not in the sound pack"
            text = text.replace(old, new)
        return text


_number = count()


def write_data(folder: Path, data: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in data.items():
        (folder / name).write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return folder


def examine(folder: Path, source: str, data: Mapping[str, Any], model: Model, *, whole: bool = False) -> Report:
    """What the checks find in a pack with this source. whole: the packaging too."""
    file = folder / f"exhibit{next(_number)}.py"
    file.write_text(source, encoding="utf-8")
    place = write_data(folder / "data", {**sound_data(), **data})
    with forgotten(file):
        pack = load_pack(path_packs(str(file))[0])
        tasks = None if whole else tuple(pack.tasks)
        return check_pack(pack, tasks=tasks, data={"": [place]}, model=model)


@contextmanager
def forgotten(file: Path) -> Iterator[None]:
    """Take a module that was imported from this file out again."""
    try:
        yield
    finally:
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) == str(file):
                del sys.modules[name]


def line_of(source: str, beginning: str) -> int:
    """The number of the first line that begins so, indentation aside."""
    return next(n for n, line in enumerate(source.splitlines(), 1) if line.strip().startswith(beginning))


_WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] . , : ! ? ' [ ] < > all in it was un unhappy happy joy happi ##ness no way poor fine "
    "great good bad gas mask train dev test so very long"
)


@cache
def vocabulary() -> Tokenizer:
    """A WordPiece vocabulary without capitals: a few whole words, and every other word letter by letter."""
    from glm_core.tokens.libraries import WordPiece
    from glm_core.tokens.special import TokenizerOptions

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    entries = dict.fromkeys([*_WORDS.split(), *_THINGS.split(), *letters, *(f"##{one}" for one in letters)])
    ids = {entry: id for id, entry in enumerate(entries)}
    options = TokenizerOptions(task_mask=True, lowercase=True)
    return WordPiece(ids, options, {"vocab.txt": "\n".join(ids).encode()})


def reads() -> Model:
    """The vocabulary alone: D, T, V and M."""
    return Model(vocabulary(), name="vocabulary")


def weighs(make: Any = tiny_backbone) -> Model:
    """The vocabulary, and a model of two layers: everything."""
    return Model(vocabulary(), make=make, name="tiny")
