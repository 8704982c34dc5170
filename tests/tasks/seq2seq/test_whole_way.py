"""From files of one's own to what is handed in: a small model learns to write, and its run writes again."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest

from glm_core import get_task, list_tasks
from glm_core.cli.main import main
from glm_core.config import EvalConfig, TrainConfig, resolve
from glm_core.generation_config import GenerationConfig
from tests.shared_files import needs_shared, shared

COLOURS = ("red", "green", "blue", "white")
OURS = [name for name in list_tasks() if name.startswith(("seq2seq/", "lm/"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, n in (("train", 16), ("val", 4), ("test", 4)):
        (tmp_path / f"{split}.source").write_text("".join(f"a {COLOURS[at % 4]} house\n" for at in range(n)))
        (tmp_path / f"{split}.target").write_text("".join(f"{COLOURS[at % 4]}\n" for at in range(n)))
    return tmp_path


def test_files_of_ones_own_are_learnt_written_and_handed_in(folder: Path, capsys) -> None:
    pytest.importorskip("rouge_score")
    run, archive = folder / "run", folder / "out.zip"
    options = {
        "steps": 40, "batch-size": 8, "learning-rate": 2e-3, "max-length": 32, "max-tokens": 4, "min-tokens": 0,
        "beams": 2, "smoothing": 0, "dropout": 0, "eval-every": 0,
    }  # fmt: skip
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [
        "finetune",
        "seq2seq/files",
        "--model",
        "tiny",
        "--device",
        "cpu",
        "--data",
        str(folder),
        "--out",
        str(run),
    ]
    assert main([*command, *flags]) == 0
    assert "rouge-1" in capsys.readouterr().out
    result = json.loads((run / "result.json").read_text())
    assert result["metrics"]["rouge-1"] > 0.9 > result["before"]["rouge-1"]
    asked = json.loads((run / "run.json").read_text())
    assert (asked["config"]["objective"], asked["generation"]["beams"]) == ("lm", 2)

    assert main(["evaluate", "--run", str(run), "--split", "test", "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kept"] and told["metrics"]["rouge-1"] > 0.9
    assert main(["submit", "seq2seq", str(run), "--out", str(archive)]) == 0
    with zipfile.ZipFile(archive) as packed:
        assert packed.read("files.test.hyps").decode() == packed.read("files.test.refs").decode()

    (folder / "new.source").write_text("a blue house\n")
    capsys.readouterr()
    assert main(["predict", str(run), str(folder / "new.source"), "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "blue"


def test_a_run_file_asks_for_the_same_again(folder: Path, capsys) -> None:
    run = folder / "run"
    command = [
        "finetune",
        "seq2seq/files",
        "--model",
        "tiny",
        "--device",
        "cpu",
        "--data",
        str(folder),
        "--out",
        str(run),
    ]
    small = [
        "--steps",
        "1",
        "--max-length",
        "24",
        "--max-tokens",
        "2",
        "--min-tokens",
        "0",
        "--beams",
        "1",
        "--seed",
        "3",
    ]
    assert main([*command, *small]) == 0
    assert main([*command, "--seed", "3", "--config", str(run / "run.json")]) == 0
    assert "done before" in capsys.readouterr().out
    told = json.loads((run / "run.json").read_text())
    assert told["generation"]["seed"] == told["seed"] == 3  # one seed for all that is drawn
    assert main(told["command"][1:]) == 0
    assert "done before" in capsys.readouterr().out


@pytest.mark.parametrize("name", OURS)
def test_what_is_recommended_are_options_that_fit_together(name: str) -> None:
    task = get_task(name)
    for advice in (task.advice(), *(task.advice(recipe) for recipe in task.recipes)):
        train, _ = resolve(TrainConfig, task=advice)
        resolve(EvalConfig, task=advice)
        written, _ = resolve(GenerationConfig, task=advice)
        if task.kind == "generation":
            assert train.objective == "lm"
            assert written.max_length == train.max_length > written.max_tokens
            assert train.smoothing == 0.1 and train.warmup == 0.06


@pytest.mark.parametrize("name", OURS)
def test_tasks_can_be_sent_to_other_processes(name: str) -> None:
    task = get_task(name)
    again = pickle.loads(pickle.dumps(task))
    assert again.name == task.name and again.processor.splits == task.processor.splits


@needs_shared("data", "seq2seq", "gigaword")
@pytest.mark.slow
def test_headlines_of_the_real_files_are_written(tmp_path: Path, capsys) -> None:
    pytest.importorskip("rouge_score")
    for name in ("test.source", "test.target"):
        lines = shared("data", "seq2seq", "gigaword", name).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[:50]), encoding="utf-8")
    command = ["evaluate", "seq2seq/gigaword", "--model", "tiny", "--device", "cpu", "--data", str(tmp_path)]
    assert main([*command, "--split", "test", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["health"]["n"] == 50
    assert set(told["metrics"]) == {"rouge-1", "rouge-2", "rouge-l"}
