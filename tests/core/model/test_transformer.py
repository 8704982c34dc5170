import dataclasses

import pytest
import torch
import torch.nn.functional as F

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.masks import branch_mask, prefix_mask
from glm_core.model.transformer import GLM, KVCache

CONFIG = ModelConfig(n_layers=2, hidden_size=16, n_heads=4, vocab_size=40, max_positions=12)


def _tiny(seed=0, **changes):
    torch.manual_seed(seed)
    model = GLM(dataclasses.replace(CONFIG, **changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4)
    return model


def _row(L=8, R=2, seed=1):
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 40, (R, L), generator=draw)
    positions = torch.randint(0, 13, (R, 2, L), generator=draw)
    return ids, positions


def _by_hand(model, ids, positions, mask):
    """The network once more, one head and one row at a time, masked scores at -65504 as the original has them."""
    p, c = dict(model.named_parameters()), model.config
    width = c.hidden_size // c.n_heads
    rows = []
    for r in range(len(ids)):
        x = p["word_embeddings.weight"][ids[r]]
        x = x + p["transformer.position_embeddings.weight"][positions[r, 0]]
        x = x + p["transformer.block_position_embeddings.weight"][positions[r, 1]]
        for i in range(c.n_layers):
            at = f"transformer.layers.{i}."
            y = F.layer_norm(
                x, (c.hidden_size,), p[at + "input_layernorm.weight"], p[at + "input_layernorm.bias"], 1e-5
            )
            qkv = y @ p[at + "attention.query_key_value.weight"].T + p[at + "attention.query_key_value.bias"]
            q, k, v = qkv.split(c.hidden_size, dim=1)
            heads = []
            for h in range(c.n_heads):
                here = slice(h * width, (h + 1) * width)
                scores = q[:, here] @ (k[:, here] / width**0.5).T
                look = mask[r, 0].float()
                heads.append((scores * look - 65504 * (1 - look)).softmax(dim=1) @ v[:, here])
            x = x + torch.cat(heads, dim=1) @ p[at + "attention.dense.weight"].T + p[at + "attention.dense.bias"]
            after = at + "post_attention_layernorm."
            y = F.layer_norm(x, (c.hidden_size,), p[after + "weight"], p[after + "bias"], 1e-5)
            y = y @ p[at + "mlp.dense_h_to_4h.weight"].T + p[at + "mlp.dense_h_to_4h.bias"]
            y = 0.5 * y * (1 + torch.tanh(0.7978845608028654 * y * (1 + 0.044715 * y * y)))
            x = x + y @ p[at + "mlp.dense_4h_to_h.weight"].T + p[at + "mlp.dense_4h_to_h.bias"]
        last = "transformer.final_layernorm."
        rows.append(F.layer_norm(x, (c.hidden_size,), p[last + "weight"], p[last + "bias"], 1e-5))
    return torch.stack(rows)


def test_the_network_is_what_a_slow_one_by_hand_computes():
    model, (ids, positions) = _tiny(), _row()
    mask = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(5)) < 0.6
    mask[1, 0, 3] = False
    torch.testing.assert_close(
        model(ids, positions, mask)[0], _by_hand(model, ids, positions, mask), atol=2e-5, rtol=1e-5
    )


def test_parameter_names_are_the_published_ones():
    layer = [
        f"{part}.{what}"
        for part in (
            "input_layernorm", "attention.query_key_value", "attention.dense", "post_attention_layernorm",
            "mlp.dense_h_to_4h", "mlp.dense_4h_to_h",
        )
        for what in ("weight", "bias")
    ]  # fmt: skip
    tables = ["word_embeddings", "transformer.position_embeddings", "transformer.block_position_embeddings"]
    names = {f"{table}.weight" for table in tables} | {
        f"transformer.layers.{i}.{name}" for i in range(2) for name in layer
    }
    names |= {"transformer.final_layernorm.weight", "transformer.final_layernorm.bias"}
    assert set(GLM(CONFIG).state_dict()) == names


# ---- caches


def test_a_cache_can_be_repeated_reordered_and_shortened():
    keys = torch.arange(12.0).reshape(2, 1, 3, 2)
    cache = KVCache(keys, keys + 100)
    assert torch.equal(cache.pick(torch.tensor([1, 1, 0])).keys, keys[[1, 1, 0]])
    assert torch.equal(cache.newest(2).values, keys[:, :, 1:] + 100)
    assert cache.newest(9).length == 3
    assert cache.append(keys[:, :, :1], keys[:, :, :1]).length == 4


def test_reserved_room_is_filled_in_place_and_outgrown_without_loss():
    keys = torch.arange(6.0).reshape(1, 1, 3, 2)
    cache = KVCache(keys, -keys).reserve(2)
    grown = cache.append(keys[:, :, :2], keys[:, :, :2])
    assert grown.keys.data_ptr() == cache.keys.data_ptr()
    assert torch.equal(grown.keys, torch.cat([keys, keys[:, :, :2]], dim=2))
    outgrown = grown.append(keys[:, :, :1], keys[:, :, :1])
    assert outgrown.length == 6 and torch.equal(outgrown.values[:, :, :3], -keys)
    picked = cache.pick(torch.tensor([0, 0]))
    assert picked.room is not None and picked.append(*picked.pick(torch.tensor([0, 1]))[:2]).length == 6


def test_answers_over_a_repeated_cache_score_as_in_their_own_rows():
    model, (ids, positions) = _tiny(), _row(L=9, R=1)
    _, past = model(ids[:, :5], positions[..., :5], None)
    repeated = [one.pick(torch.tensor([0, 0])) for one in past]
    more, further = ids[:, 5:].expand(2, -1), positions[..., 5:].expand(2, -1, -1)
    states, _ = model(more, further, prefix_mask(0, 4, past=5), repeated)
    whole, _ = model(ids, positions, prefix_mask(5, 9))
    torch.testing.assert_close(states, whole[:, 5:].expand(2, -1, -1), atol=1e-5, rtol=1e-5)


def test_no_cache_is_kept_where_none_is_wanted():
    model, (ids, positions) = _tiny(), _row()
    assert model(ids, positions, None, keep=False)[1] == []
    assert len(model(ids, positions, None)[1]) == 2


# ---- rows


def test_packed_answers_get_the_states_and_gradients_of_separate_rows():
    model, draw = _tiny(), torch.Generator().manual_seed(3)
    ids = torch.randint(0, 40, (1, 9), generator=draw)
    branch = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 2, 2]])
    positions = torch.tensor([[[0, 1, 2, 3, 2, 2, 2, 2, 2], [0, 0, 0, 0, 1, 2, 3, 1, 2]]])
    packed, _ = model(ids, positions, branch_mask(branch, torch.zeros_like(branch)))
    packed[:, 4:].square().sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    total = 0
    for own in (slice(4, 7), slice(7, 9)):
        at = [0, 1, 2, 3, *range(own.start, own.stop)]
        alone, _ = model(ids[:, at], positions[..., at], prefix_mask(4, len(at)))
        torch.testing.assert_close(alone[:, 4:], packed[:, own], atol=1e-5, rtol=1e-5)
        total = total + alone[:, 4:].square().sum()
    total.backward()
    for name, parameter in model.named_parameters():
        scale = max(1.0, gradients[name].abs().max().item())
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-5 * scale, rtol=1e-5)


def test_soft_vectors_stand_where_ids_are_negative_and_get_gradients():
    model, (ids, positions) = _tiny(), _row()
    soft = model.word_embeddings.weight[[7, 8]].detach().clone().requires_grad_()
    with_words, with_soft = ids.clone(), ids.clone()
    with_words[0, 1], with_words[0, 4], with_words[1, 2] = 7, 8, 8
    with_soft[0, 1], with_soft[0, 4], with_soft[1, 2] = -1, -2, -2
    states, _ = model(with_soft, positions, None, soft=soft)
    torch.testing.assert_close(states, model(with_words, positions, None)[0])
    states.sum().backward()
    assert (soft.grad.abs().sum(dim=1) > 0).all()


def test_a_row_that_does_not_fit_the_tables_is_named():
    model, (ids, positions) = _tiny(), _row()
    with pytest.raises(UsageError, match=r"position 13 is beyond the model's last position 12; shorten"):
        model(ids, positions + (positions == positions.max()), None)
    with pytest.raises(UsageError, match="id 40 is not in the model's token table of 40 rows"):
        model(ids + 40 * (ids == ids.max()) - ids.max() * (ids == ids.max()), positions, None)
    with pytest.raises(UsageError, match="soft place 3, and the model has 2 soft vectors"):
        model(torch.full_like(ids, -3), positions, None, soft=torch.zeros(2, 16))
    with pytest.raises(UsageError, match="soft place 1, and the model has 0 soft vectors"):
        model(torch.full_like(ids, -1), positions, None)
    with pytest.raises(ValueError, match=r"shape \(R, 2, L\); got \(2, 8\)"):
        model(ids, positions[:, 0], None)


# ---- training


def test_recomputed_activations_change_nothing_dropout_included():
    results = []
    for recompute in (False, True):
        model = _tiny(attention_dropout=0.2, output_dropout=0.2, embedding_dropout=0.2).train()
        model.gradient_checkpointing = recompute
        torch.manual_seed(9)
        ids, positions = _row()
        states, _ = model(ids, positions, prefix_mask(3, 8), keep=False)
        states.square().mean().backward()
        results.append([states.detach(), *(parameter.grad for parameter in model.parameters()), torch.rand(1)])
    for plain, recomputed in zip(*results, strict=True):
        assert (plain is None and recomputed is None) or torch.equal(plain, recomputed)


def test_dropout_is_set_everywhere_at_once_and_acts_in_training_only():
    model, (ids, positions) = _tiny(), _row()
    model.set_dropout(0.5)
    assert torch.equal(model(ids, positions, None)[0], model(ids, positions, None)[0])
    model.train()
    assert not torch.equal(model(ids, positions, None)[0], model(ids, positions, None)[0])
    model.set_dropout(0.0)
    assert torch.equal(model(ids, positions, None)[0], model(ids, positions, None)[0])


def test_logits_are_tied_to_the_token_table():
    model = _tiny()
    states = torch.randn(3, 16)
    assert torch.equal(model.logits(states), states @ model.word_embeddings.weight.T)


def test_a_row_where_nothing_may_be_seen_stays_finite_under_bf16_autocast():
    model, (ids, positions) = _tiny(), _row()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, _ = model(ids, positions, torch.zeros(1, 1, 8, 8, dtype=torch.bool))
    assert torch.isfinite(states).all()


def test_a_network_on_the_meta_device_takes_no_memory():
    with torch.device("meta"):
        model = GLM(ModelConfig(48, 4096, 64, 50304, 1024))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(9_881e6, abs=1e6)
