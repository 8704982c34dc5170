"""Perplexity of any text, from the file to the numbers, with a small random GLM."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from glm_core import DataError, EvalConfig, Example, Predictor, Task, TrainConfig, evaluate, finetune, load_backbone
from glm_core.cli.main import main
from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.runs.health import measure
from glm_tasks.lm import text

TEXT = "The museum of clocks opened in March. " * 12 + "Nobody came.\n\nNobody complained, either.\n"


@pytest.fixture(scope="module")
def backbone() -> GLMBackbone:
    tokenizer = load_backbone("tiny", device="cpu").tokenizer
    torch.manual_seed(7)
    sizes = ModelConfig(
        n_layers=2, hidden_size=32, n_heads=2, vocab_size=tokenizer.vocab_size, max_positions=64, initializer_range=0.2
    )
    return GLMBackbone(GLM(sizes), tokenizer)


def read(task: Task, *places: Path, split: str = "test") -> list[Example]:
    return task.read(task.processor.open(*places), split)


def n_tokens(backbone: GLMBackbone, content: str) -> int:
    return len(backbone.tokenizer.encode(content).ids)


# ---- reading


def test_a_file_is_one_text_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text(TEXT)
    for split in ("test", "dev"):
        (found,) = read(text.task, file, split=split)
        assert (found.uid, found.target) == (f"{split}-0", TEXT)
        assert found.meta == {"words": len(TEXT.split()), "bytes": len(TEXT)}


def test_a_folder_has_a_file_per_split(tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("a b")
    (tmp_path / "test.jsonl").write_text('{"text": "c"}\n{"text": " "}\n{"text": "é f"}\n')
    assert [one.target for one in read(text.task, tmp_path, split="dev")] == ["a b"]
    found = read(text.task, tmp_path)
    assert [(one.uid, one.target, one.meta["bytes"]) for one in found] == [("test-0", "c", 1), ("test-1", "é f", 4)]
    with pytest.raises(DataError, match=r"no file train\.txt"):
        read(text.task, tmp_path, split="train")


def test_lines_are_texts_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("a b\n\n  c  \n")
    assert [one.target for one in read(text.lines, file)] == ["a b", "c"]


def test_a_file_alone_is_not_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("a b")
    with pytest.raises(
        DataError, match=r"to train, give a folder with files of their own .*\(dev\.txt, test\.txt, train\.txt\)"
    ):
        read(text.task, file, split="train")


def test_an_empty_file_and_a_bad_row_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(DataError, match=r"empty\.txt: the file is empty"):
        read(text.task, tmp_path / "empty.txt")
    (tmp_path / "bad.jsonl").write_text('{"txt": "a"}\n')
    with pytest.raises(DataError, match=r'bad\.jsonl:1: wants "text"'):
        read(text.task, tmp_path / "bad.jsonl")


# ---- weighing


@pytest.mark.parametrize("direction", ["bi", "uni"])
@pytest.mark.parametrize(("max_length", "overlap"), [(64, 0.5), (20, 0.75), (33, 0), (20, 5)])
def test_every_token_but_the_first_is_weighed_once(backbone, direction, max_length, overlap) -> None:
    example = Example("test-0", {}, target=TEXT, meta=text.lengths(TEXT))
    config = EvalConfig(max_length=max_length, overlap=overlap, direction=direction)
    (found,) = evaluate(text.task, backbone, [example], config=config)
    assert len(found.answers[0].log_probs) == n_tokens(backbone, TEXT) - 1
    assert all(value < 0 for value in found.answers[0].log_probs)
    assert found.label is None and found.answers[0].greedy is False


def test_a_text_that_fits_is_the_same_in_both_directions_and_any_batch(backbone) -> None:
    example = Example("test-0", {}, target="Nobody came to the museum.", meta={"words": 5, "bytes": 26})
    found = [
        evaluate(text.task, backbone, [example], config=EvalConfig(max_length=64, direction=one))[0]
        .answers[0]
        .log_probs
        for one in ("bi", "uni")
    ]
    assert found[0] == pytest.approx(found[1])


def test_windows_are_read_independently_of_their_batches(backbone) -> None:
    example = Example("test-0", {}, target=TEXT, meta=text.lengths(TEXT))
    alone, together = (
        evaluate(text.task, backbone, [example], config=EvalConfig(max_length=24, batch_tokens=size))[0].answers[0]
        for size in (1, 4096)
    )
    assert alone.log_probs == pytest.approx(together.log_probs, abs=1e-4)


def test_the_log_probabilities_are_those_of_the_network(backbone) -> None:
    """By hand: [CLS] first [gMASK] in Part A, the rest token by token."""
    content = "Nobody came to the museum."
    ids = backbone.tokenizer.encode(content).ids
    special = backbone.tokenizer.special
    part_a = [special.cls, ids[0], special.document_mask]
    row = [*part_a, special.sop, *ids[1:-1]]
    n = len(row)
    positions = torch.zeros(1, 2, n, dtype=torch.long)
    positions[0, 0] = torch.tensor([0, 1, 2, *[2] * (n - 3)])
    positions[0, 1, 3:] = torch.arange(1, n - 2)
    at = torch.arange(n)
    mask = (at[None] < 3) | (at[None] <= at[:, None])
    with torch.inference_mode():
        states = backbone.module.eval()(torch.tensor([row]), positions, mask[None, None])[0]
        logits = backbone.module.logits(states[0, 3:])
    by_hand = logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    example = Example("test-0", {}, target=content, meta=text.lengths(content))
    (found,) = evaluate(text.task, backbone, [example], config=EvalConfig(max_length=64))
    assert list(found.answers[0].log_probs) == pytest.approx(by_hand.tolist(), abs=1e-4)


def test_the_metrics_follow_from_the_log_probabilities(backbone) -> None:
    example = Example("test-0", {}, target=TEXT, meta=text.lengths(TEXT))
    (found,) = evaluate(text.lines, backbone, [example], config=EvalConfig(max_length=64))
    surprise = -sum(found.answers[0].log_probs)
    told = measure(text.lines, [found])
    n = n_tokens(backbone, TEXT)
    assert told["perplexity"] == told["glm.perplexity"] == pytest.approx(math.exp(surprise / (n - 1)))
    assert told["word-perplexity"] == pytest.approx(math.exp(surprise / (len(TEXT.split()) - 1)))
    assert told["bits-per-byte"] == pytest.approx(surprise / math.log(2) / len(TEXT))
    assert told["glm.loss"] == pytest.approx(surprise / (n - 1))


def test_a_text_of_one_token_is_not_weighed(backbone) -> None:
    pair = [Example(f"test-{n}", {}, target=one, meta=text.lengths(one)) for n, one in enumerate(("the", "the museum"))]
    found = evaluate(text.task, backbone, pair, config=EvalConfig(max_length=64))
    assert [len(one.answers[0].log_probs) for one in found] == [0, n_tokens(backbone, "the museum") - 1]
    assert math.isfinite(measure(text.task, found)["perplexity"])


def test_rows_end_where_the_models_positions_do(backbone, caplog) -> None:
    example = Example("test-0", {}, target=TEXT, meta=text.lengths(TEXT))
    (found,) = evaluate(text.task, backbone, [example], config=EvalConfig(max_length=1025))
    assert "rows have 65 tokens, as the model has positions for, not 1025" in caplog.text
    assert len(found.answers[0].log_probs) == n_tokens(backbone, TEXT) - 1


def test_an_overlap_that_leaves_nothing_is_refused(backbone) -> None:
    example = Example("test-0", {}, target=TEXT, meta=text.lengths(TEXT))
    with pytest.raises(UsageError, match="--overlap 60 leaves nothing to weigh: a row holds 14 tokens"):
        evaluate(text.task, backbone, [example], config=EvalConfig(max_length=16, overlap=60))


# ---- the whole way


def test_the_command_weighs_a_file(tmp_path: Path, capsys) -> None:
    file = tmp_path / "file.txt"
    file.write_text(TEXT)
    command = ["evaluate", "lm/text", "--model", "tiny", "--data", str(file), "--device", "cpu", "--max-length", "64"]
    assert (
        main([*command, "--direction", "uni", "--overlap", "0.25", "--json", "--out", str(tmp_path / "p.jsonl.gz")])
        == 0
    )
    (told,) = json.loads(capsys.readouterr().out)
    assert set(told["metrics"]) == {"perplexity", "word-perplexity", "byte-perplexity", "bits-per-byte"}
    assert (told["evaluation"]["direction"], told["evaluation"]["overlap"]) == ("uni", 0.25)
    assert (tmp_path / "p.jsonl.gz").is_file()
    assert main(command) == 0
    assert "bits-per-byte" in capsys.readouterr().out


def test_an_option_of_writing_is_refused_where_nothing_is_written(tmp_path: Path, capsys) -> None:
    (tmp_path / "file.txt").write_text(TEXT)
    assert main(["evaluate", "lm/text", "--model", "tiny", "--data", str(tmp_path / "file.txt"), "--beams", "4"]) == 2
    assert "--beams does not go with task text, which writes nothing" in capsys.readouterr().err


def test_a_model_learns_a_text(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(TEXT)
    (tmp_path / "dev.txt").write_text(TEXT)
    result = finetune(
        text.task,
        load_backbone("tiny", device="cpu"),
        tmp_path,
        tmp_path / "run",
        config=TrainConfig(
            steps=20, batch_size=2, max_length=48, learning_rate=2e-3, warmup=0.0, dropout=0.0, eval_every=0
        ),
        progress=False,
    )
    assert result.metric == "perplexity"
    assert result.metrics["perplexity"] < result.before["perplexity"] / 3
    assert json.loads((tmp_path / "run" / "run.json").read_text())["config"]["objective"] == "lm"
    assert isinstance(result.metrics["bits-per-byte"], float)
    (found,) = Predictor.load(tmp_path / "run", device="cpu")([{"target": "The museum of clocks opened"}])
    n_tokens_of_it = len(load_backbone("tiny", device="cpu").tokenizer.encode(found.answers[0].text).ids)
    assert len(found.answers[0].log_probs) == n_tokens_of_it - 1
