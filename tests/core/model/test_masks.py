import warnings

import pytest
import torch
from torch.nn.attention.flex_attention import create_block_mask

from glm_core.model.masks import additive_mask, attend, branch_mask, branch_mask_mod, flex_mask, prefix_mask, row_mask


def _picture(mask):
    return ["".join("x" if one else "." for one in row) for row in mask.tolist()]


def _by_loops(branch, segment):
    """The rule, word for word."""
    R, L = branch.shape
    mask = torch.zeros(R, 1, L, L, dtype=torch.bool)
    for r in range(R):
        for query in range(L):
            for key in range(L):
                if segment[r, query] != segment[r, key]:
                    continue
                of_part_a = branch[r, key] == 0
                own_past = branch[r, key] == branch[r, query] and key <= query
                mask[r, 0, query, key] = bool(of_part_a or own_past)
    return mask


def test_a_token_sees_part_a_and_the_past_of_its_own_branch():
    branch, segment = torch.tensor([[0, 0, 1, 1, 2, 2]]), torch.tensor([[0, 0, 0, 0, 0, 0]])
    assert _picture(branch_mask(branch, segment)[0, 0]) == [
        "xx....",
        "xx....",
        "xxx...",
        "xxxx..",
        "xx..x.",
        "xx..xx",
    ]


def test_segments_of_one_row_do_not_see_each_other_and_padding_sees_itself():
    branch, segment = torch.tensor([[0, 1, 0, 1, 0]]), torch.tensor([[0, 0, 1, 1, -1]])
    assert _picture(branch_mask(branch, segment)[0, 0]) == ["x....", "xx...", "..x..", "..xx.", "....x"]


def test_with_one_branch_and_one_segment_the_rule_is_the_prefix_mask():
    branch = torch.tensor([[0, 0, 0, 1, 1], [0, 1, 1, 1, 1]])
    assert torch.equal(branch_mask(branch, torch.zeros_like(branch)), prefix_mask(torch.tensor([3, 1]), 5))


@pytest.mark.parametrize("seed", range(5))
def test_mask_mask_mod_and_loops_agree_on_random_rows(seed):
    draw = torch.Generator().manual_seed(seed)
    R, L = 3, 17
    branch = torch.randint(0, 4, (R, L), generator=draw)
    segment = torch.randint(-1, 2, (R, L), generator=draw)
    mask = branch_mask(branch, segment)
    assert torch.equal(mask, _by_loops(branch, segment))
    mod = branch_mask_mod(branch, segment)
    r, query, key = torch.arange(R)[:, None, None], torch.arange(L)[:, None], torch.arange(L)
    assert torch.equal(mod(r, None, query, key)[:, None], mask)


def test_the_cache_is_open_to_all_and_the_prefix_counts_from_the_query():
    assert _picture(prefix_mask(1, 3, past=2)[0, 0]) == ["xxx..", "xxxx.", "xxxxx"]
    assert _picture(prefix_mask(torch.tensor([0, 3]), 3)[1, 0]) == ["xxx", "xxx", "xxx"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_an_additive_mask_never_overflows(dtype):
    mask = additive_mask(torch.tensor([True, False]), dtype)
    assert mask.dtype == dtype and mask[0] == 0
    assert torch.isfinite(mask[1] - 10_000 if dtype == torch.float16 else mask[1] * 1.5)
    assert torch.equal(additive_mask(torch.tensor([1, 0]), dtype), mask)
    assert torch.isfinite(additive_mask(additive_mask(torch.tensor([True, False]), torch.float32), dtype)).all()


def test_a_token_that_may_look_at_nothing_looks_at_everything_alike():
    q, k, v = torch.randn(3, 1, 2, 4, 8, generator=torch.Generator().manual_seed(1)).unbind()
    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    mask[0, 0, 2] = False
    found = attend(q * 50, k, v, additive_mask(mask, q.dtype))
    torch.testing.assert_close(found[:, :, 2], v.mean(dim=2))
    assert torch.isfinite(found).all()


def test_flex_attention_gives_what_the_dense_mask_gives():
    draw = torch.Generator().manual_seed(2)
    R, L = 2, 128
    branch, segment = torch.randint(0, 3, (R, L), generator=draw), torch.randint(0, 2, (R, L), generator=draw)
    q, k, v = torch.randn(3, R, 2, L, 8, generator=draw).unbind()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "called without torch.compile": on purpose
        flex = attend(q, k, v, flex_mask(branch, segment))
    torch.testing.assert_close(flex, attend(q, k, v, additive_mask(branch_mask(branch, segment), q.dtype)))


def test_flex_attention_refuses_dropout_and_the_cpu_takes_the_dense_mask():
    branch = torch.zeros(1, 128, dtype=torch.long)
    mask = create_block_mask(branch_mask_mod(branch, branch), 1, None, 128, 128, device="cpu")
    with pytest.raises(ValueError, match="no dropout"):
        attend(*torch.zeros(3, 1, 1, 128, 8).unbind(), mask, dropout=0.1)
    assert isinstance(row_mask(branch, branch), torch.Tensor)
