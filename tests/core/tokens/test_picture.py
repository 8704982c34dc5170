"""The picture of a row shows what the model's mask does."""

from __future__ import annotations

import numpy as np
import torch

from glm_core.model.masks import branch_mask
from glm_core.tokens.picture import mask_picture, may_look
from glm_core.tokens.row import build_row, join


def test_the_picture_is_the_rule_of_the_model():
    rows = [build_row([1, 2, 3, 4], [[(2, [7, 8, 9])], [(2, [5])]], sop=6), build_row([1, 3], [[(1, [])]], sop=6)]
    row = join(rows)
    branch, segment = torch.tensor(row.branch)[None], torch.tensor(row.segment)[None]
    assert np.array_equal(may_look(row), branch_mask(branch, segment)[0, 0].numpy())


def test_one_character_stands_for_one_pair():
    row = build_row([1, 2], [[(1, [7, 8])], [(1, [5])]], sop=6)
    assert mask_picture(row) == [
        "██   ",
        "██   ",
        "███  ",
        "████ ",
        "██  █",
    ]


def test_a_long_row_is_drawn_smaller_and_shaded():
    row = build_row(list(range(80)), [[(3, list(range(20)))]], sop=6)
    picture = mask_picture(row, width=20)
    assert len(picture) == 20
    assert {len(line) for line in picture} == {20}
    assert picture[0].startswith("█" * 16)
    assert picture[0].strip() == "█" * 16
    assert picture[-1][-1] in "▒▓"  # half of the last square lies in the future
