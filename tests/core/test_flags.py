"""Options as flags and back: what was typed, what a file and a task say, and who wins."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, fields
from typing import Literal

import pytest

from glm_core.cli.flags import Parser, add_config, add_model, config_from, refuse_options
from glm_core.cli.output import plain, print_json, print_table
from glm_core.config import EvalConfig, TrainConfig, option
from glm_core.errors import UsageError
from glm_core.generation_config import GenerationConfig


def parser_of(*kinds: type) -> Parser:
    parser = Parser(prog="glm test")
    add_config(parser, *kinds)
    return parser


def settle(words: str, advice=None, kinds=(TrainConfig, EvalConfig), kind=TrainConfig):
    return config_from(parser_of(*kinds).parse_args(words.split()), kind, advice)


def test_without_flags_every_value_is_the_default() -> None:
    config, origin = settle("")
    assert config == TrainConfig() and set(origin.values()) == {"default"}


def test_every_field_has_a_flag_that_sets_it() -> None:
    values = {"bool": "--no-{}", "int": "--{} 9", "float": "--{} 0.5"}
    for one in fields(TrainConfig):
        flag = one.name.replace("_", "-")
        kind = str(one.type)
        if kind in values:
            config, origin = settle(values[kind].format(flag))
            assert origin[one.name] == "flags"
            assert getattr(config, one.name) == {"bool": False, "int": 9, "float": 0.5}[kind]


def test_later_sources_win_and_the_origin_is_told(tmp_path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("learning_rate = 2e-5\nbatch-size = 8\n")
    advice = {"learning_rate": 3e-5, "batch_size": 4, "epochs": 3, "pattern": "quoted"}
    config, origin = settle(f"--config {file} --learning-rate 1e-4", advice)
    assert (config.learning_rate, config.batch_size, config.epochs) == (1e-4, 8, 3.0)
    assert (origin["learning_rate"], origin["batch_size"], origin["epochs"]) == ("flags", "file", "task")
    assert origin["warmup"] == "default"


def test_a_field_of_two_configs_is_one_flag_that_sets_both() -> None:
    for kind in (TrainConfig, EvalConfig):
        config, origin = settle("--max-length 64 --length-penalty 0.5 --precision bf16", kind=kind)
        assert (config.max_length, config.length_penalty, config.precision) == (64, 0.5, "bf16")
        assert origin["max_length"] == "flags"


def test_a_switch_is_said_with_or_without_no() -> None:
    assert settle("--activation-checkpointing")[0].activation_checkpointing is True
    assert settle("--no-deterministic")[0].deterministic is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--steps many", "--steps is a whole number; got 'many'"),
        ("--steps 1.5", "--steps is a whole number; got '1.5'"),
        ("--warmup 1.5", "--warmup is a share of the steps, from 0 to below 1; got 1.5"),
        ("--precision fp3", "--precision is one of fp32, bf16, fp16; got 'fp3'; did you mean 'fp32'?"),
        (
            "--learnin-rate 1",
            "unknown argument '--learnin-rate'; did you mean '--learning-rate'? (see glm test --help)",
        ),
        ("--steps", "argument --steps: expected one argument (see glm test --help)"),
        ("extra", "unknown argument 'extra' (see glm test --help)"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_it(words: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        settle(words)
    assert str(caught.value) == message


def test_a_number_may_be_written_as_people_write_it() -> None:
    config, _ = settle("--steps 1e3 --learning-rate 2e-5")
    assert config.steps == 1000 and config.learning_rate == 2e-5


def test_an_unknown_key_of_a_file_gets_the_nearest_option(tmp_path) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"learning_rte": 1e-5}))
    with pytest.raises(UsageError, match=r"run.json: unknown option 'learning_rte'; did you mean 'learning_rate'\?"):
        settle(f"--config {file}")


def test_a_file_may_serve_several_configs_and_a_runs_record_is_one(tmp_path) -> None:
    file = tmp_path / "run.json"
    told = {**dataclasses.asdict(TrainConfig(batch_size=3)), "batch_tokens": 99}
    file.write_text(json.dumps({"config": told, "origin": {}}))
    assert settle(f"--config {file}")[0].batch_size == 3
    assert settle(f"--config {file}", kind=EvalConfig)[0].batch_tokens == 99


@pytest.mark.parametrize(("name", "text"), [("a.toml", "x ="), ("a.json", "{"), ("a.json", "[1]"), ("b.toml", None)])
def test_a_file_that_cannot_be_read_is_one_line_that_names_it(name, text, tmp_path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=f"--config .*{name}: "):
        settle(f"--config {tmp_path / name}")


def test_a_field_needs_no_more_than_its_declaration() -> None:
    @dataclass(frozen=True)
    class Tiny:
        """Made here."""

        share: float = option(0.5, "50 % of it")
        way: Literal["a", "b"] = option("a", "which way")

    parser = parser_of(Tiny)
    assert "50 % of it [0.5]" in parser.format_help() and "{a,b}" in parser.format_help()
    assert config_from(parser.parse_args(["--way", "b"]), Tiny)[0] == Tiny(way="b")


def test_a_model_has_to_be_named_unless_the_command_has_one() -> None:
    parser = Parser(prog="glm test")
    add_model(parser)
    with pytest.raises(UsageError, match="the following arguments are required: --model"):
        parser.parse_args([])
    with_default = Parser(prog="glm test")
    add_model(with_default, default="tiny")
    assert with_default.parse_args([]).model == "tiny"


# ---- printing


def test_json_is_strict_and_knows_dataclasses_and_paths(tmp_path, capsys) -> None:
    value = {"a": float("nan"), 1: (tmp_path, {2, 1}), "c": EvalConfig(), "d": float("inf"), "e": "北京"}
    found = plain(value)
    assert found["a"] is None and found["d"] is None
    assert found["1"] == [str(tmp_path), [1, 2]]
    assert found["c"]["max_length"] == 256
    print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == found and "北京" in out


def test_a_table_is_aligned_text_where_no_terminal_is(capsys) -> None:
    print_table(("name", "n", "what"), [("a", 5, "x"), ("longer", 12, None)], right=("n",))
    assert capsys.readouterr().out == "name     n  what\na        5  x\nlonger  12\n"


def test_a_table_on_a_terminal_crops_nothing(capsys, monkeypatch) -> None:
    import sys

    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(("name", "what"), [("a-rather-long-name-of-forty-characters-xx", "one two three four five six seven")])
    out = capsys.readouterr().out
    assert "a-rather-long-name-of-forty-characters-xx" in out
    assert [word for line in out.splitlines()[1:] for word in line.split()][1:] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
    ]


def test_a_flag_that_the_command_has_already_serves_its_config_too() -> None:
    parser = Parser(prog="glm test")
    parser.add_argument("--seed", type=int, default=1)
    add_config(parser, TrainConfig, GenerationConfig)
    args = parser.parse_args(["--seed", "5"])
    assert config_from(args, GenerationConfig)[0].seed == 5


def test_options_that_have_no_use_are_refused() -> None:
    args = parser_of(EvalConfig, GenerationConfig).parse_args(["--max-length", "64", "--beams", "4"])
    refuse_options(args, "this", (), (EvalConfig,))
    with pytest.raises(UsageError, match="--beams does not go with this"):
        refuse_options(args, "this", (GenerationConfig,), (EvalConfig,))
    shared = parser_of(EvalConfig, GenerationConfig).parse_args(["--max-length", "64"])
    refuse_options(shared, "this", (GenerationConfig,), (EvalConfig,))
