"""What is measured: columns of the table, their examples as rows of random ids with the lengths of real ones.

Q clozes, C answers, L tokens of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal

import numpy as np
import torch

from benchmarks.lengths import read_lengths
from glm_core.config import ModelConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.tokens.encode import Instance
from glm_core.tokens.row import Span, build_row

Mode = Literal["single", "multi"]

PAD, CLS, EOS, MASK, SOP, EOP = 0, 1, 2, 3, 4, 5
FIRST_WORD = 1000  # ids of text begin here; the words of a verbalizer come just before
SIZES = {
    "base": ModelConfig(initializer_range=0.05),  # GLM-Base; wide enough that answers differ in score
    "tiny": ModelConfig(
        n_layers=2, hidden_size=32, n_heads=2, vocab_size=2048, max_positions=512, initializer_range=0.2
    ),
}


@dataclass(frozen=True)
class Job:
    """One column: a task's lengths, how its answers are read, and the length to which the original pads.

    single: answers are words, read off together at [sop]. multi: every answer is scored token by token.
    """

    name: str
    task: str
    mode: Mode
    pad_to: int = 256


JOBS = (
    Job("RTE single", "rte", "single"),
    Job("RTE multi", "rte", "multi"),
    Job("BoolQ single", "boolq", "single"),
    Job("BoolQ multi", "boolq", "multi"),
    Job("COPA", "copa", "multi"),
    Job("CB single", "cb", "single"),
    Job("CB multi", "cb", "multi"),
    Job("WiC single", "wic", "single"),
    Job("WiC multi", "wic", "multi"),
    Job("ReCoRD-like", "record", "multi", pad_to=512),
)
TRAINING_JOBS = JOBS[:-1]


def pick_jobs(jobs: Sequence[Job], tasks: str | None) -> list[Job]:
    """The columns of these tasks ("rte,cb"; "rte-single" names one column). Raises ValueError for an unknown one."""
    if tasks is None:
        return list(jobs)
    wanted = tasks.split(",")
    known = {name for job in jobs for name in (job.task, f"{job.task}-{job.mode}")}
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"unknown task '{unknown[0]}'; there are {', '.join(sorted(known))}")
    return [job for job in jobs if job.task in wanted or f"{job.task}-{job.mode}" in wanted]


def make_instances(job: Job, *, split: str, n: int, vocab_size: int, seed: int = 1) -> list[Instance]:
    """`n` examples with the lengths of the sample (repeated where it is shorter), ids and gold labels drawn from a seed."""
    sample = read_lengths(job.task, split)
    rng = np.random.default_rng([seed, *job.name.encode()])
    made = []
    for index in range(n):
        part_a, answers = sample[index % len(sample)]
        ids = rng.integers(FIRST_WORD, vocab_size, part_a)
        blank = int(rng.integers(1, part_a - 1))
        ids[[0, blank, part_a - 1]] = CLS, MASK, EOS
        words = tuple(range(FIRST_WORD - len(answers), FIRST_WORD))
        if job.mode == "single":
            branches = [[Span(blank, ())]]
        elif set(answers) == {2}:  # a word and [eop]
            branches = [[Span(blank, (word, EOP))] for word in words]
        else:
            branches = [
                [Span(blank, (*rng.integers(FIRST_WORD, vocab_size, length - 1).tolist(), EOP))] for length in answers
            ]
        labels = tuple(map(str, range(len(answers))))
        made.append(
            Instance(
                uid=f"{job.task}-{index}",
                row=build_row(ids.tolist(), branches, sop=SOP),
                words=words if job.mode == "single" else None,
                answers=labels,
                labels=labels,
                gold=int(rng.integers(len(answers))),
            )
        )
    return made


def make_backbone(size: str, *, seed: int = 1) -> GLMBackbone:
    """A GLM with random weights, without a vocabulary: its examples are ids already. `size`: see SIZES."""
    config = SIZES[size]
    torch.manual_seed(seed)
    tokenizer = SimpleNamespace(n_tokens=config.vocab_size, special=SimpleNamespace(pad=PAD))
    return GLMBackbone(GLM(config).eval(), tokenizer)  # type: ignore[arg-type]
