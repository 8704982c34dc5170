"""What was asked: the command that asks for it again, and where two askings differ."""

import json
from dataclasses import replace

import pytest

from glm_core.config import EvalConfig, TrainConfig, read_config_file, resolve
from glm_core.generation_config import GenerationConfig
from glm_core.runs.asked import Asked, first_difference

ASKED = Asked(
    task="films/reviews",
    revision=1,
    pattern="it-was",
    method="cloze",
    seed=3,
    model="tiny",
    data=("data", "more"),
    train="train",
    tune="dev",
    config=TrainConfig(learning_rate=2e-5, deterministic=False),
    evaluation=EvalConfig(batch_tokens=512),
    origin={"learning_rate": "flags", "deterministic": "flags", "batch_tokens": "flags"},
)


def told(asked: Asked) -> dict:
    return json.loads(json.dumps(asked.as_dict("out")))


def test_the_command_asks_for_the_same():
    assert " ".join(ASKED.command("out/run")) == (
        "glm finetune films/reviews --model tiny --data data --data more --out out/run --seed 3 --pattern it-was "
        "--train-split train --split dev --learning-rate 2e-05 --no-deterministic --batch-tokens 512"
    )


def test_the_command_says_what_the_task_advised_and_what_a_flag_put_back_to_the_default():
    advised = replace(ASKED, config=TrainConfig(), origin={"epochs": "task", "warmup": "flags"})
    command = advised.command("out")
    assert "--epochs 20.0 --warmup 0.1" in " ".join(command)


def test_a_classifiers_command_names_its_head_and_what_was_said_about_the_model():
    asked = replace(ASKED, method="classifier", pool="last", head="mine:Head", model_options={"preset": "large"})
    command = " ".join(asked.command("out"))
    assert "--model tiny --preset large --data data" in command
    assert "--method classifier --pool last --head mine:Head" in command
    assert "--pattern" not in command


def test_a_run_file_can_be_given_back_as_config(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(ASKED.as_dict("out")))
    values = read_config_file(path)
    assert resolve(TrainConfig, file=values)[0] == ASKED.config
    assert resolve(EvalConfig, file=values)[0] == ASKED.evaluation


def test_the_same_asking_has_no_difference():
    assert first_difference(told(ASKED), told(replace(ASKED, data=("elsewhere",), origin={}))) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "films/other"}, "task films/reviews, not films/other"),
        ({"revision": 2}, "revision 1, not 2"),
        ({"pattern": "just"}, "--pattern it-was, not just"),
        ({"method": "classifier"}, "--method cloze, not classifier"),
        ({"seed": 4}, "--seed 3, not 4"),
        ({"model": "large"}, "--model tiny, not large"),
        ({"pool": "last"}, "--pool cls, not last"),
        ({"head": "mine:Head"}, "--head nothing, not mine:Head"),
        ({"train": "few"}, "--train-split train, not few"),
        ({"tune": "dev32"}, "--split dev, not dev32"),
        ({"config": TrainConfig(learning_rate=1e-5, deterministic=False)}, "--learning-rate 2e-05, not 1e-05"),
        ({"evaluation": EvalConfig(batch_tokens=64)}, "--batch-tokens 512, not 64"),
    ],
)
def test_the_first_difference_is_named_by_its_flag(change, words):
    assert first_difference(told(ASKED), told(replace(ASKED, **change))) == words


def test_a_run_of_another_kind_differs():
    assert first_difference({"corpus": "x"}, told(ASKED)) == "task nothing, not films/reviews"


WRITES = replace(ASKED, generation=GenerationConfig(max_tokens=32, beams=5, seed=3))


def test_how_a_task_writes_is_asked_for_again():
    command = " ".join(WRITES.command("out"))
    assert "--batch-tokens 512 --beams 5 --max-tokens 32" in command
    assert command.count("--seed") == 1


def test_a_run_file_that_is_given_back_writes_alike(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(WRITES.as_dict("out")))
    values = read_config_file(path)
    # one name with two defaults stays out of the table, where nobody set it: both are what they were
    assert not {"length_penalty", "max_length"} & set(values)
    assert resolve(TrainConfig, file=values)[0] == WRITES.config
    written = resolve(GenerationConfig, file=values)[0]
    assert replace(written, batch_tokens=WRITES.generation.batch_tokens) == WRITES.generation


def test_another_way_of_writing_is_another_asking():
    other = replace(WRITES, generation=replace(WRITES.generation, beams=1))
    assert first_difference(told(WRITES), told(other)) == "--beams 5, not 1"
