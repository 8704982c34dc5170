"""`python -m benchmarks` from end to end on a tiny network; what it says, not how fast it was."""

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.encoding import measure as measure_encoding
from benchmarks.startup import measure as measure_startup

FEW = ["--size", "tiny", "--pairs", "1", "--examples", "4", "--naive-examples", "2", "--batch-size", "4", "--no-memory"]


def test_both_tables_with_exactness_and_counters(tmp_path, capsys):
    where = [tmp_path / "found.json", tmp_path / "found.md"]
    assert main(["eval", "--task", "copa,wic-single", *FEW, "--json", str(where[0]), "--markdown", str(where[1])]) == 0
    found = json.loads(where[0].read_text())
    assert [one["name"] for one in found["eval"]] == ["COPA", "WiC single"]
    for one in found["eval"]:
        assert one["exact"] and one["error"] <= 1e-5
        assert one["processed_per_real_token"] == one["part_a_passes_per_example"] == one["masks_per_row"] == 1
        assert one["logit_rows"] == one["answer_tokens"]
    assert found["machine"]["threads"] == 1
    assert "Geometric mean of 2 ratios" in capsys.readouterr().out
    assert "### Evaluation, fp32, tiny" in where[1].read_text()


def test_training_is_compared_after_its_gradients(tmp_path):
    where = tmp_path / "found.json"
    assert main(["train", "--task", "copa", *FEW, "--json", str(where)]) == 0
    (found,) = json.loads(where.read_text())["train"]
    assert found["exact"] and found["error"] <= 1e-5


def test_our_own_path_in_another_arithmetic(tmp_path):
    where = tmp_path / "found.json"
    words = ["eval", "--task", "rte-multi", "--dtype", "bf16", "--against", "fp32"]
    assert main([*words, *FEW, "--json", str(where)]) == 0
    assert 0 < json.loads(where.read_text())["eval"][0]["error"] < 2e-2


def test_an_unknown_task_is_refused(capsys):
    assert main(["eval", "--task", "sst", *FEW]) == 2
    assert "unknown task 'sst'" in capsys.readouterr().err


def test_encoding_is_measured_on_rows_of_the_samples_lengths():
    single, multi = measure_encoding("rte", examples=16, repeats=1)
    assert 50 < single.tokens < 90
    assert multi.tokens == single.tokens + 3  # two answers of [sop] and a word instead of one [sop]
    assert single.per_second > 0


@pytest.mark.slow
def test_help_and_listings_load_nothing_heavy():
    loaded = {one.name: one.loaded for one in measure_startup(repeats=1)}
    assert loaded["glm --help"] == loaded["glm tasks"] == loaded["import glm_core"] == ()
    assert "torch" in loaded["import torch"]
