"""Rows of different lengths, end to end on a CPU: the same numbers as side by side with padding. And oneDNN's."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from glm_core.config import ModelConfig
from glm_core.model import onednn
from glm_core.model.batch import collate
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.masks import RowMasks, additive_mask, attend, branch_mask
from glm_core.model.transformer import GLM
from glm_core.tokens.encode import Instance
from glm_core.tokens.row import Span, build_row
from tests.reference.classic import backbone_of

CONFIG = ModelConfig(n_layers=2, hidden_size=16, n_heads=2, vocab_size=50, max_positions=32, initializer_range=0.3)
PARTS = ([7, 3, 8, 9], [7, 3, 8, 9, 10, 11, 12, 13, 14], [7, 8, 3, 9, 6])


def _instances() -> list[Instance]:
    made = []
    for index, part_a in enumerate(PARTS):
        answers = [(20 + index, 5), (30, 31 + index, 5)]
        row = build_row(part_a, [[Span(part_a.index(3), goal)] for goal in answers], sop=4)
        made.append(Instance(str(index), row, None, ("a", "b"), ("a", "b"), index % 2))
    return made


@pytest.fixture
def glm() -> GLMBackbone:
    torch.manual_seed(2)
    return backbone_of(CONFIG)


def test_rows_end_to_end_look_at_themselves_only():
    torch.manual_seed(1)
    q, k, v = torch.randn(3, 1, 2, 8, 4).unbind()
    masks = [torch.ones(1, 1, 3, 3, dtype=torch.bool).tril(), torch.ones(1, 1, 5, 5, dtype=torch.bool)]
    found = attend(q, k, v, RowMasks(masks).additive(q.dtype))
    whole = torch.block_diag(*(one[0, 0] for one in masks)).bool()
    torch.testing.assert_close(found, attend(q, k, v, additive_mask(whole, q.dtype)))
    assert RowMasks(masks).lengths == [3, 5]


def test_without_padding_scores_and_gradients_are_those_of_padded_rows(glm):
    batch = collate(_instances(), pad=0)
    mask = branch_mask(batch.branch, batch.segment)
    padded = glm.module(batch.ids, batch.positions, mask, keep=False)[0].flatten(0, 1)[batch.places]
    found = glm.states(batch, batch.places)
    torch.testing.assert_close(found, padded)
    weights = list(glm.module.parameters())
    for mine, its in zip(
        torch.autograd.grad(found.square().sum(), weights),
        torch.autograd.grad(padded.square().sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-4)


def test_only_real_tokens_go_through_the_network(glm):
    seen = []
    glm.module.transformer.layers[0].register_forward_hook(lambda layer, given, made: seen.append(given[0].shape))
    glm.weigh(glm.collate(_instances()))
    assert seen == [(1, sum(len(one.row) for one in _instances()), CONFIG.hidden_size)]


def test_rows_of_one_length_stay_side_by_side(glm):
    seen = []
    glm.module.transformer.layers[0].register_forward_hook(lambda layer, given, made: seen.append(given[0].shape[:2]))
    one = _instances()[0]
    glm.weigh(glm.collate([one, dataclasses.replace(one, uid="again")]))
    assert seen == [(2, len(one.row))]


def test_a_model_with_one_table_of_positions_needs_no_padding_either():
    torch.manual_seed(3)
    network = GLM(dataclasses.replace(CONFIG, block_positions=False)).eval()
    glm = backbone_of(network.config, network.state_dict())
    batch = collate(_instances(), pad=0)
    mask = branch_mask(batch.branch, batch.segment)
    padded = network(batch.ids, batch.positions[:, 0], mask, keep=False)[0].flatten(0, 1)[batch.places]
    torch.testing.assert_close(glm.states(batch, batch.places), padded)


@pytest.fixture
def all_by_onednn(monkeypatch):
    monkeypatch.setattr(onednn, "WORTH", 0)
    x, weight = torch.ones(1, 1), torch.ones(1, 1)
    if not onednn.suits(x, weight):
        pytest.skip("oneDNN is not used on this machine")


@pytest.mark.usefixtures("all_by_onednn")
def test_onednn_gives_the_numbers_of_torch(glm):
    torch.manual_seed(4)
    x, weight, bias = torch.randn(3, 5, 16), torch.randn(24, 16), torch.randn(24)
    with torch.inference_mode():
        torch.testing.assert_close(onednn.linear(x, weight, bias), F.linear(x, weight, bias))
        torch.testing.assert_close(onednn.linear(x, weight), F.linear(x, weight))
        expected = F.gelu(F.linear(x, weight, bias), approximate="tanh")
        torch.testing.assert_close(onednn.linear_gelu(x, weight, bias), expected)
    batch = collate(_instances(), pad=0)
    with torch.inference_mode():
        by_onednn = glm.states(batch, batch.places)
    torch.testing.assert_close(by_onednn, glm.states(batch, batch.places).detach())


@pytest.mark.usefixtures("all_by_onednn")
def test_onednn_gives_the_gradients_of_torch():
    torch.manual_seed(5)
    given = [torch.randn(shape, requires_grad=True) for shape in ((3, 5, 16), (24, 16), (24,))]
    wanted = torch.randn(3, 5, 24)
    for mine, torchs in (
        (onednn.linear, F.linear),
        (onednn.linear_gelu, lambda *xs: F.gelu(F.linear(*xs), approximate="tanh")),
    ):
        for loss in (
            lambda y: (y * wanted).sum(),
            lambda y: y.sum(),
        ):  # the second one's gradient is one number, expanded
            found = torch.autograd.grad(loss(mine(*given)), given)
            torch.testing.assert_close(found, torch.autograd.grad(loss(torchs(*given)), given))
    x, weight, bias = given
    frozen = onednn.linear(x, weight.detach(), bias.detach())
    torch.testing.assert_close(torch.autograd.grad(frozen.sum(), x)[0], weight.sum(0).expand_as(x))


@pytest.mark.usefixtures("all_by_onednn")
def test_onednn_is_left_out_where_the_arithmetic_is_not_fp32():
    x, weight = torch.randn(4, 8), torch.randn(8, 8)
    assert onednn.suits(x, weight)
    assert not onednn.suits(x.bfloat16(), weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not onednn.suits(x, weight)


@pytest.mark.usefixtures("all_by_onednn")
def test_a_layer_that_somebody_listens_to_is_called_before_gelu(glm):
    heard = []
    glm.module.transformer.layers[0].mlp.dense_h_to_4h.register_forward_hook(
        lambda layer, given, made: heard.append(made)
    )
    batch = collate(_instances(), pad=0)
    with torch.inference_mode():
        states = glm.states(batch, batch.places)
    assert len(heard) == 1
    torch.testing.assert_close(states, glm.states(batch, batch.places).detach())
