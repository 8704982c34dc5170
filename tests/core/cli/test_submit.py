"""`glm submit`: from runs to an archive."""

import json
import zipfile
from pathlib import Path


def test_a_run_without_predictions_says_which_command_makes_them(trained):
    told = trained("submit", "films", "run", "--out", "out.zip")
    assert told.code == 2
    assert told.err == (
        "glm: error: run: has no predictions to submit; make them: glm evaluate --run run --split test\n"
    )


def test_that_command_makes_them(trained):
    assert trained("evaluate", "--run", "run", "--split", "test").code == 0
    told = trained("submit", "films", "run", "--out", "out.zip")
    assert told.code == 0, told.err
    assert [line.split() for line in told.out.splitlines()[:2]] == [
        ["file", "examples", "run"],
        ["Reviews.jsonl", "5", "run"],
    ]
    assert zipfile.ZipFile("out.zip").namelist() == ["Reviews.jsonl"]


def test_json_is_one_document(trained):
    trained("evaluate", "--run", "run", "--split", "test")
    found = json.loads(trained("submit", "films", "run", "--out", "out.zip", "--json").out)
    assert found == {
        "out": "out.zip", "pack": "films", "runs": {"Reviews.jsonl": "run"}, "examples": {"Reviews.jsonl": 5}, "missing": [],
    }  # fmt: skip


def test_a_folder_in_the_way_of_the_archive_is_refused(trained):
    trained("evaluate", "--run", "run", "--split", "test")
    told = trained("submit", "films", "run", "--out", "data")
    assert told.code == 2
    assert "data: is a folder, and a file is to be written there" in told.err
    assert sorted(one.name for one in Path("data").iterdir()) == [
        "dev.jsonl",
        "gold.jsonl",
        "test.jsonl",
        "train.jsonl",
    ]
