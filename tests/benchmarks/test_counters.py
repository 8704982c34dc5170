"""What the packed path does, counted: no padding, one pass per Part A, logits of answer tokens only, one mask per row."""

import pytest
import torch

from benchmarks.counters import counting
from benchmarks.evaluation import our_scores
from benchmarks.jobs import JOBS, make_backbone, make_instances
from glm_core.model.masks import branch_mask
from glm_core.training.batching import ShuffledSteps


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_evaluation_computes_what_is_needed_and_nothing_else(job):
    backbone = make_backbone("tiny")
    instances = make_instances(job, split="dev", n=24, vocab_size=backbone.module.config.vocab_size)
    with counting(backbone) as counted:
        our_scores(backbone, instances)
    answer_tokens = sum(int(one.row.target_mask.sum()) for one in instances)
    assert counted.tokens == sum(one.n_tokens for one in instances)  # on a CPU; elsewhere at most 1.1 times as many
    assert counted.logit_rows == answer_tokens
    assert counted.rows == len(instances)
    assert counted.masks == counted.rows


def test_a_training_step_reads_each_part_a_once():
    job = next(one for one in JOBS if one.name == "CB multi")
    backbone = make_backbone("tiny")
    instances = make_instances(job, split="train", n=16, vocab_size=backbone.module.config.vocab_size)
    steps = ShuffledSteps(instances, batch_size=8, micro_batch_tokens=8192, seed=1)
    backbone.module.train()
    with counting(backbone) as counted:
        for step in range(steps.steps_per_epoch):
            for group in steps.at(step):
                backbone.loss(backbone.collate(group)).backward()
    assert counted.rows == counted.masks == len(instances)
    assert counted.tokens == sum(one.n_tokens for one in instances)
    assert counted.logit_rows == sum(int(one.row.target_mask.sum()) for one in instances)


def test_a_dense_batch_counts_its_padding():
    backbone = make_backbone("tiny")
    job = next(one for one in JOBS if one.name == "COPA")
    batch = backbone.collate(make_instances(job, split="dev", n=3, vocab_size=2048))
    with counting(backbone) as counted, torch.inference_mode():
        backbone.module(batch.ids, batch.positions, branch_mask(batch.branch, batch.segment), keep=False)
    assert counted.tokens == batch.ids.numel()
    assert (counted.batches, counted.rows, counted.masks) == (1, 3, 3)
