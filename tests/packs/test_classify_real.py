"""The readers of glm-pack-classify on real files, as far as they are at hand: every row is read, every pattern applies."""

from __future__ import annotations

from collections import Counter

import pytest

from glm_core import DataDir, Split
from tests.packs.here import tasks_of
from tests.shared_files import needs_shared, shared

TASKS = tasks_of("glm-pack-classify")

# task, folder, split -> examples; two thousand rows at most, every tenth, are held out of a training file
COUNTS = {
    ("mnli", "glue", "train"): 8_999,
    ("mnli", "glue", "dev"): 1_000,
    ("yelp-full", "text_classification", "train"): 1_795 - 179,
    ("yelp-full", "text_classification", "dev"): 179,
    ("yelp-full", "text_classification", "test"): 1_000,
    ("yelp-polarity", "text_classification", "train"): 1_755 - 175,
    ("yelp-polarity", "text_classification", "dev"): 175,
    ("yelp-polarity", "text_classification", "test"): 800,
}


@needs_shared("data", "glue", "MNLI")
@needs_shared("data", "text_classification")
@pytest.mark.parametrize(("name", "folder", "split"), COUNTS, ids=str)
def test_every_row_of_the_published_files_is_read(name: str, folder: str, split: str) -> None:
    task = TASKS[name]
    examples = task.read(task.processor.open(str(shared("data", folder))), split)
    assert len(examples) == COUNTS[name, folder, split]
    labels = Counter(one.label for one in examples)
    assert labels.keys() == set(task.processor.labels)
    for pvp in task.pvps:
        for one in examples[:200]:
            assert str(task.cloze(one, pvp.name)).count("[MASK]") == 1


@needs_shared("data", "squad", "dev-v1.1.json")
def test_squad_in_its_first_version_has_the_same_form() -> None:
    task = TASKS["squad-cloze"]
    found = task.read(DataDir(shared("data", "squad")), Split("dev", "tune", ("dev-v1.1.json",)))
    assert (len(found), len({one.group for one in found})) == (10_570, 2_067)
    assert all(one.choices[0] in one["context"] for one in found)
