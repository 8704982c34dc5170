import logging

import pytest
import torch

from glm_core.errors import CheckpointError, UsageError
from glm_core.model.layouts import read_files
from glm_core.model.shards import cut_of, merge, split
from tests.core.model.golden import folder, needs_golden, sizes

WHOLE_AND_HALVES = [
    ("a", "ckpt_orig"),
    ("a", "ckpt_deepspeed_fp16"),
    ("b", "ckpt_orig"),
    ("v_absolute_1d", "ckpt_orig"),
    ("v_attention_scale8", "ckpt_orig"),
]
QKV = "transformer.layers.0.attention.query_key_value.weight"


def _same(left, right):
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


@needs_golden
@pytest.mark.parametrize(("name", "checkpoint"), WHOLE_AND_HALVES)
def test_recorded_halves_merge_to_the_recorded_whole_bit_for_bit(name, checkpoint):
    (whole,) = read_files(folder(name) / checkpoint).shards
    halves = read_files(folder(name) / f"{checkpoint}_MP2").shards
    assert len(halves) == 2
    assert _same(merge(halves), whole)


@needs_golden
@pytest.mark.parametrize(("name", "checkpoint"), WHOLE_AND_HALVES)
def test_the_recorded_whole_splits_to_the_recorded_halves_bit_for_bit(name, checkpoint):
    (whole,) = read_files(folder(name) / checkpoint).shards
    recorded = read_files(folder(name) / f"{checkpoint}_MP2").shards
    made = split(whole, 2, n_heads=sizes(name)["num_attention_heads"])
    assert all(_same(mine, theirs) for mine, theirs in zip(made, recorded, strict=True))


def test_query_key_and_value_are_cut_each_by_itself():
    whole = torch.arange(6.0)[:, None].expand(6, 2)  # two heads of width one: Q0 Q1 K0 K1 V0 V1
    first, second = split({QKV: whole}, 2, n_heads=2)
    assert first[QKV][:, 0].tolist() == [0, 2, 4]
    assert second[QKV][:, 0].tolist() == [1, 3, 5]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_what_was_split_merges_to_what_it_was(n):
    draw = torch.Generator().manual_seed(n)
    at = "transformer.layers.10."
    shapes = {
        "word_embeddings.weight": (24, 12), "transformer.position_embeddings.weight": (7, 12),
        at + "attention.query_key_value.weight": (36, 12), at + "attention.query_key_value.bias": (36,),
        at + "attention.dense.weight": (12, 12), at + "attention.dense.bias": (12,),
        at + "mlp.dense_h_to_4h.weight": (48, 12), at + "mlp.dense_h_to_4h.bias": (48,),
        at + "mlp.dense_4h_to_h.weight": (12, 48), at + "mlp.dense_4h_to_h.bias": (12,),
        "prompt_spell.lstm_head.weight_ih_l0": (48, 12), "prompt_spell.spell_embeddings.weight": (4, 12),
        "pool_layer.weight": (12, 12), "multichoice_head.bias": (3,),
    }  # fmt: skip
    state = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    assert _same(merge(split(state, n, n_heads=12)), state)


@pytest.mark.parametrize(
    "name",
    [
        "prompt_spell.lstm_head.weight_ih_l0",
        "prompt_spell.mlp_head.0.weight",
        "pool_layer.weight",
        "multichoice_head.weight",
        "transformer.block_position_embeddings.weight",
        "transformer.layers.0.attention.dense.bias",
        "some.word_embeddings.weight",
    ],
)
def test_prompts_heads_and_tables_of_positions_are_never_cut(name):
    assert cut_of(name) is None
    tensor = torch.randn(8, 8)
    assert all(torch.equal(shard[name], tensor) for shard in split({name: tensor}, 2, n_heads=2))


def test_shards_share_no_memory_with_the_whole():
    whole = torch.zeros(4, 2)
    for shard in split({"word_embeddings.weight": whole, "pool_layer.bias": whole}, 2, n_heads=2):
        for tensor in shard.values():
            assert tensor.untyped_storage().nbytes() == tensor.numel() * 4
            tensor += 1
    assert not whole.any()


def test_what_cannot_be_divided_is_named():
    with pytest.raises(UsageError, match="6 attention heads cannot be divided among 4 shards"):
        split({}, 4, n_heads=6)
    with pytest.raises(UsageError, match=r"word_embeddings\.weight: 5 rows cannot be divided among 2 shards"):
        split({"word_embeddings.weight": torch.zeros(5, 2)}, 2, n_heads=2)
    with pytest.raises(UsageError, match=r"dense\.weight: 3 columns cannot"):
        split({"transformer.layers.0.attention.dense.weight": torch.zeros(2, 3)}, 2, n_heads=2)
    with pytest.raises(UsageError, match="at least 1; got 0"):
        split({}, 0, n_heads=2)


def test_shards_that_do_not_belong_together_are_refused():
    with pytest.raises(CheckpointError, match=r"shards 0 and 1 do not hold the same tensors: b"):
        merge([{"a": torch.zeros(1)}, {"a": torch.zeros(1), "b": torch.zeros(1)}])
    with pytest.raises(CheckpointError, match=r"another shape in every shard: \(2, 2\), \(3, 2\)"):
        merge([{"word_embeddings.weight": torch.zeros(rows, 2)} for rows in (2, 3)])
    with pytest.raises(CheckpointError, match=r"never cut: pool_layer\.weight; take"):
        merge([{"pool_layer.weight": torch.full((2, 1), float(rank))} for rank in range(2)])


def test_norms_that_drifted_apart_are_told_and_the_first_is_taken(caplog):
    name = "transformer.final_layernorm.weight"
    with caplog.at_level(logging.WARNING):
        whole = merge([{name: torch.tensor([float(rank)])} for rank in range(2)])
    assert whole[name].item() == 0 and name in caplog.text
