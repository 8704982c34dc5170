import logging
import math
import random
import signal
from itertools import groupby

import numpy as np
import pytest
import torch
from torch import nn

from glm_core.backbone import Backbone
from glm_core.errors import RunError, UsageError
from glm_core.training.progress import ProgressLine
from glm_core.training.seeds import deterministic, random_state, restore_random_state, seed_everything
from glm_core.training.trainer import Trainer
from tests.core.training.toy import (
    ToyBackbone,
    parameters,
    same,
    toy_accuracy,
    toy_config,
    toy_instances,
    train_toy,
)


def _fit(folder, *, backbone=None, scores=None, instances=None, lower_is_better=False, **options):
    """Train on 40 examples in steps of 8; `scores` are what the evaluations find, in order."""
    backbone, rows, left = backbone or ToyBackbone(dropout=0.0), [], list(scores or [])
    seen = []

    def evaluate():
        seen.append(parameters(backbone))
        return {"score": left.pop(0), "other": 0.5}

    trainer = Trainer(backbone, toy_config(**options), seed=1, record=rows.append, progress=False)
    summary = trainer.fit(
        toy_instances() if instances is None else instances,
        folder,
        evaluate=evaluate if scores is not None else None,
        lower_is_better=lower_is_better,
    )
    return backbone, summary, rows, seen


def _steps(rows):
    return [row for row in rows if row["event"] == "step"]


def test_the_loss_falls_and_every_step_is_recorded(tmp_path):
    _, summary, rows, _ = _fit(tmp_path, epochs=20, save_every=1000)
    steps = _steps(rows)
    assert [row["step"] for row in steps] == list(range(1, 101))
    assert summary.steps == 100 and summary.epochs == 20 and summary.stopped == "end"
    assert summary.losses[-1] < 0.3 * summary.losses[0]
    assert steps[0]["learning_rate"] == 0 and steps[10]["learning_rate"] == pytest.approx(0.02)
    assert rows[0]["event"] == "start" and rows[0]["processes"] == 1 and rows[-1]["event"] == "end"
    assert summary.tokens == 20 * sum(one.n_tokens for one in toy_instances())
    assert summary.tokens < summary.padded_tokens < 1.3 * summary.tokens


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        backbone = ToyBackbone(dropout=0.5)
        Trainer(backbone, toy_config(), seed=seed, progress=False).fit(toy_instances(), tmp_path / name)
        found.append(parameters(backbone))
    assert same(found[0], found[1]) and not same(found[0], found[2])


def test_how_a_step_is_divided_does_not_matter(tmp_path):
    found = [parameters(_fit(tmp_path / str(budget), micro_batch_tokens=budget)[0]) for budget in (1, 40, 100_000)]
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[2], found[0], rtol=1e-4, atol=1e-5)


def test_a_batch_counts_as_much_as_the_backbone_says(tmp_path):
    class Tokens(ToyBackbone):
        def loss_weight(self, batch, objective):
            assert objective == "generative"
            return float((batch.ids >= 0).sum())

        def loss(self, batch, **options):
            there = batch.ids >= 0
            return (self.module.words(batch.ids.clamp(min=0)).pow(2).mean(-1) * there).sum() / there.sum()

    def losses(budget):
        rows = _fit(tmp_path / str(budget), backbone=Tokens(), objective="generative", micro_batch_tokens=budget)[2]
        return [row["loss"] for row in _steps(rows)]

    assert losses(1) == pytest.approx(losses(100_000), rel=1e-5)


def test_the_best_parameters_are_there_at_the_end(tmp_path):
    backbone, summary, rows, seen = _fit(tmp_path, scores=[0.5, 0.9, 0.7])
    assert (summary.best_step, summary.best_score) == (10, 0.9)
    assert summary.best_metrics == {"score": 0.9, "other": 0.5}
    assert same(parameters(backbone), seen[1])
    assert [row["best"] for row in rows if row["event"] == "evaluation"] == [True, True, False]
    assert not backbone.module.training


def test_of_equal_scores_the_earlier_parameters_stay(tmp_path):
    assert _fit(tmp_path, scores=[0.5, 0.9, 0.9])[1].best_step == 10


def test_lower_may_be_better(tmp_path):
    assert _fit(tmp_path, scores=[0.5, 0.2, 0.9], lower_is_better=True)[1].best_step == 10


def test_a_score_that_is_not_a_number_is_never_the_best(tmp_path):
    assert _fit(tmp_path / "a", scores=[math.nan, 0.1, math.nan])[1].best_step == 10
    backbone, summary, _, seen = _fit(tmp_path / "b", scores=[math.nan] * 3)
    assert summary.best_step is None and same(parameters(backbone), seen[2])


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    _, summary, _, seen = _fit(tmp_path, epochs=9, patience=2, scores=[0.5, 0.6, 0.6, 0.4, 0.9])
    assert (summary.stopped, summary.steps, summary.best_step, len(seen)) == ("patience", 20, 10, 4)


def test_evaluations_may_come_in_the_middle_of_an_epoch_or_at_the_end_only(tmp_path):
    summary = _fit(tmp_path / "a", scores=[0.1] * 6, eval_every=0.4, epochs=2)[1]
    assert [one["step"] for one in summary.evaluations] == [2, 4, 6, 8, 10]
    assert [one["step"] for one in _fit(tmp_path / "b", scores=[0.1], eval_every=0)[1].evaluations] == [15]


def test_without_evaluation_the_last_parameters_stay(tmp_path):
    backbone, summary, _, _ = _fit(tmp_path, steps=7)
    assert summary.steps == 7 and summary.best_step is None and len(summary.losses) == 2
    assert not same(parameters(backbone), parameters(ToyBackbone()))


def test_evaluation_sees_the_model_without_dropout_and_training_with_it(tmp_path):
    backbone, modes = ToyBackbone(), []
    backbone.module.register_forward_hook(lambda module, *_: modes.append(module.training))
    dev = toy_instances(5)
    Trainer(backbone, toy_config(epochs=2, micro_batch_tokens=10_000), seed=1, progress=False).fit(
        toy_instances(8), tmp_path, evaluate=lambda: toy_accuracy(backbone, dev)
    )
    assert [mode for mode, _ in groupby(modes)] == [True, False, True, False]


def test_a_loss_that_is_not_finite_ends_the_run_naming_step_and_remedy(tmp_path):
    backbone = ToyBackbone()
    straight, kept = backbone.loss, []

    def loss(batch, **options):  # the row of the start and those of two steps are there
        return straight(batch, **options) * (math.nan if len(kept) == 3 else 1.0)

    backbone.loss = loss
    trainer = Trainer(
        backbone, toy_config(), seed=1, record=lambda row: kept.append(parameters(backbone)), progress=False
    )
    with pytest.raises(
        RunError, match=r"^step 3: the loss is nan; .*--learning-rate \(now 0\.02\).*: train-\d+"
    ) as told:
        trainer.fit(toy_instances(), tmp_path)
    assert told.value.exit_code == 1 and "\n" not in str(told.value)
    assert same(parameters(backbone), kept[-1])  # the parameters are those before the bad step
    assert not list(tmp_path.glob("step-*"))


def test_a_gradient_that_is_not_finite_ends_the_run(tmp_path):
    backbone = ToyBackbone()

    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * math.inf

    straight = backbone.loss
    backbone.loss = lambda batch, **options: Bad.apply(straight(batch, **options))
    with pytest.raises(RunError, match=r"step 1: the norm of the gradient is (inf|nan)"):
        _fit(tmp_path, backbone=backbone)


def test_with_fp16_overflows_are_counted_and_skipped(tmp_path):
    backbone = ToyBackbone()
    straight, calls = backbone.loss, []

    def loss(batch, **options):
        calls.append(1)
        return straight(batch, **options) * (1e36 if len(calls) == 2 else 1.0)

    backbone.loss = loss
    one_micro_batch_a_step = toy_instances(longest=3)
    _, summary, rows, _ = _fit(tmp_path, backbone=backbone, instances=one_micro_batch_a_step, precision="fp16")
    assert summary.skipped == 1 and summary.steps == 15
    assert [row["step"] for row in _steps(rows) if not row["updated"]] == [2]


def test_a_part_that_is_not_connected_is_a_warning_after_ten_steps(tmp_path, caplog):
    backbone = ToyBackbone()
    backbone.module.soft_prompt = nn.Embedding(3, 8)
    with caplog.at_level(logging.WARNING):
        _, summary, rows, _ = _fit(tmp_path, backbone=backbone)
    (message,) = summary.warnings
    assert message.startswith("soft_prompt: is trained, but its gradient was zero for 10 steps")
    assert [row["step"] for row in rows if row["event"] == "warning"] == [10]
    assert message in caplog.text


def test_connected_parts_are_no_warning(tmp_path):
    assert _fit(tmp_path)[1].warnings == ()


def test_no_examples_is_said(tmp_path):
    with pytest.raises(UsageError, match="no training examples"):
        _fit(tmp_path, instances=[])


def test_a_stream_makes_its_steps_from_their_numbers(tmp_path):
    class Stream:
        steps_per_epoch = 1000

        def at(self, step, *, rank=0, world_size=1):
            return [toy_instances(4, seed=100 + step), toy_instances(2, seed=500 + step)]

    _, summary, rows, _ = _fit(tmp_path, instances=Stream(), steps=6)
    assert summary.steps == 6 and {row["micro_batches"] for row in _steps(rows)} == {2}
    assert summary.epochs == pytest.approx(0.006)


def test_the_bar_is_silent_where_there_is_no_terminal(tmp_path, capfd):
    Trainer(ToyBackbone(), toy_config(), seed=1).fit(toy_instances(), tmp_path)
    told = capfd.readouterr()
    assert told.out == told.err == ""


def test_on_a_terminal_the_bar_shows_loss_and_rate(monkeypatch, capfd):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with ProgressLine(10) as line:
        line.show(3, loss=0.5, learning_rate=1e-5, score="accuracy 0.9000")
    told = capfd.readouterr().err
    assert "loss 0.5000  lr 1.00e-05  accuracy 0.9000" in told and "3/10" in told
    with ProgressLine(10, shown=False) as line:
        line.show(3, loss=0.5, learning_rate=1e-5)
    assert capfd.readouterr().err == ""


def test_sigterm_is_handled_as_before_after_the_training(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train_toy(tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


def _draw():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_chance_is_set_taken_down_and_put_back():
    seed_everything(3)
    first = _draw()
    state = random_state()
    then = _draw()
    seed_everything(3)
    assert _draw() == first
    restore_random_state(state)
    assert _draw() == then
    seed_everything(3, rank=1)
    assert not set(_draw()) & set(first)


def test_determinism_is_asked_for_inside_only():
    before = torch.are_deterministic_algorithms_enabled()
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before
    with deterministic(False):
        assert torch.are_deterministic_algorithms_enabled() == before


def test_the_toy_keeps_the_contract():
    assert issubclass(ToyBackbone, Backbone)
