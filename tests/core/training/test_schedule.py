import json
import math

import pytest
import torch
from torch import nn

from glm_core.training.schedule import (
    build_optimizer,
    clip_gradients,
    count_steps,
    evaluation_steps,
    learning_rate_at,
    parameter_groups,
)
from tests.shared_files import needs_shared, shared


def _rate(step, schedule="linear", **changes):
    given = {"peak": 1.0, "warmup_steps": 2, "total_steps": 10, "schedule": schedule, "decay_to": 0.1, **changes}
    return learning_rate_at(step, **given)


def test_the_first_update_has_learning_rate_zero_and_the_peak_follows_the_warmup():
    assert [_rate(step) for step in (0, 1, 2, 6, 10)] == pytest.approx([0, 0.5, 1, 0.55, 0.1])


def test_without_warmup_the_first_update_has_the_peak():
    assert [_rate(step, warmup_steps=0, decay_to=0.0) for step in (0, 5, 10)] == pytest.approx([1, 0.5, 0])


def test_cosine_is_half_way_in_the_middle_and_may_end_at_zero():
    assert [_rate(step, "cosine", decay_to=0.0) for step in (2, 6, 10)] == pytest.approx([1, 0.5, 0])
    assert _rate(4, "cosine") == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)


def test_constant_stays_at_the_peak_after_its_warmup():
    assert [_rate(step, "constant") for step in (0, 1, 2, 9)] == [0, 0.5, 1, 1]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_past_the_end_the_rate_stays_where_it_is(schedule):
    assert _rate(50, schedule) == pytest.approx(0.1)


@needs_shared("golden", "superglue", "lr_schedule.json")
def test_finetuning_curves_are_the_original_ones():
    for case in json.loads(shared("golden", "superglue", "lr_schedule.json").read_text()):
        total = case["num_iters"]
        ours = [
            learning_rate_at(
                step,
                peak=case["lr"],
                warmup_steps=case["warmup"] * total,
                total_steps=total,
                schedule=case["style"],
                decay_to=case["lr_decay_ratio"],
            )
            for step in range(total + 1)
        ]
        assert ours == pytest.approx(case["lr_at_step"], rel=1e-12, abs=1e-20)


@needs_shared("golden", "pretrain", "lr_schedule.json")
def test_pretraining_curves_are_the_original_ones_up_to_their_end():
    cases = json.loads(shared("golden", "pretrain", "lr_schedule.json").read_text())["cases"]
    assert len(cases) == 13
    for case in cases:
        args = case["args"]
        total = args["lr_decay_iters"] or args["train_iters"] // args.get("gradient_accumulation_steps", 1)
        shape = {
            "peak": args["lr"],
            "warmup_steps": args["warmup"] * total,
            "total_steps": total,
            # the original knows no exponential decay: it stays at the peak
            "schedule": args["lr_decay_style"].replace("exponential", "constant"),
            "decay_to": args["lr_decay_ratio"],
        }
        for step, wanted in [*zip(case["steps"], case["lr"], strict=True), *enumerate(case["first_six_incremental"])]:
            if args["lr_decay_style"] == "linear" and step > total:  # it went on below zero; ours stays
                wanted = args["lr"] * args["lr_decay_ratio"]
            assert learning_rate_at(step, **shape) == pytest.approx(wanted, rel=1e-9, abs=1e-18), (case["name"], step)


@needs_shared("golden", "model", "a", "train.npz")
def test_the_recorded_training_used_these_rates():
    hyper = json.loads(shared("golden", "model", "a", "train.json").read_text())["hyper"]
    total = hyper["warmup_iter"] + hyper["num_iters"]  # num_iters is the length of the decay
    ours = [
        learning_rate_at(step, peak=hyper["lr"], warmup_steps=hyper["warmup_iter"], total_steps=total, decay_to=0.1)
        for step in range(6)
    ]
    assert ours == pytest.approx([0, 0.001, 0.002, 0.001775, 0.00155, 0.001325])


def test_steps_are_counted_up_to_whole_ones():
    assert count_steps(steps=0, epochs=3, steps_per_epoch=5) == 15
    assert count_steps(steps=0, epochs=0.3, steps_per_epoch=5) == 2
    assert count_steps(steps=0, epochs=0.01, steps_per_epoch=5) == 1
    assert count_steps(steps=4, epochs=3, steps_per_epoch=5) == 4


def test_evaluations_come_every_so_many_epochs_and_at_the_end():
    assert evaluation_steps(10, steps_per_epoch=4, eval_every=1) == {4, 8, 10}
    assert evaluation_steps(10, steps_per_epoch=4, eval_every=0.5) == {2, 4, 6, 8, 10}
    assert evaluation_steps(10, steps_per_epoch=5, eval_every=0.5) == {3, 5, 8, 10}
    assert evaluation_steps(10, steps_per_epoch=4, eval_every=0) == {10}
    assert evaluation_steps(3, steps_per_epoch=4, eval_every=0.01) == {1, 2, 3}
    assert evaluation_steps(3, steps_per_epoch=4, eval_every=9) == {3}


class _Named(nn.Module):
    """Modules whose parameters have the names of a GLM's."""

    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(4, 2)
        self.layer = nn.ModuleDict({"dense": nn.Linear(2, 2), "input_layernorm": nn.LayerNorm(2)})
        self.prompt_spell = nn.ModuleDict({"lstm_head": nn.LSTM(2, 2, bidirectional=True), "table": nn.Embedding(3, 2)})


def test_biases_and_norms_do_not_decay_and_all_else_does():
    decay, free = parameter_groups(_Named(), weight_decay=0.1)
    assert (decay["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert sorted(free["names"]) == sorted(
        [
            *("layer.dense.bias", "layer.input_layernorm.weight", "layer.input_layernorm.bias"),
            *(f"prompt_spell.lstm_head.bias_{side}_l0{end}" for side in ("ih", "hh") for end in ("", "_reverse")),
        ]
    )
    assert {"word_embeddings.weight", "layer.dense.weight", "prompt_spell.table.weight"} <= set(decay["names"])


def test_frozen_parameters_are_in_no_group():
    module = _Named()
    module.word_embeddings.requires_grad_(False)
    names = [name for group in parameter_groups(module, weight_decay=0.1) for name in group["names"]]
    assert "word_embeddings.weight" not in names and "layer.dense.weight" in names


def test_parameters_may_learn_faster_by_the_beginning_of_their_name():
    scales = {"prompt_spell.": 10.0, "prompt_spell.table.": 100.0}
    groups = parameter_groups(_Named(), weight_decay=0.1, learning_rate_scales=scales)
    scale_of = {name: group["scale"] for group in groups for name in group["names"]}
    assert scale_of["prompt_spell.table.weight"] == 100
    assert scale_of["prompt_spell.lstm_head.bias_ih_l0"] == 10
    assert scale_of["word_embeddings.weight"] == 1


@needs_shared("golden", "model", "a", "train.json")
def test_groups_of_a_glm_are_the_recorded_ones():
    from glm_core.config import ModelConfig
    from glm_core.model.transformer import GLM

    told = json.loads(shared("golden", "model", "a", "train.json").read_text())
    config = ModelConfig(n_layers=3, hidden_size=48, n_heads=4, vocab_size=320, max_positions=64)
    decay, free = parameter_groups(GLM(config), weight_decay=0.1)
    assert sorted(decay["names"]) == sorted(told["decay"])
    assert sorted(free["names"]) == sorted(told["no_decay"])


def _with_gradients(values):
    made = [nn.Parameter(torch.zeros_like(torch.tensor(one))) for one in values]
    for parameter, one in zip(made, values, strict=True):
        parameter.grad = torch.tensor(one)
    return made


def test_a_long_gradient_is_shortened_and_a_short_one_is_left():
    made = _with_gradients([[3.0, 0.0], [4.0]])
    assert float(clip_gradients(made, 1.0)) == 5.0
    assert made[0].grad.tolist() + made[1].grad.tolist() == pytest.approx([0.6, 0.0, 0.8], rel=1e-6)
    short = _with_gradients([[0.25, 0.5]])
    clip_gradients(short, 1.0)
    assert short[0].grad.tolist() == [0.25, 0.5]


def test_no_clipping_still_measures():
    made = _with_gradients([[3.0, 4.0]])
    assert float(clip_gradients(made, 0.0)) == 5.0
    assert made[0].grad.tolist() == [3.0, 4.0]


def test_without_any_gradient_the_norm_is_zero():
    assert float(clip_gradients([nn.Parameter(torch.zeros(2))], 1.0)) == 0.0


@needs_shared("golden", "pretrain", "training.json")
def test_clipping_is_the_original_one():
    cases = json.loads(shared("golden", "pretrain", "training.json").read_text())["clip_grad_norm"]
    for case in cases:
        made = _with_gradients(case["grads"])
        assert float(clip_gradients(made, case["max_norm"])) == pytest.approx(case["total_norm"], rel=1e-6)
        for parameter, wanted in zip(made, case["clipped"], strict=True):
            torch.testing.assert_close(parameter.grad, torch.tensor(wanted), rtol=1e-6, atol=0)


def test_adamw_decays_beside_the_gradient_step():
    parameter = nn.Parameter(torch.tensor([2.0]))
    groups = [{"params": [parameter], "names": ["w"], "weight_decay": 0.5, "scale": 1.0}]
    optimizer = build_optimizer(groups, betas=(0.9, 0.999), epsilon=1e-8)
    parameter.grad = torch.tensor([4.0])
    optimizer.param_groups[0]["lr"] = 0.1
    optimizer.step()
    # decay 2 * (1 - 0.1 * 0.5) = 1.9; the first step of Adam is one learning rate long, whatever the gradient
    assert parameter.item() == pytest.approx(1.8, rel=1e-6)
