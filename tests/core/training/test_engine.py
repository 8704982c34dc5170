import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from glm_core.config import ModelConfig, TrainConfig
from glm_core.errors import CheckpointError, UsageError
from glm_core.training.engine import TorchEngine, _buckets, _use_cores
from glm_core.training.schedule import learning_rate_at
from tests.core.training.toy import ToyBackbone, parameters, same, toy_config, toy_instances
from tests.shared_files import needs_shared, shared


def _engine(backbone, **options):
    engine = TorchEngine(toy_config(**options))
    engine.attach(backbone)
    return engine


def _update(engine, backbone, groups, learning_rate=0.01):
    """One update from the mean over all examples of some groups."""
    n = sum(map(len, groups))
    for group in groups:
        with engine.autocast():
            loss = backbone.loss(backbone.collate(group))
        engine.backward(loss * (len(group) / n))
    return engine.step(learning_rate)


def test_micro_batches_of_any_size_give_the_gradient_of_one_big_batch():
    found = []
    for cuts in ([16], [1, 15], [3, 6, 7], [1] * 16):
        backbone, left = ToyBackbone(dropout=0.0), toy_instances(16)
        engine = _engine(backbone, clip=0.5)
        groups = [[left.pop() for _ in range(n)] for n in cuts]
        for _ in range(3):
            assert _update(engine, backbone, groups)
        found.append(parameters(backbone))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-6)


def test_a_parameter_without_a_gradient_is_left_alone():
    backbone = ToyBackbone()
    backbone.module.lost = torch.nn.Linear(2, 2)
    before = parameters(backbone)
    engine = _engine(backbone, weight_decay=0.5)
    _update(engine, backbone, [toy_instances(4)])
    after = parameters(backbone)
    assert torch.equal(after["lost.weight"], before["lost.weight"])
    assert sorted(engine.silent()) == ["lost.bias", "lost.weight"]


def test_the_scale_of_a_part_multiplies_its_learning_rate():
    backbone = ToyBackbone()
    backbone.learning_rate_scales = {"head.": 0.0}
    before = parameters(backbone)
    _update(_engine(backbone), backbone, [toy_instances(4)])
    after = parameters(backbone)
    assert torch.equal(after["head.weight"], before["head.weight"])
    assert not torch.equal(after["words.weight"], before["words.weight"])


def test_on_a_cpu_a_gradient_that_is_not_finite_changes_nothing():
    backbone = ToyBackbone()
    engine, before = _engine(backbone), parameters(backbone)
    engine.backward(backbone.loss(backbone.collate(toy_instances(4))) * float("nan"))
    assert not engine.step(0.1)
    assert not torch.isfinite(engine.norm)
    assert same(parameters(backbone), before)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_computes_forward_and_keeps_full_parameters(precision):
    dtypes = []
    backbone = ToyBackbone()
    backbone.module.head.register_forward_hook(lambda module, given, out: dtypes.append(out.dtype))
    engine = _engine(backbone, precision=precision)
    assert _update(engine, backbone, [toy_instances(4)])
    assert dtypes == [{"bf16": torch.bfloat16, "fp16": torch.float16}[precision]]
    assert {one.dtype for one in parameters(backbone).values()} == {torch.float32}


def test_fp16_skips_an_update_whose_gradient_overflows_and_lowers_its_scale():
    backbone = ToyBackbone()
    engine, before = _engine(backbone, precision="fp16"), parameters(backbone)
    engine.backward(backbone.loss(backbone.collate(toy_instances(4))) * 1e38)
    assert not engine.step(0.1)
    assert same(parameters(backbone), before)
    assert _update(engine, backbone, [toy_instances(4)])
    assert not same(parameters(backbone), before)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_saved_and_loaded_it_goes_on_with_the_same_bits(tmp_path, precision):
    backbone = ToyBackbone(dropout=0.0)
    engine, groups = _engine(backbone, precision=precision), [toy_instances(8)]
    _update(engine, backbone, groups)
    engine.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}  # no pickles
    other = ToyBackbone(dropout=0.0, seed=99)
    second = _engine(other, precision=precision)
    second.load(tmp_path)
    for _ in range(3):
        _update(engine, backbone, groups)
        _update(second, other, groups)
    assert same(parameters(other), parameters(backbone))


def test_frozen_parameters_are_neither_saved_nor_trained(tmp_path):
    from safetensors.torch import load_file

    backbone = ToyBackbone()
    backbone.module.words.requires_grad_(False)
    engine = _engine(backbone)
    _update(engine, backbone, [toy_instances(4)])
    engine.save(tmp_path)
    assert "words.weight" not in load_file(tmp_path / "parameters.safetensors")


def test_nothing_to_train_is_said():
    backbone = ToyBackbone()
    backbone.module.requires_grad_(False)
    with pytest.raises(UsageError, match="nothing to train"):
        _engine(backbone)


def test_parameters_of_another_model_are_refused(tmp_path):
    backbone = ToyBackbone()
    _engine(backbone).save_parameters(tmp_path)
    other = ToyBackbone()
    other.module.head = torch.nn.Linear(8, 5)
    with pytest.raises(CheckpointError, match=r"'head\.(weight|bias)' is"):
        _engine(other).load_parameters(tmp_path)
    other.module.more = torch.nn.Linear(2, 2)
    with pytest.raises(CheckpointError, match=r"more\.bias"):
        _engine(other).load_parameters(tmp_path)
    (tmp_path / "parameters.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="cannot be read"):
        _engine(backbone).load_parameters(tmp_path)


def test_alone_totals_and_gathers_are_what_they_were_given():
    engine = TorchEngine(TrainConfig())
    assert engine.total([1.0, 2.0]) == [1.0, 2.0]
    assert engine.gather(["a"]) == ["a"]


def test_gradients_travel_in_buckets_of_one_kind():
    small, big = torch.zeros(4), torch.zeros(9 * 2**20)
    buckets = _buckets([small, small, big, small, small.double(), big])
    assert [len(bucket) for bucket in buckets] == [2, 1, 1, 1, 1]
    assert all(len({one.dtype for one in bucket}) == 1 for bucket in buckets)


def test_processes_share_the_cores_unless_the_user_says_how_many(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    _use_cores()
    assert chosen == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    _use_cores()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "9")
    _use_cores()
    assert chosen == [1, 1]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    _use_cores()
    assert chosen[-1] == 3


@needs_shared("golden", "model", "a", "train.npz")
@pytest.mark.parametrize("micro_batches", [[[0, 1, 2]], [[0], [1, 2]]])
def test_six_steps_of_the_original_are_repeated(micro_batches):
    import numpy as np
    from safetensors.torch import load_file

    from glm_core.model.transformer import GLM

    folder = shared("golden", "model", "a")
    recorded = np.load(folder / "train.npz")
    hyper = json.loads((folder / "train.json").read_text())["hyper"]
    total = hyper["warmup_iter"] + hyper["num_iters"]
    config = ModelConfig(n_layers=3, hidden_size=48, n_heads=4, vocab_size=320, max_positions=64)
    backbone = ToyBackbone()
    backbone.module = GLM(config)
    backbone.module.load_state_dict(load_file(next((folder / "hf_safetensors").glob("*.safetensors"))))
    engine = TorchEngine(
        TrainConfig(weight_decay=hyper["weight_decay"], beta1=0.9, beta2=0.98, epsilon=1e-6, clip=hyper["clip_grad"])
    )
    engine.attach(backbone)
    backbone.module.eval()  # it was recorded without dropout
    for step in range(6):
        rate = learning_rate_at(
            step, peak=hyper["lr"], warmup_steps=hyper["warmup_iter"], total_steps=total, decay_to=hyper["decay_ratio"]
        )
        assert rate == pytest.approx(recorded["lr_used"][step])
        given = {
            name: torch.from_numpy(recorded[f"step{step}.{name}"])
            for name in ("input_ids", "labels", "loss_mask", "position_ids", "attention_mask")
        }
        sep = given["attention_mask"]
        at = torch.arange(given["input_ids"].shape[1])
        mask = ((at[None, None] <= at[None, :, None]) | (at[None, None] < sep[:, None, None]))[:, None]
        weight = float(given["loss_mask"].sum())
        seen = 0.0
        for rows in micro_batches:
            counts = given["loss_mask"][rows].float()
            states, _ = backbone.module(given["input_ids"][rows], given["position_ids"][rows], mask[rows])
            each = F.cross_entropy(
                backbone.module.logits(states).flatten(0, 1), given["labels"][rows].flatten(), reduction="none"
            )
            mean = (each * counts.flatten()).sum() / counts.sum()
            part = mean * (float(counts.sum()) / weight)
            engine.backward(part)
            seen += float(part.detach())
        assert seen == pytest.approx(recorded["loss"][step], abs=3e-5, rel=1e-5)
        assert engine.step(rate)
    for name, parameter in backbone.module.named_parameters():
        assert float(parameter.detach().norm()) == pytest.approx(float(recorded[f"final_norm.{name}"]), rel=2e-5), name
        if f"final.{name}" in recorded:
            wanted = torch.from_numpy(recorded[f"final.{name}"])
            torch.testing.assert_close(parameter.detach(), wanted, atol=1e-4, rtol=1e-4)


TOY = Path(__file__).with_name("toy.py")


def _torchrun(tmp_path, *arguments, processes=2):
    """Start the toy in several processes, each leaving its findings beside `out`."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    return subprocess.run(
        [*command, str(TOY), *map(str, arguments)], env=environment, cwd=tmp_path, capture_output=True, text=True
    )


def test_two_processes_learn_what_one_does(tmp_path):
    from tests.core.training.toy import train_toy

    options = {"batch_size": 3, "epochs": 1}  # 14 steps; for the last one a single example is left
    wanted, summary, rows = train_toy(tmp_path / "alone", dropout=0.0, **options)
    done = _torchrun(tmp_path, tmp_path / "both", tmp_path / "out", "--dropout", "0", "--options", json.dumps(options))
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"out.{rank}", weights_only=True) for rank in (0, 1))
    assert same(first["parameters"], second["parameters"])
    torch.testing.assert_close(first["parameters"], wanted, rtol=1e-5, atol=1e-5)
    assert first["losses"] == pytest.approx([row["loss"] for row in rows if row["event"] == "step"], abs=1e-6)
    assert second["losses"] == []  # only the first process records
    assert first["best_step"] == second["best_step"] == summary.best_step


@pytest.mark.slow
def test_two_processes_that_were_stopped_and_killed_go_on_with_the_same_bits(tmp_path):
    options = ["--options", json.dumps({"save_every": 2})]
    assert _torchrun(tmp_path, tmp_path / "straight", tmp_path / "a", *options).returncode == 0
    assert _torchrun(tmp_path, tmp_path / "killed", tmp_path / "b", *options, "--nudge-at", 3).returncode != 0
    assert [path.name for path in (tmp_path / "killed").glob("step-*")] == ["step-00000003"]  # all agreed to stop
    assert _torchrun(tmp_path, tmp_path / "killed", tmp_path / "b", *options, "--die-at", 7).returncode != 0
    assert not (tmp_path / "b.0").exists()
    assert _torchrun(tmp_path, tmp_path / "killed", tmp_path / "b", *options).returncode == 0
    a, b = (torch.load(tmp_path / f"{name}.1", weights_only=True) for name in "ab")
    assert same(a["parameters"], b["parameters"])
