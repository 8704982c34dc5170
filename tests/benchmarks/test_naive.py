"""The plain path is an oracle: it equals the original's recorded outputs, and the packed path equals it."""

import numpy as np
import pytest
import torch

from benchmarks.jobs import JOBS, SIZES, Job, make_backbone, make_instances
from benchmarks.naive import NaiveGLM, pad_rows
from glm_core.model.glm_backbone import GLMBackbone
from tests.core.model.golden import LOGITS, arrays, needs_golden, network, sizes

COPA = next(job for job in JOBS if job.name == "COPA")
RTE = next(job for job in JOBS if job.name == "RTE single")


def _naive(backbone: GLMBackbone, **more) -> NaiveGLM:
    config = backbone.module.config
    return NaiveGLM(backbone.module.state_dict(), n_layers=config.n_layers, n_heads=config.n_heads, **more)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_its_logits_are_the_originals(name):
    recorded, model = arrays(name, "forward.npz"), network(name)
    naive = NaiveGLM(model.state_dict(), n_layers=model.config.n_layers, n_heads=sizes(name)["num_attention_heads"])
    found = naive.logits(recorded["input_ids"], recorded["position_ids"], recorded["sep"])
    torch.testing.assert_close(found, recorded["sep_vec.logits"], **LOGITS)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_packed_answers_score_as_padded_rows(job):
    backbone = make_backbone("tiny", seed=3)
    instances = make_instances(job, split="dev", n=4, vocab_size=backbone.module.config.vocab_size)
    expected = _naive(backbone).scores(pad_rows(instances, pad_to=job.pad_to))
    weighed = backbone.weigh(backbone.collate(instances))
    for q, one in enumerate(instances):
        found, wanted = weighed.log_probs[q].sum(-1)[: len(one.labels)], expected[q, : len(one.labels)]
        if job.mode == "single":  # its logits are log-probabilities but for a number per cloze
            found, wanted = found.log_softmax(0), wanted.log_softmax(0)
        assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("job", [COPA, RTE], ids=lambda job: job.name)
@pytest.mark.parametrize("recompute", [True, False])
def test_packed_answers_have_the_gradients_of_padded_rows(job, recompute):
    backbone = make_backbone("tiny", seed=4)
    backbone.module.set_dropout(0.0)
    instances = make_instances(job, split="train", n=3, vocab_size=backbone.module.config.vocab_size)
    weights = dict(backbone.module.named_parameters())
    loss = backbone.loss(backbone.collate(instances))
    config = backbone.module.config
    naive = NaiveGLM(weights, n_layers=config.n_layers, n_heads=config.n_heads, recompute=recompute)
    expected = naive.loss(pad_rows(instances, pad_to=job.pad_to))
    assert abs(loss - expected) <= 1e-5 * abs(expected)
    mine, its = (torch.autograd.grad(one, list(weights.values())) for one in (loss, expected))
    for name, found, wanted in zip(weights, mine, its, strict=True):
        assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max(), name


def test_rows_are_padded_and_clozes_with_fewer_answers_repeat_their_first():
    record = Job("ReCoRD-like", "record", "multi", pad_to=512)
    made = make_instances(record, split="dev", n=44, vocab_size=2048)
    instances = sorted(made, key=lambda one: len(one.labels))[:3] + made[:3]
    counts = [len(one.labels) for one in instances]
    assert len(set(counts)) > 1
    rows = pad_rows(instances, pad_to=512)
    most = max(counts)
    assert rows.ids.shape == (6 * most, 512)
    assert rows.answer_mask.sum(1).tolist() == counts
    q = counts.index(min(counts))
    assert torch.equal(rows.ids[(q + 1) * most - 1], rows.ids[q * most])
    scores = _naive(make_backbone("tiny")).scores(rows)
    assert (scores[rows.answer_mask == 0] == -10000.0).all()


def test_a_row_too_long_to_be_padded_is_refused():
    instances = make_instances(COPA, split="dev", n=2, vocab_size=2048)
    with pytest.raises(ValueError, match="more than 16"):
        pad_rows(instances, pad_to=16)


def test_only_dropout_makes_it_random():
    backbone = make_backbone("tiny")
    instances = make_instances(COPA, split="dev", n=2, vocab_size=SIZES["tiny"].vocab_size)
    rows = pad_rows(instances, pad_to=64)
    assert torch.equal(_naive(backbone).scores(rows), _naive(backbone).scores(rows))
    noisy = _naive(backbone, dropout=0.5)
    assert not torch.equal(noisy.scores(rows), noisy.scores(rows))


def test_the_same_seed_gives_the_same_examples():
    first, second = (make_instances(COPA, split="dev", n=5, vocab_size=2048) for _ in range(2))
    assert all(np.array_equal(one.row.ids, other.row.ids) for one, other in zip(first, second, strict=True))
