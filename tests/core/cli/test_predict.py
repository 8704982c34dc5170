"""`glm predict`: new text in, one line of JSON per example out."""

import json
from pathlib import Path

import pytest


def write(*rows):
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_every_example_is_a_line_in_the_files_order(trained):
    write({"review": "a lovely film"}, {"review": "dull", "label": "bad"})
    told = trained("predict", "run", "in.jsonl")
    assert told.code == 0, told.err
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [row["uid"] for row in rows] == ["predict-0", "predict-1"]
    assert all(set(row) == {"uid", "label", "scores", "text"} for row in rows)
    assert all(row["label"] == max(row["scores"], key=row["scores"].__getitem__) for row in rows)


def test_json_is_one_document(trained):
    write({"review": "a lovely film"})
    (row,) = json.loads(trained("predict", "run", "in.jsonl", "--json").out)
    assert row["uid"] == "predict-0"


def test_a_bundle_predicts_as_its_run(trained):
    write({"review": "a lovely film"})
    assert trained("predict", "run/bundle", "in.jsonl").out == trained("predict", "run", "in.jsonl").out


def test_a_file_is_written_whole(trained):
    write({"review": "a lovely film"})
    told = trained("predict", "run", "in.jsonl", "--out", "deep/out.jsonl")
    assert (told.code, told.out) == (0, "")
    assert json.loads(Path("deep/out.jsonl").read_text())["uid"] == "predict-0"
    assert "1 predictions in deep/out.jsonl" in told.err


def test_nothing_is_written_when_a_row_is_wrong(trained):
    write({"review": "a lovely film"}, {"text": "dull"})
    told = trained("predict", "run", "in.jsonl", "--out", "out.jsonl")
    assert told.code == 2
    assert "in.jsonl:2: no field 'review' (this row has text)" in told.err
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("run", "nowhere.jsonl"), "nowhere.jsonl: there is no such file"),
        (("data", "in.jsonl"), "data: holds no run"),
        (("run", "data"), "data: is a folder; give a file"),
        (("run",), "the following arguments are required: FILE"),
    ],
)
def test_what_goes_wrong_is_one_line(trained, words, line):
    write({"review": "a lovely film"})
    told = trained("predict", *words)
    assert told.code == 2
    assert line in told.err and told.err.count("\n") == 1 and told.out == ""
