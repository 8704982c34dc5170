"""What is this pack's own: its splits, the stories it leaves out, its metric."""

from collections import Counter
from pathlib import Path

import pytest

from glm_core import Example, Prediction
from glm_pack_headlines.overlap import shared, word_overlap
from glm_pack_headlines.task import split_of, task

SAMPLES = str(Path(__file__).parents[1] / "src" / "glm_pack_headlines" / "samples")


def said(text: str, target: str | None) -> Prediction:
    return Prediction(Example("e", {"story": ""}, target=target), text=text)


def test_every_story_with_a_text_is_in_one_split() -> None:
    data = task.processor.open(SAMPLES)
    found = {one.name: task.read(data, one) for one in task.processor.splits}
    assert {name: len(some) for name, some in found.items()} == {"train": 16, "dev": 4, "test": 4}
    uids = [one.uid for some in found.values() for one in some]
    assert len(set(uids)) == 24 and "story-5" not in uids  # which has a headline and no text


def test_about_one_story_of_twenty_is_for_choosing_and_one_for_the_end() -> None:
    counts = Counter(split_of(f"https://example.org/{number}") for number in range(20_000))
    assert counts == {"train": 17_923, "dev": 1_037, "test": 1_040}


def test_overlap_by_pencil() -> None:
    assert shared("The lost goat", "Lost goat finds her way", 1) == pytest.approx(2 * 2 / (3 + 5))
    assert shared("The lost goat", "Lost goat finds her way", 2) == pytest.approx(2 * 1 / (2 + 4))
    assert shared("goat goat goat", "goat, goat", 1) == pytest.approx(2 * 2 / (3 + 2))
    assert shared("", "goat", 1) == shared("Ziege", "goat", 1) == shared("goat", "goat", 2) == 0.0
    assert word_overlap([said("a b", "a b"), said("c", "d e"), said("unlabelled", None)]) == {
        "words": 0.5,
        "pairs": 0.5,
    }
    assert word_overlap([]) == {"words": 0.0, "pairs": 0.0}
