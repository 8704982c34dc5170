"""`glm finetune`: what it says, where it writes, what it refuses in one line."""

import json
from pathlib import Path

import pytest

from glm_core.runs.run_dir import RunDir, read_json
from tests.core.cli.conftest import TRAIN


def test_a_table_says_what_was_reached_and_what_comes_next(glm):
    told = glm(*TRAIN, "--out", "run")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == "films/reviews · it-was · seed 1 · split dev"
    assert lines[2].split() == ["metric", "majority", "before", "after"]
    assert lines[3].split()[:3] == ["accuracy", "0.5000", "0.5000"]
    assert "trained  8 steps" in told.out
    assert "majority 'bad', 50.0% of the gold labels" in told.out
    assert "glm evaluate --run run --split test" in told.out
    assert "glm predict run FILE" in told.out
    assert RunDir("run").state == "done"


def test_the_default_folder_names_task_pattern_and_seed(glm):
    told = glm(*TRAIN, "--pattern", "just", "--seed", "7")
    assert told.code == 0, told.err
    assert RunDir("out/reviews/just-s7").state == "done"


def test_json_is_one_document(glm):
    told = glm(*TRAIN, "--out", "run", "--json")
    found = json.loads(told.out)
    assert found["metrics"]["accuracy"] >= found["before"]["accuracy"]
    assert (found["run"], found["done_before"]) == ("run", False)
    assert json.loads(glm(*TRAIN, "--out", "run", "--json").out) == {**found, "done_before": True}


def test_the_same_command_again_shows_the_stored_result(trained):
    told = trained(*TRAIN, "--out", "run")
    assert told.code == 0
    assert "(done before; this is the stored result)" in told.out.splitlines()[0]


def test_the_stored_command_asks_for_the_same_run(trained):
    command = read_json(Path("run/run.json"))["command"]
    told = trained(*command[1:])
    assert told.code == 0, told.err
    assert "done before" in told.out


def test_a_run_file_given_back_as_config_asks_for_the_same(trained):
    words = ("finetune", "reviews", "--model", "./model", "--backbone", "toy", "--data", "data", "--out", "run")
    told = trained(*words, "--config", "run/run.json")
    assert told.code == 0, told.err
    assert "done before" in told.out


def test_flags_win_over_the_file_and_the_file_over_the_task(glm):
    Path("mine.toml").write_text("learning-rate = 0.5\nepochs = 1\n")
    told = glm(*TRAIN, "--out", "run", "--config", "mine.toml")
    assert told.code == 0, told.err
    asked = read_json(Path("run/run.json"))
    assert asked["config"]["learning_rate"] == 0.02
    assert asked["origin"]["learning_rate"] == "flags" and asked["origin"]["clip"] == "default"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--seed", "2", "--out", "run"), 2, "holds another run: --seed 1, not 2; give another --out, or --overwrite"),
        (("--split", "gold"), 2, "--split gold: it is for the final evaluation"),
        (("--split", "dve"), 2, "no split 'dve'"),
        (("--pattern", "it-is"), 2, "task reviews has no pattern 'it-is'"),
        (("--recipe", "large"), 2, "task reviews has no recipe 'large'"),
        (("--learning-rate", "fast"), 2, "--learning-rate is a number; got 'fast'"),
        (("--leraning-rate", "1"), 2, "unknown argument '--leraning-rate'; did you mean '--learning-rate'?"),
        (("--out", "data"), 2, "data: is not empty and holds no run"),
        (("--out", "data/train.jsonl"), 2, "a file is in the way of this run's folder"),
        (("--data", "nowhere"), 2, "--data nowhere: does not exist"),
        (("--max-length", "8", "--pattern", "just"), 0, ""),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(trained, words, code, line):
    told = trained(*TRAIN, *words)
    assert told.code == code, told.err
    if code:
        assert told.out == ""
        assert told.err.startswith("glm: error: ") and line in told.err
        assert told.err.count("\n") == 1


def test_missing_data_are_named(glm):
    told = glm("finetune", "reviews", "--model", "./model", "--backbone", "toy")
    assert told.code == 2
    assert "--data is missing: the folder that holds train.jsonl, dev.jsonl" in told.err


def test_a_model_that_is_not_there_leaves_no_folder(glm):
    told = glm("finetune", "reviews", "--model", "./nowhere", "--data", "data", "--out", "run")
    assert told.code == 2
    assert "--model ./nowhere: does not exist" in told.err
    assert not Path("run").exists()


def test_overwrite_begins_anew(trained):
    told = trained(*TRAIN, "--out", "run", "--seed", "2", "--overwrite")
    assert told.code == 0, told.err
    assert read_json(Path("run/run.json"))["seed"] == 2


def test_a_result_that_was_chosen_on_a_final_split_says_so(glm):
    told = glm(*TRAIN, "--out", "run", "--split", "gold", "--allow-final")
    assert told.code == 0, told.err
    assert "chosen on the final split 'gold': these numbers are too good" in told.out


def test_a_result_no_better_than_guessing_says_so(glm):
    told = glm(*TRAIN, "--out", "run", "--learning-rate", "0")
    assert told.code == 0, told.err
    assert "accuracy is no better than that of always answering 'bad'" in told.out


def test_under_several_processes_only_the_first_one_speaks(trained, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    told = trained(*TRAIN, "--out", "run")
    assert (told.code, told.out) == (0, "")
