"""The pack's table of contents, its recipes, and the metrics of its tasks."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields

import pytest

from glm_core import Prediction, TrainConfig
from glm_core.config import EvalConfig, resolve
from glm_tasks.superglue import record
from tests.shared_files import needs_shared, shared
from tests.tasks.superglue.written import TASKS, examples, predicted

KNOWN = {one.name for one in fields(TrainConfig)} | {one.name for one in fields(EvalConfig)} | {"pattern"}

# pattern and epochs of the single-node script and of the 10B script, length and batch (SUPERGLUE section 8)
TABLE = {
    "copa": (0, 50, 100, 256, 16),
    "wsc": (2, 50, 100, 128, 16),
    "wsc-generate": (0, 50, 100, 128, 16),
    "rte": (0, 50, 50, 256, 16),
    "wic": (1, 30, 40, 256, 16),
    "cb": (3, 50, 100, 256, 16),
    "multirc": (0, 15, 12, 512, 64),
    "boolq": (4, 20, 24, 256, 16),
    "record": (0, 5, 3, 512, 64),
}


def test_the_tasks_of_the_pack():
    assert list(TASKS) == [
        *("boolq", "cb", "copa", "multirc", "record", "rte", "wic", "wsc", "wsc-generate", "wsc-yes-no"),
        *("ax-b", "ax-g", "few-boolq", "few-cb", "few-copa", "few-multirc", "few-record", "few-rte", "few-wic"),
        *("few-wsc", "few-wsc-generate"),
    ]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_can_be_sent_to_another_process(name: str):
    task = TASKS[name]
    again = pickle.loads(pickle.dumps(task))
    assert [one.name for one in again.pvps] == [one.name for one in task.pvps]


@pytest.mark.parametrize("name", TASKS)
def test_recipes_name_options_and_patterns_that_there_are(name: str):
    task = TASKS[name]
    for values in (task.recommended, *task.recipes.values()):
        assert set(values) <= KNOWN
        assert task.pvp(values["pattern"]).name == values["pattern"]
        resolve(TrainConfig, task=values)
        resolve(EvalConfig, task=values)
    assert len({one.name for one in task.pvps}) == len(task.pvps)


@pytest.mark.parametrize("name", TABLE)
def test_recipes_are_the_published_ones(name: str):
    pattern, single, large, max_length, batch_size = TABLE[name]
    task = TASKS[name]
    values = task.advice("single-node")
    assert values == task.recommended
    assert (values["pattern"], values["epochs"]) == (task.pvps[pattern].name, single)
    assert (values["max_length"], values["batch_size"]) == (max_length, batch_size)
    assert (values["learning_rate"], values["warmup"], values["weight_decay"], values["decay_to"]) == (
        1e-5,
        0.1,
        0.1,
        0.1,
    )
    values = task.advice("10b")
    assert (values["pattern"], values["epochs"]) == (task.pvps[0].name, large)
    assert (values["batch_size"], values["learning_rate"], values["weight_decay"], values["beta2"]) == (
        64,
        5e-6,
        0.01,
        0.95,
    )
    assert task.advice("10b-prompt")["pattern"] == task.pvps[pattern].name
    assert task.advice("10b-prompt")["soft_tokens"] == 3


def test_winograd_learns_with_the_published_objectives():
    assert TASKS["wsc"].recommended["objective"] == "mixed"
    assert TASKS["wsc"].recommended["length_penalty"] == 1.0
    assert TASKS["wsc-generate"].recommended["objective"] == "lm"


def test_few_shot_tasks_have_pets_setting():
    for name, task in TASKS.items():
        if name.startswith("few-"):
            values = task.advice("few-shot")
            assert (values["steps"], values["batch_size"], values["warmup"], values["decay_to"]) == (250, 16, 0.0, 0.0)
            assert values["max_length"] == TASKS[name.removeprefix("few-")].recommended["max_length"]


@pytest.mark.parametrize("name", [name for name in TASKS if not name.startswith("few-")])
def test_metrics_take_perfect_constant_and_no_predictions(name: str):
    task = TASKS[name]
    found = examples(name, "dev")
    perfect = [
        Prediction(one, label=one.label, text=one.choices[int(one.label or 0)] if name == "record" else "")
        for one in found
    ]
    for metric in task.metrics.values():
        assert not isinstance(metric(perfect), Mapping)
        assert metric([]) == 0.0
        assert -1.0 <= metric(predicted(found, [found[0].label] * len(found))) <= 1.0
    first = next(iter(task.metrics.values()))
    assert first(perfect) == pytest.approx(1.0)


def test_gender_parity_looks_at_pairs():
    found = examples("ax-g", "test")
    labels = ["entailment", "not_entailment", "not_entailment", "not_entailment"]
    assert TASKS["ax-g"].metrics["gender_parity"](predicted(found, labels)) == 0.5


@needs_shared("golden", "superglue", "metrics.json")
def test_record_gives_the_numbers_of_the_original():
    from glm_core import Split

    recorded = json.loads(shared("golden", "superglue", "metrics.json").read_text(encoding="utf-8"))
    data = record.task.processor.open(str(shared("data", "fewglue", "FewGLUE_32dev")))
    found = {one.uid: one for one in record.task.processor.read(data, Split("dev", "tune", ("train.jsonl",)))}
    rows = [one for one in recorded if one["metric"] == "record"]
    assert len(rows) == 3
    for one in rows:
        said = [
            Prediction(found[uid], label=str(at), text=found[uid].choices[at])
            for uid, at in zip(one["guids"], one["pred"], strict=True)
        ]
        assert record.task.metrics["em"](said) * 100 == pytest.approx(one["em"])
        assert record.task.metrics["f1"](said) * 100 == pytest.approx(one["f1"])


def test_the_table_of_contents_is_dry():
    code = (
        "import sys; from glm_tasks.superglue.plugin import glm_tasks; list(glm_tasks()); "
        "print([name for name in ('torch', 'numpy', 'sklearn', 'unidecode', 'jsonlines') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
