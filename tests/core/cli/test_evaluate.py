"""`glm evaluate`: finished runs and models as they come."""

import json
from pathlib import Path

import pytest

from glm_core.runs.predictions import read_predictions
from glm_core.runs.run_dir import RunDir

ZERO = ("evaluate", "reviews", "--model", "./model", "--backbone", "toy", "--data", "data")


def test_a_model_needs_no_training_to_be_scored(glm):
    told = glm(*ZERO)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == "films/reviews · it-was · split dev · model ./model, not trained here"
    assert lines[2].split() == ["metric", "majority", "found"]
    assert lines[3].split() == ["accuracy", "0.5000", "0.5000"]
    assert not Path("out").exists()


def test_all_patterns_at_once(glm):
    found = json.loads(glm(*ZERO, "--pattern", "all", "--json").out)
    assert [one["pattern"] for one in found] == ["it-was", "just"]
    assert all(one["health"]["n"] == 8 and "accuracy" in one["metrics"] for one in found)


def test_predictions_of_a_model_are_kept_on_request(glm):
    told = glm(*ZERO, "--pattern", "just", "--out", "kept/dev.jsonl.gz")
    assert told.code == 0, told.err
    assert len(read_predictions(Path("kept/dev.jsonl.gz"))) == 8
    assert "kept in  kept/dev.jsonl.gz" in told.out


def test_the_batch_size_changes_nothing(glm):
    one, other = (json.loads(glm(*ZERO, "--batch-tokens", size, "--json").out)[0] for size in ("1", "9999"))
    assert one["metrics"]["accuracy"] == other["metrics"]["accuracy"]
    assert one["metrics"]["surprise"] == pytest.approx(other["metrics"]["surprise"], rel=1e-6)


def test_a_run_finds_its_data_and_keeps_its_predictions(trained):
    told = trained("evaluate", "--run", "run", "--split", "gold")
    assert told.code == 0, told.err
    assert told.out.startswith("films/reviews · it-was · split gold · run run")
    assert len(RunDir("run").read_predictions("gold")) == 4


def test_an_unlabelled_split_says_that_there_is_no_metric(trained):
    told = trained("evaluate", "--run", "run", "--split", "test")
    assert told.code == 0, told.err
    assert "This split has no labels: there are predictions and no metric." in told.out
    assert "examples 5, 5 of them without a label" in told.out
    found = json.loads(trained("evaluate", "--run", "run", "--split", "test", "--json").out)
    assert (found["metrics"], found["run"], found["kept"]) == ({}, "run", True)


def test_other_options_than_the_runs_are_measured_and_not_kept(trained):
    told = trained("evaluate", "--run", "run", "--length-penalty", "1")
    assert told.code == 0, told.err
    assert "kept     no: options or data are not those of the run" in told.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("reviews",), "give either --run FOLDER, a finished run, or --model with a task"),
        (("reviews", "--run", "run", "--model", "./model"), "give either --run FOLDER"),
        (("--model", "./model"), "which task?"),
        (("--run", "run", "--pattern", "just"), "--pattern does not go with --run"),
        (("--run", "nowhere"), "nowhere: there is no such run"),
        (("--run", "data"), "data: holds no run"),
        (("--run", "run", "--split", "tset"), "no split 'tset'"),
        (("--run", "run/bundle"), "is a bundle; give the run's own folder"),
        ((*ZERO[1:], "--pattern", "all", "--out", "x.gz"), "--out keeps the predictions of one pattern"),
    ],
)
def test_what_goes_wrong_is_one_line(trained, words, line):
    told = trained("evaluate", *words)
    assert told.code == 2, told.err
    assert line in told.err
    assert told.err.count("\n") == 1 and told.out == ""
