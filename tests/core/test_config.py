"""Configs: declared once, settled from several sources, checked wherever a value comes from."""

from __future__ import annotations

import dataclasses

import pytest

from glm_core.config import (
    EvalConfig,
    ModelConfig,
    TrainConfig,
    as_dict,
    defaults,
    read_config_file,
    resolve,
    unknown_keys,
)
from glm_core.errors import UsageError

CONFIGS = (ModelConfig, TrainConfig, EvalConfig)


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_option_has_a_default_and_a_sentence_of_help(kind) -> None:
    assert defaults(kind) == as_dict(kind())
    for one in dataclasses.fields(kind):
        assert one.metadata["help"].strip(), one.name


@pytest.mark.parametrize("kind", CONFIGS)
def test_configs_are_frozen(kind) -> None:
    one = dataclasses.fields(kind)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), one.name, one.default)


def test_keys_of_other_configs_are_passed_over_and_unknown_ones_are_found() -> None:
    config, origin = resolve(EvalConfig, task={"max_length": 64, "learning_rate": 1.0})
    assert config.max_length == 64 and origin["max_length"] == "task" and "learning_rate" not in origin
    with pytest.raises(UsageError, match=r"run\.toml: unknown option 'max_lenght'; did you mean 'max_length'"):
        unknown_keys({"batch_size": 1, "max_lenght": 2}, TrainConfig, EvalConfig, where="run.toml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": "1.5"}, "--steps is a whole number; got '1.5'"),
        ({"steps": True}, "--steps is a whole number; got True"),
        ({"epochs": "inf years"}, "--epochs is a number; got 'inf years'"),
        ({"deterministic": "yes"}, "--deterministic is true or false; got 'yes'"),
        ({"precision": "bf61"}, "--precision is one of fp32, bf16, fp16; got 'bf61'; did you mean 'bf16'?"),
        ({"epochs": 0}, "--epochs is above 0; got 0.0"),
        ({"steps": -1}, "--steps is 0 or more; got -1"),
        ({"batch_size": 0}, "--batch-size is at least 1; got 0"),
        ({"max_length": 7}, "--max-length is at least 8; got 7"),
        ({"warmup": 1}, "--warmup is a share of the steps, from 0 to below 1; got 1.0"),
        ({"decay_to": 1.1}, "--decay-to is a share of the peak, from 0 to 1; got 1.1"),
        ({"dropout": 1.0}, "--dropout is from 0 to below 1; got 1.0"),
        ({"learning_rate": -1}, "--learning-rate is not negative; got -1.0"),
        ({"epsilon": 0}, "--epsilon is above 0; got 0.0"),
    ],
)
def test_a_value_of_the_wrong_type_or_out_of_range_names_its_flag(values, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(TrainConfig, flags=values)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["nan", float("nan"), float("-inf")])
@pytest.mark.parametrize("name", ["learning_rate", "epochs", "warmup"])
def test_what_is_not_a_number_is_refused(name: str, value) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is "):
        resolve(TrainConfig, flags={name: value})


@pytest.mark.parametrize("value", ["nan", "inf", float("-inf")])
def test_a_whole_number_is_a_finite_one(value) -> None:
    with pytest.raises(UsageError, match="--steps is a whole number"):
        resolve(TrainConfig, flags={"steps": value})


@pytest.mark.parametrize("name", ["learning_rate", "epochs", "clip"])
def test_infinity_is_no_option(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is "):
        resolve(TrainConfig, flags={name: "inf"})


def test_a_config_can_be_given_back() -> None:
    config = TrainConfig(learning_rate=3e-5, deterministic=False)
    assert resolve(TrainConfig, file=as_dict(config))[0] == config


def test_sizes_have_to_fit_together() -> None:
    with pytest.raises(UsageError, match="hidden_size 10 is not a multiple of n_heads 3"):
        ModelConfig(hidden_size=10, n_heads=3)
    with pytest.raises(UsageError, match="n_layers is at least 1; got 0"):
        ModelConfig(n_layers=0)


def test_a_file_of_options_is_toml_or_json_with_hyphens_or_underscores(tmp_path) -> None:
    (tmp_path / "a.toml").write_text('batch-size = 4\nprecision = "bf16"\n')
    (tmp_path / "a.json").write_text('{"batch_size": 4, "precision": "bf16"}')
    (tmp_path / "run.json").write_text('{"config": {"batch_size": 4, "precision": "bf16"}, "seed": 1}')
    for name in ("a.toml", "a.json", "run.json"):
        assert read_config_file(tmp_path / name) == {"batch_size": 4, "precision": "bf16"}
