"""What may change a score is written down, and a change is found."""

import copy
import types
from dataclasses import replace

import pytest
import torch

from glm_core import hookimpl
from glm_core.examples import Example
from glm_core.parts import BLANK
from glm_core.plugins import isolated_packs
from glm_core.pvp import PVP
from glm_core.runs.manifest import (
    about_model,
    about_pattern,
    first_change,
    full_name,
    make_manifest,
    weights_fingerprint,
)
from tests.core.runs.fakes import ToyBackbone, reviews_task, write_reviews


def manifest(folder, task=None, backbone=None, pattern="it-was"):
    task = task or reviews_task()
    data = task.processor.open(str(folder))
    used = [(task.processor.split(name), task.read(data, name)) for name in ("train", "dev")]
    facts = make_manifest(task, data, used, pattern=pattern, method="cloze", seed=1, max_length=64)
    return {**facts, **about_model(backbone or ToyBackbone(), "toy")}


def test_everything_that_may_change_a_score_is_there(tmp_path):
    found = manifest(write_reviews(tmp_path))
    assert found["task"]["name"] == "reviews"
    assert found["task"]["pattern"]["text"] == "{review} It was [MASK]."
    assert found["task"]["pattern"]["words"] == {"bad": ["terrible", "bad"], "good": ["great", "good"]}
    assert found["task"]["splits"]["dev"]["role"] == "tune"
    assert found["task"]["splits"]["train"]["n"] == 8
    assert sorted(found["data"]) == ["dev.jsonl", "train.jsonl"]
    assert found["model"]["tokenizer"] == "toy-1"
    assert found["versions"]["torch"] == torch.__version__
    assert found["device"]["type"] == "cpu"


def test_the_same_files_elsewhere_are_the_same_data(tmp_path):
    one = manifest(write_reviews(tmp_path / "a"))
    other = manifest(write_reviews(tmp_path / "b" / "deeper"))
    assert one == other
    assert first_change(one, other) is None


def test_a_changed_data_file_is_found(tmp_path):
    before = manifest(write_reviews(tmp_path))
    after = manifest(write_reviews(tmp_path, dev=8))
    assert first_change(before, after) == "data file dev.jsonl has changed since"


def test_another_reading_of_the_same_file_is_found(tmp_path):
    before = manifest(write_reviews(tmp_path))
    after = copy.deepcopy(before)
    after["task"]["splits"]["dev"].update(contents="other", n=7)
    assert first_change(before, after) == "split 'dev' reads differently now (6 examples then, 7 now)"


@pytest.mark.parametrize(
    "changed",
    [
        PVP("it-was", "{review} It is [MASK].", {"bad": ["terrible", "bad"], "good": ["great", "good"]}),
        PVP("it-was", "{review} It was [MASK].", {"bad": ["terrible"], "good": ["great", "good"]}),
        PVP(
            "it-was", "{review} It was [MASK].", {"bad": ["terrible", "bad"], "good": ["great", "good"]}, combine="max"
        ),
    ],
)
def test_a_changed_prompt_is_found(tmp_path, changed):
    before = manifest(write_reviews(tmp_path))
    after = manifest(tmp_path, task=reviews_task(pvps=(changed,)))
    assert first_change(before, after) == "pattern 'it-was' has another text or other words now"


def test_another_model_is_found(tmp_path):
    before = manifest(write_reviews(tmp_path))
    assert first_change(before, manifest(tmp_path, backbone=ToyBackbone(seed=5))) == "the model is another one now"


def test_a_fingerprint_of_weights_sees_either_end_of_a_tensor():
    module = torch.nn.Linear(300, 40)
    before = weights_fingerprint(module)
    assert weights_fingerprint(module) == before
    with torch.no_grad():
        module.weight[-1, -1] += 1
    assert weights_fingerprint(module) != before
    assert weights_fingerprint(module.to(torch.bfloat16)) != before


def test_a_pattern_function_is_told_by_its_source_and_compared_by_what_it_makes():
    def shouted(example):
        return [example["review"].upper(), BLANK]

    def shouted_again(example):
        parts = [example["review"].upper()]
        return [*parts, BLANK]

    def whispered(example):
        return [example["review"].lower(), BLANK]

    samples = [Example("x", {"review": "Fine"})]
    one, same, other = (
        about_pattern(reviews_task(pvps=(PVP("p", made, {"bad": "no", "good": "yes"}),)), "p", samples)
        for made in (shouted, shouted_again, whispered)
    )
    assert "upper()" in one["text"]
    assert one["hash"] == same["hash"] != other["hash"]


def test_a_classifier_is_compared_by_the_texts_that_it_reads():
    samples = [Example("x", {"review": "Fine"})]
    plain = about_pattern(reviews_task(), None, samples)
    shorter = about_pattern(reviews_task(segments=lambda ex: [[ex["review"][:2]]]), None, samples)
    assert plain["name"] == shorter["name"] == "plain"
    assert plain["hash"] != shorter["hash"]


def test_the_pack_that_brought_the_task_is_named(tmp_path):
    task = reviews_task()

    @hookimpl
    def glm_tasks():
        return [task]

    plugin = types.ModuleType("films")
    plugin.glm_tasks = glm_tasks  # type: ignore[attr-defined]
    with isolated_packs(plugin):
        found = manifest(write_reviews(tmp_path), task=task)
        assert full_name(task) == "films/reviews"
        assert found["task"]["name"] == "films/reviews"
        assert found["packs"][0]["name"] == "films"
        assert full_name(replace(task, summary="my own")) == "reviews"
