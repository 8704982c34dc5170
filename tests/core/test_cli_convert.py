"""`glm convert` on the bundled model: into every layout and back, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glm_core.cli.main import main

TINY = Path(__file__).parents[2] / "glm_tasks" / "glm" / "models" / "tiny"
pytestmark = pytest.mark.skipif(not TINY.is_dir(), reason="the bundled model is not there")


def convert(*words: object) -> int:
    return main(["convert", *map(str, words)])


@pytest.mark.parametrize(
    ("flags", "files"),
    [
        (["--layout", "original", "--shards", "2"], ["latest"]),
        (["--layout", "hf"], ["config.json", "model.safetensors"]),
        (["--layout", "hf", "--bin"], ["config.json", "pytorch_model.bin"]),
        (["--layout", "flagai"], ["config.json"]),
    ],
)
def test_every_layout_leads_back_to_the_same_numbers(flags, files, tmp_path, capsys) -> None:
    assert convert(TINY, tmp_path / "there", *flags) == 0
    assert all((tmp_path / "there" / name).is_file() for name in files)
    capsys.readouterr()
    assert convert(tmp_path / "there", tmp_path / "back", "--heads", 4, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layout_to"] == "native" and told["config"]["n_layers"] == 4
    again = (tmp_path / "back" / "model.safetensors").read_bytes()
    assert again == (TINY / "model.safetensors").read_bytes()


def test_tables_are_stretched_and_precision_is_changed(tmp_path, capsys) -> None:
    flags = ["--stretch-positions", 600, "--stretch-vocab", 8192, "--dtype", "bf16", "--json"]
    assert convert(TINY, tmp_path / "long", *flags) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["config"]["max_positions"], told["config"]["vocab_size"], told["dtype"]) == (600, 8192, "bf16")


def test_a_vocabulary_is_put_beside_the_weights(tmp_path) -> None:
    assert convert(TINY, tmp_path / "bare", "--layout", "hf", "--vocab", TINY) == 0
    assert (tmp_path / "bare" / "vocab.txt").read_bytes() == (TINY / "vocab.txt").read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--bin"], "--bin and --safetensors belong to --layout hf; got native"),
        (["--shards", 2], "has no shards"),
        (["--layout", "gguf"], "argument --layout: invalid choice: 'gguf'"),
        (["--preset", "larg"], "no published model 'larg'"),
        (["--stretch-positions", 100], "max_positions 100 is less than the 512"),
    ],
)
def test_what_cannot_be_done_is_one_line(flags, message, tmp_path, capsys) -> None:
    assert convert(TINY, tmp_path / "out", *flags) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_target_that_is_there_is_replaced_only_on_request(tmp_path, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("1")
    assert convert(TINY, tmp_path / "out") == 2
    assert (tmp_path / "out" / "precious").is_file()
    assert convert(TINY, tmp_path / "out", "--overwrite") == 0
    assert not (tmp_path / "out" / "precious").exists()
