"""Fine-tuning: steps over packed rows against steps over one padded row per answer.

A step is the same on both sides: forward, backward, the gradient clipped to norm 1, AdamW in one fused kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.evaluation import naive_batches
from benchmarks.jobs import PAD, Job, make_instances
from benchmarks.machine import PeakMemory, flops_per_answer_token, flops_per_token
from benchmarks.naive import NaiveGLM, pad_rows
from benchmarks.pairs import Compared, Side, measure_pairs
from glm_core.config import TrainConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.tokens.encode import Instance
from glm_core.training.batching import ShuffledSteps, batch_overhead
from glm_core.training.engine import TorchEngine
from glm_core.training.schedule import build_optimizer, parameter_groups

TOLERANCE = 1e-5  # largest difference of the loss or of a parameter's gradient, relative to the largest
DROPOUT = 0.1
LEARNING_RATE = 1e-6
NAIVE_ROWS = 12  # rows of a naive micro-batch: logits of 12 x 256 positions and their gradients are 2 GB


@dataclass(frozen=True)
class Training:
    """One column of the table."""

    job: Job
    compared: Compared
    error: float  # of loss and gradients, relative
    examples: int
    real_tokens: int
    flops: float  # useful ones per example


class OurTraining:
    """Steps as the trainer takes them."""

    def __init__(
        self, backbone: GLMBackbone, instances: Sequence[Instance], *, batch_size: int, precision: Any
    ) -> None:
        config = TrainConfig(batch_size=batch_size, dropout=DROPOUT, precision=precision)
        self.backbone, self.instances, self.config = backbone, instances, config
        backbone.module.train()
        backbone.module.set_dropout(DROPOUT)
        self.engine = TorchEngine(config)
        self.engine.attach(backbone)
        self.steps = ShuffledSteps(
            instances,
            batch_size=batch_size,
            micro_batch_tokens=config.micro_batch_tokens,
            seed=1,
            overhead=batch_overhead("cpu"),
        )

    def epoch(self) -> None:
        """Each example once."""
        for step in range(self.steps.steps_per_epoch):
            self.step(self.steps.at(step))

    def step(self, groups: Sequence[Sequence[Instance]]) -> None:
        batches = [self.backbone.collate(group) for group in groups]
        n = sum(batch.n_clozes for batch in batches)
        for batch in batches:
            with self.engine.autocast():
                loss = self.backbone.loss(batch)
            self.engine.backward(loss * (batch.n_clozes / n))
        self.engine.step(LEARNING_RATE)


class NaiveTraining:
    """Steps as the original takes them, on a copy of the parameters."""

    def __init__(self, module: nn.Module, job: Job, *, n_layers: int, n_heads: int, recompute: bool) -> None:
        self.job = job
        weights = {name: nn.Parameter(value.detach().clone()) for name, value in module.named_parameters()}
        self.naive = NaiveGLM(weights, n_layers=n_layers, n_heads=n_heads, dropout=DROPOUT, recompute=recompute)
        self.parameters = list(weights.values())
        groups = parameter_groups(module, weight_decay=TrainConfig().weight_decay)
        for group in groups:
            group["params"] = [weights[name] for name in group["names"]]
        self.optimizer = build_optimizer(groups, betas=(0.9, 0.999), epsilon=1e-8)

    def step(self, instances: Sequence[Instance]) -> None:
        for part in naive_batches(instances, rows=NAIVE_ROWS):
            loss = self.naive.loss(pad_rows(part, pad_to=self.job.pad_to, pad=PAD))
            (loss * (len(part) / len(instances))).backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def gradient_error(backbone: GLMBackbone, job: Job, instances: Sequence[Instance]) -> float:
    """Largest difference of loss and gradients without dropout, each relative to its own size."""
    module = backbone.module
    module.set_dropout(0.0)
    weights = dict(module.named_parameters())
    ours = backbone.loss(backbone.collate(instances))
    gradients = torch.autograd.grad(ours, list(weights.values()))
    copies: dict[str, Tensor] = {name: nn.Parameter(one.detach().clone()) for name, one in weights.items()}
    naive = NaiveGLM(copies, n_layers=module.config.n_layers, n_heads=module.config.n_heads)
    loss = naive.loss(pad_rows(instances, pad_to=job.pad_to, pad=PAD))
    expected = torch.autograd.grad(loss, list(copies.values()))
    pairs = [(ours.detach(), loss.detach()), *zip(gradients, expected, strict=True)]
    return max(float((mine - its).abs().max() / its.abs().max()) for mine, its in pairs)


def measure(
    backbone: GLMBackbone,
    job: Job,
    *,
    examples: int,
    batch_size: int,
    pairs: int,
    precision: str,
    against: str,
    recompute: bool = True,
) -> Training:
    """Both sides of a column. Ours takes all examples in steps of `batch_size`, the naive side one step of as many."""
    config = backbone.module.config
    instances = make_instances(job, split="train", n=examples, vocab_size=config.vocab_size)
    error = gradient_error(backbone, job, instances[:2])
    training = OurTraining(backbone, instances, batch_size=batch_size, precision=precision)
    training.epoch()
    ours = Side("ours", training.epoch, len(instances))
    if against == "fp32":
        plain = OurTraining(backbone, instances, batch_size=batch_size, precision="fp32")
        plain.epoch()
        other = Side("ours, fp32", plain.epoch, len(instances))
    else:
        naive = NaiveTraining(
            backbone.module, job, n_layers=config.n_layers, n_heads=config.n_heads, recompute=recompute
        )
        few = instances[:batch_size]
        naive.step(few[:2])
        other = Side("naive", lambda: naive.step(few), len(few))
    compared = measure_pairs(ours, other, pairs=pairs)
    backbone.module.eval()
    real = sum(one.n_tokens for one in instances)
    places = sum(int(one.row.target_mask.sum()) for one in instances) if job.mode == "multi" else 0
    flops = 3 * (real * flops_per_token(config) + places * flops_per_answer_token(config)) / len(instances)
    return Training(job, compared, error, len(instances), real, flops)


def peak_memory(backbone: GLMBackbone, job: Job, *, side: str, examples: int) -> float:
    """MiB of a training step above the loaded model; to be called in a process of its own."""
    config = backbone.module.config
    instances = make_instances(job, split="train", n=examples, vocab_size=config.vocab_size)
    if side == "ours":
        ours = OurTraining(backbone, instances, batch_size=examples, precision="fp32")
        with PeakMemory() as peak:
            ours.epoch()
        return peak.mib
    naive = NaiveTraining(
        backbone.module, job, n_layers=config.n_layers, n_heads=config.n_heads, recompute=side == "naive"
    )
    with PeakMemory() as peak:
        naive.step(instances)
    return peak.mib
