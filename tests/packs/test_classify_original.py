"""The patterns and readers of glm-pack-classify against the samples that THUDM/GLM was recorded to make of the same files.

Each pattern of the pack is, token for token, the original's of the same number: 81 files, 348 samples, three vocabularies.
X-Stance's German and some of its French words have several tokens, at which the original broke off; there the row is ours.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from glm_core import DataDir, Example, Split, Task
from glm_core.pvp import Cloze
from glm_core.tokens.encode import encode
from glm_core.tokens.row import unpack
from tests.packs.here import tasks_of
from tests.reference import golden_checks as checks
from tests.reference.golden_rows import GoldenFile, golden_files, golden_rows
from tests.reference.original_patterns import patterns
from tests.reference.original_readers import LABELS
from tests.shared_files import needs_shared

pytestmark = [needs_shared("golden", "superglue", "manifest.json"), needs_shared("specs", "patterns.json")]

TASKS = {  # of the original -> of the pack
    "mnli": "mnli",
    "yahoo": "yahoo",
    "yelp-polarity": "yelp-polarity",
    "yelp-full": "yelp-full",
    "xstance": "xstance",
    "race": "race",
    "squad": "squad-cloze",
}
GROUPS: dict[tuple[str, str], list[GoldenFile]] = {}
for _file in golden_files():
    if _file.task in TASKS:
        GROUPS.setdefault((_file.tokenizer, _file.task), []).append(_file)


def task_of(name: str) -> Task:
    return tasks_of("glm-pack-classify")[TASKS[name]]


@cache
def examples_of(file: GoldenFile, name: str) -> list[Example]:
    path = Path(name)
    processor = task_of(file.task).processor
    return list(processor.read(DataDir(file.folder / path.parent), Split("train", "train", (path.name,))))


def cloze_of(file: GoldenFile, row: checks.Row) -> Cloze:
    example = examples_of(file, row["f"])[row["i"]]
    assert example.uid == str(row["guid"])
    return task_of(file.task).cloze(example, int(file.pattern or 0))


def check(file: GoldenFile, row: checks.Row) -> None:
    tokenizer, cloze = checks.tokenizer_of(file.tokenizer), cloze_of(file, row)
    if "error" in row:
        made = encode(cloze, tokenizer, max_length=row["L"])
        assert file.task == "xstance" and made.words is None
        for answer, one in zip(cloze.answers, unpack(made.row), strict=True):
            goal = [*tokenizer.encode(str(answer)).ids, tokenizer.special.eop]
            assert one.targets[one.target_mask == 1].tolist() == goal
        return
    assert cloze.label_names.index(cloze.gold or "") == row["out"]["label"]
    if row["out"]["text"].ndim == 2:
        checks.check_answers(cloze, row, tokenizer, file.mode)
    else:
        checks.check_words(cloze, row, tokenizer, file.mode)


@pytest.mark.parametrize(("name", "task"), GROUPS, ids=str)
def test_a_published_pattern_is_the_originals_token_for_token(name: str, task: str) -> None:
    for file in GROUPS[name, task]:
        rows = list(golden_rows(file))
        assert len(rows) == file.rows
        for row in rows:
            try:
                check(file, row)
            except AssertionError as error:
                raise AssertionError(f"{file.name} {row['guid']} at length {row['L']}: {error}") from error


def test_every_published_pattern_is_there_with_its_words() -> None:
    for name in TASKS:
        pvps, told = task_of(name).pvps, patterns()[name]
        assert len(pvps) == len(told)
        for number, pvp in enumerate(pvps):
            if "v" in told[str(number)]:
                words = pvp.verbalizer
                assert isinstance(words, dict)
                assert {label: said.strip() for label, said in told[str(number)]["v"].items()} == words
                assert tuple(words) == LABELS[name]
