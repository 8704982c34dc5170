"""Every pattern reads as the original's does: the same parts, places and answers, on recorded and hand-written rows.

The original's patterns come from their machine-readable table through a slow second reader (`tests/reference`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from glm_core import Example, Part, Split, Task, Text
from glm_core.pvp import Cloze
from glm_tasks.superglue import boolq, cb, copa, diagnostics, multirc, record, rte, wic, wsc
from tests.reference.original_patterns import original_pvp, patterns
from tests.reference.original_readers import read
from tests.shared_files import needs_shared, shared

REAL = shared("data", "fewglue", "FewGLUE_32dev")
WRITTEN = shared("golden", "superglue", "synth_data")

TASKS: dict[str, tuple[Task, str]] = {
    "rte": (rte.task, "RTE/train.jsonl"),
    "cb": (cb.task, "CB/train.jsonl"),
    "boolq": (boolq.task, "BoolQ/train.jsonl"),
    "wic": (wic.task, "WiC/train.jsonl"),
    "copa": (copa.task, "COPA/train.jsonl"),
    "multirc": (multirc.task, "MultiRC/train.jsonl"),
    "record": (record.task, "ReCoRD/train.jsonl"),
    "wsc": (wsc.generate, "WSC/train.jsonl"),
    "ax-b": (diagnostics.ax_b, "AX-b/AX-b.jsonl"),
    "ax-g": (diagnostics.ax_g, "AX-g/AX-g.jsonl"),
}
# our index, the original's number, and whether P-tuning is on
CASES = [
    (name, index, str(index), soft)
    for name, n in (
        *(("rte", 5), ("cb", 5), ("boolq", 6), ("wic", 3), ("multirc", 5)),
        *(("record", 1), ("wsc", 3), ("ax-b", 5), ("ax-g", 5)),
    )
    for index in range(n)
    for soft in (True, False)
]
# the original's COPA 2 and 3 without P-tuning are one pattern, our third; 2 with P-tuning is our second
CASES += [("copa", index, str(index), soft) for index in (0, 1) for soft in (True, False)]
CASES += [("copa", 2, "2", True), ("copa", 3, "2", False)]


def ours(task: Task, file: Path) -> list[Example]:
    role = "final" if file.parent.name.startswith("AX") else "train"
    return list(task.processor.read(task.processor.open(str(file.parent)), Split("train", role, (file.name,))))


def theirs(name: str, file: Path) -> list[Example]:
    return [replace(example, label=None) for example in read(name, file)]


def pieces(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """The parts with fixed words that stand side by side as one: where they are cut makes no difference to a reader."""
    told = [
        ("cut" if one.cut else "fixed", one.text) if isinstance(one, Text) else (type(one).__name__, "")
        for one in parts
    ]
    joined = []
    for kind, group in groupby(told, key=lambda piece: piece[0]):
        texts = [text for _, text in group]
        joined += [("fixed", "".join(texts))] if kind == "fixed" else [(kind, text) for text in texts]
    return joined


def shown(cloze: Cloze) -> list[list[tuple[str, str]]]:
    return [pieces(parts) for parts in cloze.texts or (cloze.parts,)]


def pairs(name: str, file: Path) -> list[tuple[Example, Example]]:
    mine, original = ours(TASKS[name][0], file), theirs(name, file)
    if name == "record":  # theirs has one example per question; ours one per answer, with the same text
        of_question = {one.uid: one for one in original}
        return [(one, of_question[one.uid.rpartition("-")[0]]) for one in mine]
    assert [one.uid for one in mine] == [one.uid for one in original]
    return list(zip(mine, original, strict=True))


@needs_shared("specs", "patterns.json")
@needs_shared("golden", "superglue", "synth_data")
@pytest.mark.parametrize(("name", "index", "number", "soft"), CASES)
def test_a_pattern_reads_as_in_the_original(name: str, index: int, number: str, soft: bool):
    task, file = TASKS[name]
    pvp = original_pvp(name, number, soft_places=soft)
    compared = 0
    for folder in (REAL, WRITTEN):
        for example, original in pairs(name, folder / file) if (folder / file).exists() else ():
            got, wanted = task.cloze(replace(example, label=None), index), pvp.cloze(original)
            assert shown(got) == shown(wanted)
            if name == "record":  # the recorded candidates are compared elsewhere
                assert got.answers == tuple(f" {one}" for one in example.choices)
            elif name == "wsc":
                assert got.answers == (f" {original['span1']}",)
            else:
                assert got.answers == wanted.answers
                assert got.labels == wanted.labels
            compared += 1
    assert compared >= 3


@needs_shared("specs", "patterns.json")
def test_there_is_a_pattern_for_every_number_of_the_original():
    for name, (task, _) in TASKS.items():
        numbers = [number for number in patterns()[name] if number != "2r"]
        # pattern 3 of COPA is 2 under another number
        assert len(task.pvps) == len(numbers) + (name == "copa")


@needs_shared("golden", "superglue", "synth_data")
def test_winograd_candidates_are_answers_in_the_order_of_the_original():
    file = WRITTEN / "WSC-negative" / "train.jsonl"
    mine = ours(wsc.task, file)
    original = read("wsc", file, negatives=True)
    assert [wsc.task.cloze(one).answers for one in mine] == [
        tuple(f" {choice}" for choice in one.choices) for one in original
    ]
    assert [wsc.task.cloze(one).gold for one in mine] == ["True"] * len(original)
