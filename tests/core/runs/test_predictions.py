"""Stored predictions say the same as those in memory."""

import gzip
import json
import math

import pytest

from glm_core.errors import DataError
from glm_core.examples import Answer, Example, Prediction
from glm_core.runs.predictions import read_predictions, write_predictions

FULL = Prediction(
    Example(
        "é-1", {"text": "a\u2028b"}, label="1", choices=("x", "y"), target=("t", "u"), group="g", meta={"idx": [1, 2]}
    ),
    label="0",
    text="x",
    answers=(Answer(" x", "0", (-0.1, -2 / 3), greedy=True), Answer(" y", "1", (-math.pi,))),
    scores={"0": -0.1 - 2 / 3, "1": -math.pi},
    value=0.25,
    cut={"text": 4},
)
BARE = Prediction(Example("b", {}))


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "predictions" / "dev.jsonl.gz"
    write_predictions(path, [FULL, BARE])
    assert read_predictions(path) == [FULL, BARE]


def test_a_line_names_uid_label_and_gold(tmp_path):
    path = tmp_path / "dev.jsonl.gz"
    write_predictions(path, [FULL])
    row = json.loads(gzip.decompress(path.read_bytes()))
    assert (row["uid"], row["label"], row["gold"]) == ("é-1", "0", "1")
    assert row["answers"][1] == {"text": " y", "label": "1", "log_probs": [-math.pi]}


def test_the_same_predictions_are_the_same_bytes(tmp_path):
    write_predictions(tmp_path / "a.jsonl.gz", [FULL])
    write_predictions(tmp_path / "b.jsonl.gz", [FULL])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_meta_that_json_cannot_hold_names_the_example(tmp_path):
    with pytest.raises(DataError, match=r"example u: its meta is not JSON .*set"):
        write_predictions(tmp_path / "a.jsonl.gz", [Prediction(Example("u", {}, meta={"ids": {1, 2}}))])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_off_is_named(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    write_predictions(path, [FULL] * 50)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: cannot be read as predictions"):
        read_predictions(path)


def test_a_line_that_is_no_prediction_is_named(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"uid": "x"}\n'))
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:1: is no prediction"):
        read_predictions(path)
