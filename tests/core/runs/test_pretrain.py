"""Pretraining as a run: it learns, it can be broken off anywhere, and its folder says it all."""

import json
import os
import signal
import sys
import types
from dataclasses import replace

import pytest
import torch

from glm_core import load_backbone
from glm_core.errors import UsageError
from glm_core.pretrain_config import PretrainConfig
from glm_core.runs.pretrain import pretrain
from glm_core.runs.run_dir import RunDir, read_json, read_log
from glm_core.tokens import load_tokenizer
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.pretraining import RowMaker
from glm_core.training.trainer import Trainer
from tests.core.runs.small_corpus import INFILLING, TRAINING, sentences, small_model, write_corpus

WEIGHTS = "bundle/model/model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("small"))


@pytest.fixture
def train(folder, tmp_path):
    def call(out="run", *, model=None, **told):
        options = {"dev_rows": 12, "config": TRAINING, "infilling": INFILLING, "progress": False, **told}
        corpora = options.pop("corpora", folder / "corpus")
        return pretrain(corpora, model or (lambda: small_model(folder)), tmp_path / out, **options)

    return call


def never():
    raise AssertionError("the model was loaded")


def stop_after(step, monkeypatch):
    """SIGTERM comes while this step is computed."""
    take = Trainer._take

    def asked(self, state):
        take(self, state)
        if state.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_take", asked)


def test_the_loss_falls_and_the_folder_says_it_all(train, tmp_path):
    result = train(config=replace(TRAINING, steps=40, eval_every=0.1, dropout=0.0))
    assert result.metrics["loss"] < result.before["loss"] - 1.0
    assert {"token_loss", "document_perplexity"} <= set(result.metrics)
    run = RunDir(tmp_path / "run")
    assert run.state == "done" and not run.checkpoints.exists()
    assert read_json(run.result)["metrics"] == result.metrics
    rows = read_log(run.log)
    assert [row["step"] for row in rows if row["event"] == "step"] == list(range(1, 41))
    assert rows[0]["event"] == "before" and rows[0]["metrics"] == result.before
    assert (tmp_path / "run/curve.svg").read_text().startswith("<svg")
    assert read_json(run.asked)["config"]["sample_length"] == 48
    assert all(read_json(run.manifest)["data"].values()) and read_json(run.manifest)["model"]["weights"]


def test_the_bundles_model_is_the_best_one_and_can_be_used_as_model(train, tmp_path):
    result = train()
    best, last = load_backbone(result.model, device="cpu"), load_backbone(tmp_path / "run/bundle/last", device="cpu")
    assert best.masks == {"[MASK]", "[sMASK]", "[gMASK]"}
    same = torch.equal(best.module.word_embeddings.weight, last.module.word_embeddings.weight)
    assert same == (result.training["best_step"] == 10)


@pytest.mark.parametrize("step", [2, 5])
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(train, tmp_path, monkeypatch, step):
    wanted = train("straight")
    with monkeypatch.context() as patch:
        stop_after(step, patch)
        with pytest.raises(SystemExit) as left:
            train()
    assert left.value.code == 143
    assert RunDir(tmp_path / "run").state == "stopped"
    found = train()
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (tmp_path / "straight" / WEIGHTS).read_bytes()
    assert (found.metrics, found.before) == (wanted.metrics, wanted.before)
    losses = [
        [row["loss"] for row in read_log(tmp_path / name / "log.jsonl") if row["event"] == "step"]
        for name in ("straight", "run")
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 10


def test_a_run_that_died_between_two_resume_points_repeats_what_was_lost(train, tmp_path, monkeypatch):
    train("straight")
    take = Trainer._take

    def dies(self, state):
        take(self, state)
        if state.step == 8:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_take", dies)
        with pytest.raises(KeyboardInterrupt):
            train()
    train()
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (tmp_path / "straight" / WEIGHTS).read_bytes()


def test_processes_that_make_rows_change_nothing(train, tmp_path):
    train("alone")
    train("helped", processes=1)
    assert (tmp_path / "helped" / WEIGHTS).read_bytes() == (tmp_path / "alone" / WEIGHTS).read_bytes()


def test_a_finished_run_gives_its_result_without_the_model(train):
    first = train()
    assert train(model=never) == first


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 2}, "holds another run: --seed 1, not 2"),
        ({"config": replace(TRAINING, batch_size=8)}, "--batch-size 4, not 8"),
        ({"infilling": replace(INFILLING, mask_ratio=0.3)}, "--mask-ratio 0.15, not 0.3"),
        ({"dev_rows": 13}, "--dev-rows 12, not 13"),
    ],
)
def test_another_run_in_the_folder_is_refused(train, other, message):
    train()
    with pytest.raises(UsageError, match=message):
        train(model=never, **other)


def test_another_run_takes_the_folder_where_it_may(train):
    first = train()
    second = train(seed=2, overwrite=True)
    assert second.metrics != first.metrics and second.seed == 2


def test_another_model_than_that_of_the_begun_run_is_refused(train, folder, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(SystemExit):
            train()
    with pytest.raises(UsageError, match="the model it began with is another one now"):
        train(model=lambda: small_model(folder, seed=2))


def test_a_folder_with_something_else_is_never_touched(train, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"is not empty and holds no run \(there is thesis.txt\)"):
        train(overwrite=True)
    assert (tmp_path / "run/thesis.txt").read_text() == "years of work"


def test_training_goes_on_from_a_checkpoint(train):
    first = train()
    second = train("more", model=lambda: load_backbone(first.model, device="cpu"), model_words=["--model", "x"])
    assert second.before == first.metrics
    assert second.metrics["loss"] < second.before["loss"]


def test_corpora_are_drawn_by_weight_and_measured_on_text_of_ones_own(train, folder):
    result = train(corpora=[folder / "corpus", folder / "dev"], weights=[3, 1], dev=[folder / "dev"])
    assert read_json(RunDir(result.run).asked)["weights"] == [3, 1]
    assert len(read_json(RunDir(result.run).manifest)["data"]) == 2


def test_the_objective_of_bert_trains_too(train):
    result = train(infilling=PretrainConfig(sample_length=48, token_share=1.0, sentence_share=0.0, masked_lm=True))
    assert set(result.metrics) == {"loss", "perplexity", "token_loss", "token_perplexity"}
    assert result.metrics["loss"] < result.before["loss"]


def test_what_is_scored_in_part_a_belongs_to_the_only_answer(folder):
    config = PretrainConfig(sample_length=48, token_share=1.0, sentence_share=0.0, masked_lm=True)
    rows = RowMaker(Corpus(folder / "corpus"), config, load_tokenizer(folder / "vocab"), seed=1)
    from glm_core.runs.pretrain_steps import as_instance

    model = small_model(folder)
    batch = model.collate([as_instance(rows[0], "a"), as_instance(rows[1], "b")])
    assert set(batch.answer.tolist()) == {0}
    n = [int(rows[k].target_mask.sum()) for k in (0, 1)]
    assert batch.nth.tolist() == [*range(n[0]), *range(n[1])]


def test_a_sample_longer_than_the_model_is_refused(train, folder):
    with pytest.raises(UsageError, match="--sample-length 48 is beyond the model's 32 positions"):
        train(model=lambda: small_model(folder, positions=32))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"config": replace(TRAINING, objective="choice")}, "pretraining is --objective lm"),
        ({"config": replace(TRAINING, soft_tokens=2)}, "--soft-tokens and --soft-prefix are for tasks"),
        ({"config": replace(TRAINING, freeze="body")}, "pretraining trains the whole model"),
        ({"origin": {"max_length": "flags"}}, "--max-length means nothing here"),
        ({"dev_rows": 0}, "--dev-rows is at least 1"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(train, told, message):
    with pytest.raises(UsageError, match=message):
        train(model=never, **told)


def test_another_vocabulary_is_refused(train, tmp_path):
    from glm_core.runs.pretrain_model import Sizes, fresh_model
    from glm_core.tokens.train_vocabulary import train_vocabulary

    train_vocabulary(sentences(40, 9), tmp_path / "other", size=310, lowercase=False)
    with pytest.raises(UsageError, match="was made with another vocabulary"):
        train(model=lambda: fresh_model(Sizes(layers=1, width=8, heads=1), tmp_path / "other", seed=1, device="cpu"))


def test_a_failure_leaves_its_traceback(train, tmp_path, monkeypatch):
    def fails(self, state):
        raise RuntimeError("a torn cable")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_take", fails)
        with pytest.raises(RuntimeError):
            train()
    run = RunDir(tmp_path / "run")
    assert run.state == "failed" and "a torn cable" in run.error.read_text()
    train()
    assert run.state == "done"


def test_the_stored_command_names_what_was_asked(train, tmp_path):
    train(model_words=["--model", "./m"])
    command = json.loads((tmp_path / "run/run.json").read_text())["command"]
    assert command[:2] == ["glm", "pretrain"]
    assert command[command.index("--model") + 1] == "./m"
    assert command[command.index("--sample-length") + 1] == "48"


def test_tensorboard_is_told_where_it_is_installed(train, tmp_path, monkeypatch):
    told = []

    class Writer:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, step):
            told.append((name, step))

        def close(self):
            told.append(("closed", self.folder))

    board = types.ModuleType("torch.utils.tensorboard")
    board.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    train()
    assert ("train/loss", 1) in told and ("dev/token_loss", 10) in told
    assert told[-1] == ("closed", str(tmp_path / "run/tensorboard"))
