"""The official files are all read, with as many examples as they should have."""

from __future__ import annotations

import pytest

from tests.shared_files import needs_shared, shared
from tests.tasks.superglue.written import TASKS

# train, dev, test; of BoolQ and ReCoRD only a part of the official files is there
COUNTS = {
    "boolq": (69, 3270, 3245),
    "cb": (250, 56, 250),
    "copa": (2 * 400, 100, 500),
    "multirc": (27243, 4848, 9693),
    "rte": (2490, 277, 3000),
    "wic": (5428, 638, 1400),
    "wsc-generate": (259, 104, 146),
    "wsc-yes-no": (554, 104, 146),
    "ax-b": (2490, 277, 1104),
    "ax-g": (2490, 277, 356),
}


@needs_shared("data", "superglue")
@pytest.mark.parametrize("name", COUNTS)
def test_the_official_files_have_their_examples(name: str):
    task = TASKS[name]
    data = task.processor.open(str(shared("data", "superglue")))
    found = {split.name: task.read(data, split) for split in task.processor.splits}
    assert tuple(len(found[split]) for split in ("train", "dev", "test")) == COUNTS[name]
    for examples in found.values():
        for index in range(len(task.pvps)):
            for example in examples[:20]:
                task.cloze(example, index)


@needs_shared("data", "superglue")
def test_every_winograd_example_has_another_candidate():
    task = TASKS["wsc"]
    data = task.processor.open(str(shared("data", "superglue")))
    for split, n_rows in (("train", 259), ("dev", 104), ("test", 146)):
        examples = task.read(data, split)
        assert len({one.meta["idx"] for one in examples}) == n_rows
        assert all(one.meta["others"] for one in examples)


@needs_shared("data", "superglue", "ReCoRD")
def test_record_has_an_example_per_query_when_it_is_evaluated():
    task = TASKS["record"]
    data = task.processor.open(str(shared("data", "superglue")))
    for split in ("dev", "test"):
        n_queries = sum(len(row["qas"]) for name in task.processor.split(split).files for row in data.jsonl(name))
        assert len(task.read(data, split)) == n_queries
    for example in task.read(data, "train"):
        assert 1 <= len(example.choices) <= 10
        assert example.choices[0] in example.meta["answers"]


@needs_shared("data", "fewglue")
def test_few_shot_files_have_their_examples():
    folders = [
        shared("data", "fewglue", "FewGLUE_32dev"),
        shared("data", "fewglue", "FewGLUE"),
        shared("data", "superglue"),
    ]
    for name, task in TASKS.items():
        if not name.startswith("few-"):
            continue
        data = task.processor.open(*map(str, folders))
        train, dev = task.read(data, "train"), task.read(data, "dev32")
        rows = {
            example.meta["idx"][0] if isinstance(example.meta["idx"], tuple) else example.meta["idx"]
            for example in train
        }
        assert len(rows - {-1}) == 32
        assert len(dev) == (167 if name == "few-multirc" else 32)
        assert not {one.uid.partition("-")[2] for one in train} & {one.uid.partition("-")[2] for one in dev}
