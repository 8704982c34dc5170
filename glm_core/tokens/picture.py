"""A row as people can look at it: its tokens with both positions, and who may look at whom as a picture in characters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from glm_core.tokens.row import Row
from glm_core.tokens.tokenizer import Tokenizer

_SHADES = " ░▒▓█"  # nothing, a quarter, half, three quarters, all of a cell's pairs


@dataclass(frozen=True)
class ShownToken:
    """One token of a row: its index, piece, id, where in Part A, how far inside the blank, branch, and its target."""

    index: int
    piece: str
    id: int
    where: int
    inside: int
    branch: int
    target: str


def shown_tokens(row: Row, tokenizer: Tokenizer) -> list[ShownToken]:
    """Every token of a row for people to read. Soft places are shown as `soft1`, `soft2`, …"""
    shown = []
    for index, token in enumerate(row.ids.tolist()):
        target = tokenizer.token(int(row.targets[index])) if row.target_mask[index] and row.targets[index] else ""
        shown.append(
            ShownToken(
                index,
                f"soft{-token}" if token < 0 else tokenizer.token(token),
                token,
                int(row.positions[0, index]),
                int(row.positions[1, index]),
                int(row.branch[index]),
                target,
            )
        )
    return shown


def may_look(row: Row) -> NDArray[np.bool_]:
    """(L, L): whether the token of a line may look at the token of a column. The rule of the model's branch mask."""
    at = np.arange(len(row))
    together = row.segment[:, None] == row.segment[None, :]
    own_past = (row.branch[:, None] == row.branch[None, :]) & (at[None, :] <= at[:, None])
    return together & ((row.branch == 0)[None, :] | own_past)


def mask_picture(row: Row, *, width: int = 48) -> list[str]:
    """The mask as lines of characters, █ where one may look; rows longer than `width` tokens are drawn smaller.

    A cell of a smaller picture stands for several pairs and is shaded by the share of them that may look.
    """
    mask = may_look(row).astype(float)
    size = len(row)
    cells = min(size, width)
    edges = np.linspace(0, size, cells + 1).round().astype(int)
    lines = []
    for top, bottom in pairwise(edges):
        line = ""
        for left, right in pairwise(edges):
            share = mask[top:bottom, left:right].mean()
            line += _SHADES[int(np.ceil(share * 4))]
        lines.append(line)
    return lines
