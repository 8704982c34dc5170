"""Scoring the answers of clozes: our packed rows against one padded row per answer.

Q clozes, C answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.counters import counting
from benchmarks.jobs import PAD, Job, make_instances
from benchmarks.machine import PeakMemory, flops_per_answer_token, flops_per_token
from benchmarks.naive import NaiveGLM, pad_rows
from benchmarks.pairs import Compared, Side, measure_pairs
from glm_core.config import EvalConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.tokens.encode import Instance
from glm_core.training.batching import batch_overhead, token_batches

TOLERANCE = {"fp32": 1e-5, "bf16": 2e-2}  # largest difference of a score, relative to the largest score
NAIVE_ROWS = 48  # rows of a naive batch: sixteen examples of three answers, as the original's batches of sixteen


@dataclass(frozen=True)
class Exactness:
    """How far the scores of the two sides lie apart, and how many decisions differ."""

    error: float  # largest difference relative to the largest score
    decisions: int  # examples where the two choose differently
    n: int


@dataclass(frozen=True)
class Evaluation:
    """One column of the table."""

    job: Job
    compared: Compared
    exactness: Exactness
    counters: dict[str, int]
    examples: int
    real_tokens: int  # over all examples: each Part A and each answer once
    answer_tokens: int
    flops: float  # useful ones per example


def our_scores(backbone: GLMBackbone, instances: Sequence[Instance], dtype: str = "fp32") -> list[Tensor]:
    """The score of each answer, (C,) per cloze: batches, the packed path, sums. What `glm evaluate` does after encoding."""
    found: list[Tensor] = [torch.empty(0)] * len(instances)
    lengths = [one.n_tokens for one in instances]
    for indices in token_batches(lengths, budget=EvalConfig().batch_tokens, overhead=batch_overhead("cpu")):
        batch = backbone.collate([instances[index] for index in indices])
        with torch.autocast("cpu", dtype=torch.bfloat16) if dtype == "bf16" else nullcontext():
            weighed = backbone.weigh(batch)
        for index, scores in zip(indices, weighed.log_probs.sum(-1), strict=True):
            found[index] = scores[: len(instances[index].labels)]
    return found


def naive_scores(naive: NaiveGLM, instances: Sequence[Instance], *, pad_to: int) -> list[Tensor]:
    """The same by the plain path; for words it gives logits."""
    found: list[Tensor] = []
    with torch.inference_mode():
        for part in naive_batches(instances):
            scores = naive.scores(pad_rows(part, pad_to=pad_to, pad=PAD))
            found += [one[: len(instance.labels)] for one, instance in zip(scores, part, strict=True)]
    return found


def naive_batches(instances: Sequence[Instance], *, rows: int = NAIVE_ROWS) -> list[Sequence[Instance]]:
    """In their order: sixteen examples, or as many as make so many rows."""
    answers = 1 if instances[0].words is not None else max(len(one.labels) for one in instances)
    longest = max(one.n_tokens for one in instances)
    size = max(1, min(16, rows // answers) if longest <= 256 else rows // (2 * answers))
    return [instances[at : at + size] for at in range(0, len(instances), size)]


def compare_scores(ours: Sequence[Tensor], naive: Sequence[Tensor], *, words: bool) -> Exactness:
    """words: scores count up to a number per cloze (the naive path gives logits, ours log-probabilities)."""
    error, decisions = 0.0, 0
    largest = max(float(one.abs().max()) for one in naive)
    for mine, its in zip(ours, naive, strict=True):
        decisions += int(mine.argmax() != its.argmax())
        difference = mine.float() - its
        if words:
            difference = difference - difference.mean()
        error = max(error, float(difference.abs().max()) / largest)
    return Exactness(error, decisions, len(naive))


def measure(
    backbone: GLMBackbone, job: Job, *, examples: int, naive_examples: int, pairs: int, dtype: str, against: str
) -> Evaluation:
    """Both sides of a column. The other side takes the first `naive_examples` only: all its rows are equally long."""
    config = backbone.module.config
    instances = make_instances(job, split="dev", n=examples, vocab_size=config.vocab_size)
    naive = NaiveGLM(backbone.module.state_dict(), n_layers=config.n_layers, n_heads=config.n_heads)
    few = instances[:naive_examples]
    expected = naive_scores(naive, few, pad_to=job.pad_to)  # warms it up
    with counting(backbone) as counters:
        found = our_scores(backbone, instances, dtype)
    ours = Side("ours", lambda: our_scores(backbone, instances, dtype), len(instances))
    other = Side("naive", lambda: naive_scores(naive, few, pad_to=job.pad_to), len(few))
    if against == "fp32":
        our_scores(backbone, instances)
        other = Side("ours, fp32", lambda: our_scores(backbone, instances), len(instances))
    real = sum(one.n_tokens for one in instances)
    places = sum(int(one.row.target_mask.sum()) for one in instances)
    flops = (real * flops_per_token(config) + places * flops_per_answer_token(config)) / len(instances)
    return Evaluation(
        job=job,
        compared=measure_pairs(ours, other, pairs=pairs),
        exactness=compare_scores(found[: len(few)], expected, words=job.mode == "single"),
        counters=counters.as_dict(),
        examples=len(instances),
        real_tokens=real,
        answer_tokens=places,
        flops=flops,
    )


def peak_memory(backbone: GLMBackbone, job: Job, *, side: str, examples: int) -> float:
    """MiB above the loaded model; to be called in a process of its own."""
    config = backbone.module.config
    instances = make_instances(job, split="dev", n=examples, vocab_size=config.vocab_size)
    naive = NaiveGLM(backbone.module.state_dict(), n_layers=config.n_layers, n_heads=config.n_heads)
    run: Any = our_scores if side == "ours" else naive_scores
    given = (backbone,) if side == "ours" else (naive,)
    more = {} if side == "ours" else {"pad_to": job.pad_to}
    with PeakMemory() as peak:
        run(*given, instances, **more)
    return peak.mib
