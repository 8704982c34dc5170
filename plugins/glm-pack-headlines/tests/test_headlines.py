"""What is this pack's own: its splits, the stories it leaves out, its metric."""

from collections import Counter
from pathlib import Path

import pytest

from glm_core import DataError, Example, Prediction, Split
from glm_pack_headlines.task import FILE, split_of, task, too_long

SAMPLES = str(Path(__file__).parents[1] / "src" / "glm_pack_headlines" / "samples")


def said(text: str) -> Prediction:
    return Prediction(Example("e", {"story": ""}, target="A headline"), text=text)


def test_every_story_with_a_text_is_in_one_split() -> None:
    data = task.processor.open(SAMPLES)
    found = {one.name: task.read(data, one) for one in task.processor.splits}
    assert {name: len(some) for name, some in found.items()} == {"train": 16, "dev": 4, "test": 4}
    uids = [one.uid for some in found.values() for one in some]
    assert len(set(uids)) == 24 and "story-5" not in uids  # which has a headline and no text


def test_stories_that_want_a_headline_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"short_description": "A goat ran home."}\n', encoding="utf-8")
    new = Split("predict", "final", ("new.jsonl",), labelled=False)
    (example,) = task.read(task.processor.open(str(tmp_path)), new)
    assert (example["story"], example.target) == ("A goat ran home.", None)
    (tmp_path / FILE).write_text('{"short_description": "A goat ran home."}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"json:1: no field 'headline' \(this row has short_description\)"):
        task.read(task.processor.open(str(tmp_path)), "dev")


def test_about_one_story_of_twenty_is_for_choosing_and_one_for_the_end() -> None:
    counts = Counter(split_of(f"https://example.org/{number}") for number in range(20_000))
    assert counts == {"train": 17_923, "dev": 1_037, "test": 1_040}


def test_a_headline_of_more_than_sixteen_words_is_too_long() -> None:
    assert too_long([said("word " * 16), said("word " * 17), said(""), said("word " * 40)]) == 0.5
    assert too_long([]) == 0.0
    assert too_long.lower_is_better
