"""Held-out losses equal the obvious sum, level by level."""

import math

import pytest
import torch

from glm_core.config import TrainConfig
from glm_core.errors import UsageError
from glm_core.model.masks import branch_mask
from glm_core.runs.pretrain_evaluation import HeldOut
from glm_core.runs.pretrain_steps import as_instance, held_out
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.pretraining import RowMaker
from glm_core.tokens.row import build_row
from glm_core.training.engine import TorchEngine
from tests.core.runs.small_corpus import INFILLING, small_model, write_corpus


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = write_corpus(tmp_path_factory.mktemp("small"))
    found = small_model(folder)
    with torch.no_grad():
        found.module.word_embeddings.weight.mul_(20)  # fresh ones say nothing
    found.rows = held_out(RowMaker(Corpus(folder / "dev"), INFILLING, found.tokenizer, seed=0), 24)
    return found


@pytest.fixture
def engine(model):
    found = TorchEngine(TrainConfig())
    found.attach(model)
    return found


def obvious(model, row):
    """Nats and tokens of one row, by itself and in full."""
    ids, positions = torch.tensor(row.ids)[None], torch.tensor(row.positions)[None]
    mask = branch_mask(torch.tensor(row.branch)[None], torch.tensor(row.segment)[None])
    model.module.eval()
    with torch.no_grad():
        logits = model.module.logits(model.module(ids, positions, mask)[0])[0]
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(row.targets), reduction="none")
    counted = torch.tensor(row.target_mask)
    return float((losses * counted).sum()), int(counted.sum())


def test_losses_are_means_over_the_tokens_of_a_level_and_of_all(model, engine):
    found = HeldOut(model.rows, batch_tokens=300).measure(model, engine)
    sums = {}
    for level, instance in model.rows:
        nats, n = obvious(model, instance.row)
        for name in (f"{level}_loss", "loss"):
            before = sums.get(name, (0.0, 0))
            sums[name] = (before[0] + nats, before[1] + n)
    assert set(sums) == {"loss", "token_loss", "sentence_loss", "document_loss"}
    for name, (nats, n) in sums.items():
        assert found[name] == pytest.approx(nats / n, rel=1e-5)
        assert found[name.replace("loss", "perplexity")] == pytest.approx(math.exp(nats / n), rel=1e-4)
    assert next(iter(found)) == "loss"


def test_batches_change_nothing(model, engine):
    small = HeldOut(model.rows, batch_tokens=1).measure(model, engine)
    assert HeldOut(model.rows, batch_tokens=4096).measure(model, engine) == pytest.approx(small, rel=1e-5)


def test_a_level_without_rows_is_not_told(model, engine):
    tokens = [one for one in model.rows if one[0] == "token"]
    assert set(HeldOut(tokens, batch_tokens=300).measure(model, engine)) == {
        *("loss", "perplexity", "token_loss", "token_perplexity")
    }


def test_rows_without_anything_to_fill_in_are_refused():
    row = build_row([2, 7, 0], [], sop=9)
    with pytest.raises(UsageError, match="nothing to fill in"):
        HeldOut([("document", as_instance(row, "dev-0"))], batch_tokens=100)
