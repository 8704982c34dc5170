"""The pack reads the published files, and its patterns read as they should."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

import glm_pack_agnews
from glm_core import Task, metrics
from glm_core.testing import PackConformance

SAMPLES = Path(glm_pack_agnews.__file__).parent / "samples"
TASKS: dict[str, Task] = {task.name: task for task in glm_pack_agnews.pack.glm_tasks()}
WORDS = ("World", "Sports", "Business", "Tech")


class TestPack(PackConformance):
    """Every check of `glm check`."""

    pack = str(Path(__file__).parents[1])
    data: ClassVar = {name: SAMPLES / name for name in TASKS}


def read(name: str, split: str) -> list:
    task = TASKS[name]
    return task.read(task.processor.open(SAMPLES / name), split)


def test_the_pack_offers_two_tasks() -> None:
    assert list(TASKS) == ["agnews", "agnews-few"]
    for task in TASKS.values():
        assert task.metrics == {"accuracy": metrics.accuracy, "f1_macro": metrics.f1_macro}
        assert task.citation and task.license


def test_rows_of_the_published_file_have_topic_title_and_text() -> None:
    examples = read("agnews", "train")
    assert [one.label for one in examples] == ["World", "Sports", "Business", "Sci/Tech", "World"]
    assert examples[1].fields == {
        "title": "Obi wins in Lagos",
        "text": 'The 19-year-old saved two match points, "barely".',
    }
    assert [one.uid for one in read("agnews", "test")] == ["test-0", "test-1"]


def test_the_unlabeled_split_has_the_training_texts_and_no_labels() -> None:
    train, unlabeled = read("agnews", "train"), read("agnews", "unlabeled")
    assert [one.fields for one in unlabeled] == [one.fields for one in train]
    assert {one.label for one in unlabeled} == {None}


def test_the_few_shot_file_counts_its_topics_from_zero() -> None:
    assert [one.label for one in read("agnews-few", "train")] == ["World", "Sports", "Business", "Sci/Tech"]
    assert [one["text"] for one in read("agnews-few", "dev")] == ["New chip sips power.", "Late goal saves Hask."]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("colon", "[MASK]: New chip sips power It runs a year."),
        ("news", "[MASK] News: New chip sips power It runs a year."),
        ("in-brackets", "New chip sips power ([MASK]) It runs a year."),
        ("at-the-end", "New chip sips power It runs a year. ([MASK])"),
        ("category", "[ Category:[MASK]] New chip sips power It runs a year."),
        ("dash", "[MASK] - New chip sips power It runs a year."),
    ],
)
def test_the_patterns_read_as_they_should(pattern: str, text: str) -> None:
    task = TASKS["agnews"]
    example = read("agnews", "dev")[0]
    cloze = task.cloze(example, pattern)
    assert str(cloze) == text
    assert tuple(answer.strip() for answer in cloze.answers) == WORDS
    assert cloze.gold == "Sci/Tech"


@pytest.mark.parametrize("name", list(TASKS))
def test_every_pattern_has_a_word_for_every_topic_and_text_that_may_be_cut(name: str) -> None:
    task = TASKS[name]
    for pvp in task.pvps:
        for example in read(name, "train"):
            cloze = task.cloze(example, pvp.name)
            assert cloze.label_names == task.processor.labels
            assert any(getattr(part, "cut", None) for part in cloze.parts)
