"""The network against recorded outputs of the original."""

import pytest
import torch

from glm_core.model.masks import additive_mask, prefix_mask
from glm_core.model.transformer import GLM
from tests.core.model.golden import HIDDEN, LOGITS, arrays, needs_golden, network

# ---- recorded outputs of the original


def _logits(name, mask, rows=slice(None), checkpoint="ckpt_orig"):
    model, recorded = network(name, checkpoint), arrays(name, "forward.npz")
    return model.logits(model(recorded["input_ids"][rows], recorded["position_ids"][rows], mask)[0])


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_states_and_logits_are_the_recorded_ones(name):
    recorded = arrays(name, "forward.npz")
    mask = prefix_mask(recorded["sep"], recorded["input_ids"].shape[1])
    states, _ = network(name)(recorded["input_ids"], recorded["position_ids"], mask)
    torch.testing.assert_close(states, recorded["sep_vec.hidden"], **HIDDEN)
    torch.testing.assert_close(network(name).logits(states), recorded["sep_vec.logits"], **LOGITS)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_every_layer_gives_the_recorded_states(name):
    model, recorded = network(name), arrays(name, "forward.npz")
    x = model.embed(recorded["input_ids"], recorded["position_ids"])
    torch.testing.assert_close(x, recorded["sep_vec.all_hidden"][0], **HIDDEN)
    mask = additive_mask(prefix_mask(recorded["sep"], x.shape[1]), x.dtype)
    for layer, wanted in zip(model.transformer.layers, recorded["sep_vec.all_hidden"][1:], strict=True):
        x, _ = layer(x, mask, None)
        torch.testing.assert_close(x, wanted, **HIDDEN)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("case", ["full4d", "custom4d", "bcast4d"])
def test_explicit_masks_give_the_recorded_logits(name, case):
    recorded = arrays(name, "forward.npz")
    mask = recorded[f"{case}.attention_mask"]
    torch.testing.assert_close(_logits(name, mask.bool()), recorded[f"{case}.logits"], **LOGITS)
    torch.testing.assert_close(_logits(name, mask), recorded[f"{case}.logits"], **LOGITS)
    torch.testing.assert_close(_logits(name, additive_mask(mask, torch.float32)), recorded[f"{case}.logits"], **LOGITS)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_prefixes_of_any_length_give_the_recorded_logits(name):
    recorded = arrays(name, "forward.npz")
    L = recorded["input_ids"].shape[1]
    torch.testing.assert_close(_logits(name, prefix_mask(0, L)), recorded["sep0.logits"], **LOGITS)
    torch.testing.assert_close(_logits(name, prefix_mask(L, L)), recorded["sepL.logits"], **LOGITS)
    torch.testing.assert_close(_logits(name, None), recorded["sepL.logits"], **LOGITS)
    torch.testing.assert_close(
        _logits(name, prefix_mask(recorded["sep_scalar.sep"], L)), recorded["sep_scalar.logits"], **LOGITS
    )
    torch.testing.assert_close(
        _logits(name, recorded["full4d.attention_mask"]), recorded["full4d_int.logits"], **LOGITS
    )
    one = _logits(name, prefix_mask(recorded["sep"][:1], L), slice(1))
    torch.testing.assert_close(one, recorded["b1.logits"], **LOGITS)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_fp16_weights_computed_in_fp32_give_the_recorded_logits(name):
    recorded = arrays(name, "forward.npz")
    mask = prefix_mask(recorded["sep"], recorded["input_ids"].shape[1])
    wanted = arrays(name, "forward_fp16_weights.npz")["logits"]
    torch.testing.assert_close(_logits(name, mask, checkpoint="ckpt_deepspeed_fp16"), wanted, **LOGITS)


@needs_golden
@pytest.mark.parametrize("name", ["v_absolute_1d", "v_attention_scale8"])
def test_variants_give_the_recorded_logits(name):
    recorded = arrays(name, "forward.npz")
    L = recorded["input_ids"].shape[1]
    torch.testing.assert_close(_logits(name, prefix_mask(recorded["sep"], L)), recorded["logits"], **LOGITS)
    torch.testing.assert_close(_logits(name, prefix_mask(0, L)), recorded["causal4d.logits"], **LOGITS)


def _segments(name):
    recorded = arrays(name, "mems.npz")
    ends = recorded["seg_lengths"].cumsum(0).tolist()
    for start, end, sep in zip([0, *ends], ends, [recorded["sep1"], 0, torch.tensor([0, 2])], strict=False):
        yield recorded["input_ids"][:, start:end], recorded["position_ids"][..., start:end], sep


@needs_golden
@pytest.mark.parametrize("name", ["a", "b", "v_absolute_1d", "v_attention_scale8"])
@pytest.mark.parametrize("memory", [8, 14, 100])
def test_a_cache_gives_what_the_original_computes_with_its_memory_of_states(name, memory):
    model, recorded = network(name), arrays(name, "mems.npz")
    past = None
    for step, (ids, positions, sep) in enumerate(_segments(name), 1):
        seen = past[0].length if past else 0
        states, past = model(ids, positions, prefix_mask(sep, ids.shape[1], seen), past)
        wanted = recorded[f"mem{memory}.step{step}.logits"]
        torch.testing.assert_close(model.logits(states), wanted, **LOGITS)
        past = [one.newest(memory) for one in past]
        assert past[0].length == recorded[f"mem{memory}.step{step}.mems"].shape[2]


@needs_golden
@pytest.mark.parametrize("name", ["a", "b", "v_absolute_1d", "v_attention_scale8"])
def test_a_mask_wider_than_cache_and_row_is_cut_from_the_left(name):
    model, recorded = network(name), arrays(name, "mems.npz")
    (ids, positions, sep), (more, further, _), _ = _segments(name)
    _, past = model(ids, positions, prefix_mask(sep, ids.shape[1]))
    mask = recorded["mask4d_with_mem.attention_mask"]
    assert mask.shape[-1] > ids.shape[1] + more.shape[1]
    wanted = recorded["mask4d_with_mem.logits"]
    torch.testing.assert_close(model.logits(model(more, further, mask, past)[0]), wanted, **LOGITS)


@needs_golden
@pytest.mark.parametrize("reserve", [False, True])
@pytest.mark.parametrize("name", ["a", "b", "v_absolute_1d", "v_attention_scale8"])
def test_one_token_at_a_time_gives_what_one_pass_gives(name, reserve):
    model, recorded = network(name), arrays(name, "mems.npz")
    (ids, positions, sep), *_ = _segments(name)
    _, past = model(ids, positions, prefix_mask(sep, ids.shape[1]))
    if reserve:
        past = [one.reserve(10) for one in past]
    L, found = ids.shape[1], []
    for at in range(L, recorded["input_ids"].shape[1]):
        states, past = model(
            recorded["input_ids"][:, at : at + 1], recorded["position_ids"][..., at : at + 1], None, past
        )
        found.append(model.logits(states))
    torch.testing.assert_close(torch.cat(found, dim=1), recorded["incremental.logits"], **LOGITS)
    states, _ = model(recorded["input_ids"], recorded["position_ids"], recorded["incremental.full_mask"])
    torch.testing.assert_close(model.logits(states), recorded["incremental.full_pass_logits"], **LOGITS)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_seed_gives_the_weights_that_the_original_has_under_it(name):
    torch.manual_seed(1234)
    model, recorded = GLM(network(name).config), arrays(name, "init_seed1234.npz")
    assert {key.rsplit(".", 1)[0] for key in recorded} == set(model.state_dict())
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor.flatten()[:6], recorded[f"{key}.first"]), key
        mean, std, total = recorded[f"{key}.stats"].tolist()
        assert tensor.double().mean().item() == pytest.approx(mean, abs=1e-9)
        assert tensor.double().std().item() == pytest.approx(std, abs=1e-9)
        assert tensor.double().sum().item() == pytest.approx(total, abs=1e-4)
