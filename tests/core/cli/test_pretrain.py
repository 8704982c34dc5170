"""`glm pretrain` and `glm models new`: what they say, and what they refuse in one line."""

import json
from pathlib import Path

import pytest

from glm_core.cli.main import main
from glm_core.config import ModelConfig
from glm_core.model.layouts import read_config
from glm_core.runs.run_dir import RunDir, read_json
from tests.core.runs.small_corpus import write_corpus

SIZES = ("--layers", "1", "--width", "16", "--heads", "2", "--positions", "64", "--vocab", "vocab")
SHORT = (
    *("--steps", "4", "--batch-size", "2", "--sample-length", "32", "--eval-every", "0", "--dev-rows", "4"),
    *("--device", "cpu"),
)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture
def glm(texts, tmp_path, capsys, monkeypatch):
    """`glm("pretrain", "corpus", …)` in a folder with a corpus and a vocabulary; (exit code, output, errors)."""
    for name in ("corpus", "vocab", "dev"):
        (tmp_path / name).symlink_to(texts / name)
    monkeypatch.chdir(tmp_path)

    def call(*words):
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_table_says_what_was_reached_and_what_comes_next(glm):
    code, said, errors = glm("pretrain", "corpus", *SIZES, *SHORT, "--out", "run")
    assert code == 0, errors
    lines = said.splitlines()
    assert lines[2].split() == ["held", "out", "before", "after"]
    assert lines[3].startswith("loss ")
    assert "trained  4 steps" in said and "glm generate --model ./run/bundle/model" in said
    asked = read_json(RunDir("run").asked)
    assert (asked["config"]["learning_rate"], asked["origin"]["learning_rate"]) == (4e-4, "task")
    assert (asked["origin"]["steps"], asked["origin"]["sample_length"]) == ("flags", "flags")


def test_the_stored_command_and_the_stored_config_ask_for_the_same_run(glm):
    code, said, _ = glm("pretrain", "corpus", *SIZES, *SHORT, "--out", "run", "--json", "--dev", "dev")
    assert code == 0
    told = json.loads(said)
    assert (told["run"], told["done_before"]) == ("run", False)
    command = read_json(RunDir("run").asked)["command"]
    code, said, errors = glm(*command[1:], "--json")
    assert code == 0, errors
    assert json.loads(said) == {**told, "done_before": True}
    words = ("--config", "run/run.json", "--dev", "dev", "--dev-rows", "4", "--out", "run")
    code, said, errors = glm("pretrain", "corpus", *SIZES, *words)
    assert code == 0, errors
    assert "(done before; this is the stored result)" in said


def test_a_new_model_lies_in_a_folder_and_is_trained_from_there(glm):
    code, said, errors = glm("models", "new", "mine", *SIZES, "--seed", "7", "--json")
    assert code == 0, errors
    told = json.loads(said)
    assert told["config"]["n_layers"] == 1 and told["parameters"] > 0
    code, said, errors = glm(
        "pretrain", "corpus", "dev", "--weights", "2,1", "--model", "./mine", *SHORT, "--out", "run"
    )
    assert code == 0, errors
    assert read_json(RunDir("run").asked)["model"] == ["--model", "./mine"]


def test_a_preset_is_sized_to_the_vocabulary(glm):
    code, said, errors = glm("models", "new", "base", "m", *SIZES)
    assert code == 0, errors
    config = read_config(Path("m/config.json"))
    assert isinstance(config, ModelConfig)
    assert (config.n_layers, config.hidden_size, config.vocab_size % 128) == (1, 16, 0)
    assert "1 layers of width 16, 2 heads, seed 1" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("pretrain", "corpus", "--out", "r"),
            "how large is the model to be? give --preset NAME, or --layers and --width",
        ),
        (("pretrain", "corpus", "--preset", "base", "--out", "r"), "a fresh model needs a vocabulary"),
        (("pretrain", "corpus", "--model", "./m", "--layers", "3", "--out", "r"), "leave out --layers"),
        (("pretrain", "nowhere", *SIZES, "--out", "r"), "no corpus lies here"),
        (("pretrain", "corpus", *SIZES, "--weights", "a", "--out", "r"), "--weights wants numbers with commas"),
        (("pretrain", "corpus", *SIZES, "--weights", "1,2", "--out", "r"), "2 weights for 1 corpora"),
        (("pretrain", "corpus", *SIZES, "--sample-length", "96", "--out", "r"), "beyond the model's 64 positions"),
        (("pretrain", "corpus", *SIZES, "--max-length", "96", "--out", "r"), "--max-length means nothing here"),
        (("pretrain", "corpus", *SIZES, "--layers", "0", "--out", "r"), "--layers is at least 1"),
        (("pretrain", "corpus", *SIZES, "--mask-ratio", "2", "--out", "r"), "--mask-ratio is from 0 to 1"),
        (("models", "new"), "the folder to write is missing"),
        (("models", "new", "vocab", *SIZES), "is there already"),
        (("models", "base", "large"), "glm models NAME shows one model"),
        (("models", "bas"), "bas"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(glm, words, message):
    code, _, errors = glm(*words)
    assert code == 2
    assert message in errors and errors.count("\n") == 1
