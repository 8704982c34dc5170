"""The plain path, written for clarity: how the original computes a cloze. The yardstick of speed, and an oracle of tests.

One row per answer, padded to the longest row allowed; a mask of numbers that scores are multiplied with and shifted by;
logits of every position over the whole padded vocabulary, and a softmax over all of them, before the few that count are
picked. Source: THUDM/GLM, `model/modeling_glm.py`, `model/modeling_downstream.py`, `mpu/transformer.py`.

Letters: Q clozes, C answers, R rows, L tokens in a row, H heads, D hidden size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from glm_core.tokens.encode import Instance
from glm_core.tokens.row import unpack

DARK = -65504.0  # what a hidden score becomes: the lowest number of fp16


@dataclass(frozen=True, eq=False)
class PaddedRows:
    """Clozes as classic rows: every answer of every cloze, padded to L. Clozes with fewer answers repeat their first."""

    ids: Tensor  # (R, L)
    positions: Tensor  # (R, 2, L)
    sep: Tensor  # (R,) length of Part A
    targets: Tensor  # (R, L)
    target_mask: Tensor  # (R, L)
    n_clozes: int
    answer_mask: Tensor  # (Q, C) 0 where an answer is only there to fill
    words: Tensor | None  # (Q, C) ids of words, read off at [sop]
    gold: Tensor  # (Q,)


def pad_rows(instances: Sequence[Instance], *, pad_to: int, pad: int = 0) -> PaddedRows:
    """Separate, padded rows of packed instances. Raises ValueError for a row that is longer than `pad_to`."""
    groups = [unpack(one.row) for one in instances]
    single = instances[0].words is not None
    n_answers = 1 if single else max(map(len, groups))
    rows = [rows[k] if k < len(rows) else rows[0] for rows in groups for k in range(n_answers)]
    if max(len(row.ids) for row in rows) > pad_to:
        raise ValueError(f"a row has {max(len(row.ids) for row in rows)} tokens, more than {pad_to}")
    made = PaddedRows(
        ids=torch.full((len(rows), pad_to), pad),
        positions=torch.zeros(len(rows), 2, pad_to, dtype=torch.long),
        sep=torch.tensor([row.sep for row in rows]),
        targets=torch.zeros(len(rows), pad_to, dtype=torch.long),
        target_mask=torch.zeros(len(rows), pad_to),
        n_clozes=len(instances),
        answer_mask=torch.tensor([[float(k < len(rows)) for k in range(n_answers)] for rows in groups]),
        words=torch.tensor([one.words for one in instances]) if single else None,
        gold=torch.tensor([-1 if one.gold is None else one.gold for one in instances]),
    )
    for r, row in enumerate(rows):
        length = len(row.ids)
        made.ids[r, :length] = torch.from_numpy(row.ids)
        made.positions[r, :, :length] = torch.from_numpy(row.positions)
        made.targets[r, :length] = torch.from_numpy(row.targets)
        made.target_mask[r, :length] = torch.from_numpy(row.target_mask).float()
    return made


class NaiveGLM:
    """The network, read from the parameters of a `GLM` by their names."""

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        n_layers: int,
        n_heads: int,
        dropout: float = 0.0,
        recompute: bool = False,
    ) -> None:
        """dropout: everywhere, when above 0. recompute: layers are computed a second time in the backward pass."""
        self.weights = dict(weights)
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.recompute = recompute

    def logits(self, ids: Tensor, positions: Tensor, sep: Tensor) -> Tensor:
        """(R, L), (R, 2, L), (R,) -> (R, L, V)"""
        w = self.weights
        x = F.embedding(ids, w["word_embeddings.weight"])
        x = x + F.embedding(positions[:, 0], w["transformer.position_embeddings.weight"])
        x = x + F.embedding(positions[:, 1], w["transformer.block_position_embeddings.weight"])
        x = F.dropout(x, self.dropout, training=self.dropout > 0)
        mask = self.mask(sep, ids.shape[1])
        for layer in range(self.n_layers):
            if self.recompute:
                x = checkpoint(self.layer, layer, x, mask, use_reentrant=False)
            else:
                x = self.layer(layer, x, mask)
        x = self.norm(x, "transformer.final_layernorm")
        return F.linear(x, w["word_embeddings.weight"])

    def mask(self, sep: Tensor, length: int) -> Tensor:
        """1 where a token may look: at the first `sep` tokens and at those before it. (R,) -> (R, 1, L, L)"""
        at = torch.arange(length)
        mask = torch.tril(torch.ones(1, length, length)).expand(len(sep), -1, -1)
        return mask.masked_fill((at[None, :] < sep[:, None])[:, None, :], 1.0)[:, None]

    def layer(self, layer: int, x: Tensor, mask: Tensor) -> Tensor:
        name = f"transformer.layers.{layer}"
        x = x + self.attention(f"{name}.attention", self.norm(x, f"{name}.input_layernorm"), mask)
        return x + self.mlp(f"{name}.mlp", self.norm(x, f"{name}.post_attention_layernorm"))

    def attention(self, name: str, x: Tensor, mask: Tensor) -> Tensor:
        R, L, D = x.shape
        heads = [
            part.view(R, L, self.n_heads, -1).permute(0, 2, 1, 3)
            for part in self.linear(x, f"{name}.query_key_value").chunk(3, -1)
        ]
        q, k, v = heads  # (R, H, L, D/H)
        scores = torch.matmul(q, k.transpose(-1, -2) / math.sqrt(D // self.n_heads))  # (R, H, L, L)
        scores = torch.mul(scores, mask)
        scores = scores + DARK * (1.0 - mask)
        shares = F.dropout(torch.softmax(scores, dim=-1), self.dropout, training=self.dropout > 0)
        seen = torch.matmul(shares, v).permute(0, 2, 1, 3).contiguous().view(R, L, D)
        return F.dropout(self.linear(seen, f"{name}.dense"), self.dropout, training=self.dropout > 0)

    def mlp(self, name: str, x: Tensor) -> Tensor:
        x = self.linear(x, f"{name}.dense_h_to_4h")
        x = 0.5 * x * (1.0 + torch.tanh(0.7978845608028654 * x * (1.0 + 0.044715 * x * x)))
        return F.dropout(self.linear(x, f"{name}.dense_4h_to_h"), self.dropout, training=self.dropout > 0)

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return F.layer_norm(x, weight.shape, weight, self.weights[f"{name}.bias"], eps=1e-5)

    def scores(self, rows: PaddedRows) -> Tensor:
        """What each answer is worth, (Q, C): the sum of its tokens' log-probabilities; for words, their logits."""
        logits = self.logits(rows.ids, rows.positions, rows.sep).float()
        if rows.words is not None:
            at_sop = logits[torch.arange(len(logits)), rows.sep]  # (Q, V)
            return at_sop.gather(1, rows.words)
        log_probs = torch.log_softmax(logits, dim=-1)
        of_target = log_probs.gather(-1, rows.targets[..., None]).squeeze(-1)  # (R, L)
        scores = (of_target * rows.target_mask).sum(-1).view(rows.n_clozes, -1)
        return scores * rows.answer_mask - 10000.0 * (1.0 - rows.answer_mask)

    def loss(self, rows: PaddedRows) -> Tensor:
        """Cross-entropy of the gold answer among the answers, the mean over clozes."""
        return F.cross_entropy(self.scores(rows), rows.gold)
