"""The network on one page: ids and 2D positions to states, states to logits.

Parameter names are those of the published checkpoints. R rows of L tokens, P tokens in the cache, H heads, D hidden
size, V rows of the token table, S soft places.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.masks import FlexMask, RowMasks, additive_mask, attend
from glm_core.model.onednn import linear, linear_gelu
from glm_core.model.soft_prompt import SoftPrompt


class Linear(nn.Linear):
    """A linear layer that is not filled when it is made: GLM fills all weights itself, in the original's order."""

    def reset_parameters(self) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class Embedding(nn.Embedding):
    """A table that is not filled when it is made."""

    def reset_parameters(self) -> None:
        pass


class KVCache(NamedTuple):
    """What one layer remembers of the tokens it has seen. A value: every verb gives a new one.

    With room (see `reserve`) tokens are appended in place, so only the newest of the values may be appended to.
    """

    keys: Tensor  # (R, H, P, D/H)
    values: Tensor  # (R, H, P, D/H)
    room: tuple[Tensor, Tensor] | None = None  # (R, H, P + free, D/H) each; keys and values are their front

    @property
    def length(self) -> int:
        """P, the tokens seen."""
        return self.keys.shape[2]

    def append(self, keys: Tensor, values: Tensor) -> KVCache:
        """L more tokens: (R, H, L, D/H) each."""
        past, now = self.length, self.length + keys.shape[2]
        if self.room is None or now > self.room[0].shape[2]:
            return KVCache(torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2))
        all_keys, all_values = self.room
        all_keys[:, :, past:now] = keys
        all_values[:, :, past:now] = values
        return KVCache(all_keys[:, :, :now], all_values[:, :, :now], self.room)

    def reserve(self, free: int) -> KVCache:
        """Room for so many tokens more, so that appending one copies nothing. Not while gradients are kept."""
        rows, heads, past, width = self.keys.shape
        all_keys, all_values = (old.new_empty(rows, heads, past + free, width) for old in self[:2])
        empty = KVCache(all_keys[:, :, :0], all_values[:, :, :0], (all_keys, all_values))
        return empty.append(self.keys, self.values)

    def pick(self, rows: Tensor) -> KVCache:
        """Follow beams, or repeat one Part A for each of its answers. rows: (R',) indices, or (R,) bool"""
        picked = KVCache(self.keys[rows], self.values[rows])
        return picked if self.room is None else picked.reserve(self.room[0].shape[2] - self.length)

    def newest(self, length: int) -> KVCache:
        """Forget all but the newest tokens, as the original's memory of limited length does."""
        return KVCache(
            self.keys[:, :, max(0, self.length - length) :], self.values[:, :, max(0, self.length - length) :]
        )


class Attention(nn.Module):
    """Every head looks where the mask lets it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.query_key_value = Linear(config.hidden_size, 3 * config.hidden_size)  # rows: all of Q, all of K, all of V
        self.dense = Linear(config.hidden_size, config.hidden_size)
        self.attention_dropout = nn.Dropout(config.attention_dropout)
        self.output_dropout = nn.Dropout(config.output_dropout)

    def forward(
        self, x: Tensor, mask: Tensor | RowMasks | FlexMask | None, past: KVCache | None
    ) -> tuple[Tensor, KVCache]:
        R, L, D = x.shape
        q, k, v = self.query_key_value(x).view(R, L, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)  # each (R, H, L, D/H)
        cache = KVCache(k, v) if past is None else past.append(k, v)
        dropout = self.attention_dropout.p if self.training else 0.0
        seen = attend(q, cache.keys, cache.values, mask, dropout)  # (R, H, L, D/H)
        return self.output_dropout(self.dense(seen.transpose(1, 2).reshape(R, L, D))), cache


class MLP(nn.Module):
    """Each token for itself, four times as wide."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense_h_to_4h = Linear(config.hidden_size, 4 * config.hidden_size)
        self.dense_4h_to_h = Linear(4 * config.hidden_size, config.hidden_size)
        self.output_dropout = nn.Dropout(config.output_dropout)

    def forward(self, x: Tensor) -> Tensor:
        first = self.dense_h_to_4h
        if type(first) is Linear and not first._forward_hooks and not first._forward_pre_hooks:
            wide = linear_gelu(x, first.weight, first.bias)
        else:  # somebody adds to this layer or listens to it
            wide = F.gelu(first(x), approximate="tanh")  # trained so; the exact form is 2e-3 off in the logits
        return self.output_dropout(self.dense_4h_to_h(wide))


class Layer(nn.Module):
    """Attention, then the MLP, each on normalised input and added to the stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layernorm_epsilon)
        self.attention = Attention(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layernorm_epsilon)
        self.mlp = MLP(config)

    def forward(
        self, x: Tensor, mask: Tensor | RowMasks | FlexMask | None, past: KVCache | None
    ) -> tuple[Tensor, KVCache]:
        seen, cache = self.attention(self.input_layernorm(x), mask, past)
        x = x + seen
        return x + self.mlp(self.post_attention_layernorm(x)), cache


class Transformer(nn.Module):
    """Position tables, layers, the last norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.block_positions:
            self.position_embeddings = Embedding(config.max_positions + 1, config.hidden_size)
            self.block_position_embeddings = Embedding(config.max_positions + 1, config.hidden_size)
        else:
            self.position_embeddings = Embedding(config.max_positions, config.hidden_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layers))
        self.final_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layernorm_epsilon)


class GLM(nn.Module):
    """The network: ids and 2D positions to states; states to logits.

    `attention_scale` has no part in the arithmetic: it kept fp16 scores in range, and fused attention adds up in fp32.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.gradient_checkpointing = False  # recompute every layer in the backward pass instead of keeping its inside
        self.word_embeddings = Embedding(config.vocab_size, config.hidden_size)
        self.transformer = Transformer(config)
        self.prompt_spell: SoftPrompt | None = None  # assign one, and it is trained and saved with the network
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Fresh weights. A seed gives those that the original has under it: the numbers are drawn in its order."""
        body, std = self.transformer, self.config.initializer_range
        residual = std / math.sqrt(2 * self.config.n_layers)
        self.word_embeddings.weight.normal_(std=std)
        tables = [body.position_embeddings]
        if self.config.block_positions:
            tables.append(body.block_position_embeddings)
        for table in tables:
            table.weight.normal_()  # what making a table draws, before it is drawn again, the last one first
        for table in reversed(tables):
            table.weight.normal_(std=std)
        for layer in cast("Iterable[Layer]", body.layers):
            layer.attention.query_key_value.weight.normal_(std=std)
            layer.attention.dense.weight.normal_(std=residual)
            layer.mlp.dense_h_to_4h.weight.normal_(std=std)
            layer.mlp.dense_4h_to_h.weight.normal_(std=residual)
        for module in self.modules():
            if isinstance(module, Linear):
                module.bias.zero_()
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        mask: Tensor | RowMasks | FlexMask | None = None,
        past: Sequence[KVCache] | None = None,
        soft: Tensor | None = None,
        *,
        keep: bool = True,
    ) -> tuple[Tensor, list[KVCache]]:
        """States of the tokens, and what every layer remembers of all tokens so far.

        ids: (R, L), -k is the k-th soft place   positions: (R, 2, L), or (R, L) where the model has no block positions
        mask: broadcastable to (R, 1, L, P + L), True = may look; or floats to be added to the scores (`additive_mask`),
        or a flex mask, or None: everything. A wider one is cut from the left, as in the original.
        soft: (S, D), by default the vectors of `prompt_spell`. keep: False returns no caches, and none are held.
        -> (R, L, D), one KVCache per layer
        """
        x = self.embed(ids, positions, soft)
        if isinstance(mask, Tensor):
            seen = past[0].length if past else 0
            mask = additive_mask(mask[..., -(seen + ids.shape[1]) :], _arithmetic(x))
        elif isinstance(mask, RowMasks):
            mask = mask.additive(_arithmetic(x))
        caches = []
        for i, layer in enumerate(self.transformer.layers):
            before = past[i] if past else None
            if self.gradient_checkpointing and torch.is_grad_enabled():
                x, cache = checkpoint(layer, x, mask, before, use_reentrant=False)
            else:
                x, cache = layer(x, mask, before)
            if keep:
                caches.append(cache)
        return self.transformer.final_layernorm(x), caches

    def embed(self, ids: Tensor, positions: Tensor, soft: Tensor | None = None) -> Tensor:
        """Words or soft vectors, and where they stand. -> (R, L, D)"""
        if soft is None and self.prompt_spell is not None:
            soft = self.prompt_spell()
        body, wanted = self.transformer, 3 if self.config.block_positions else 2
        if positions.ndim != wanted:
            shape = "(R, 2, L)" if self.config.block_positions else "(R, L)"
            raise ValueError(f"this model reads positions of shape {shape}; got {tuple(positions.shape)}")
        try:
            if soft is None:
                x = self.word_embeddings(ids)
            else:
                at_soft = F.embedding((-1 - ids).clamp(min=0), soft.to(self.word_embeddings.weight.dtype))
                x = torch.where((ids < 0)[..., None], at_soft, self.word_embeddings(ids.clamp(min=0)))
            if self.config.block_positions:
                x = x + body.position_embeddings(positions[:, 0]) + body.block_position_embeddings(positions[:, 1])
            else:
                x = x + body.position_embeddings(positions)
        except IndexError as error:
            raise UsageError(self._beyond(ids, positions, soft)) from error
        return body.embedding_dropout(x)

    def logits(self, states: Tensor) -> Tensor:
        """(..., D) -> (..., V), tied to the token table"""
        return linear(states, self.word_embeddings.weight)

    def set_dropout(self, share: float) -> None:
        """The same dropout everywhere in the network."""
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = share

    @property
    def attention_dropout(self) -> float:
        """The share of attention probabilities dropped while training, as `set_dropout` left it."""
        return max((one.attention_dropout.p for one in self.modules() if isinstance(one, Attention)), default=0.0)

    def _beyond(self, ids: Tensor, positions: Tensor, soft: Tensor | None) -> str:
        """What is wrong with ids or positions that a table does not have."""
        rows, places = self.word_embeddings.num_embeddings, 0 if soft is None else len(soft)
        if ids.max() >= rows:
            return f"id {int(ids.max())} is not in the model's token table of {rows} rows; is it the right vocabulary?"
        if ids.min() < -places:
            return f"the row has a soft place {-int(ids.min())}, and the model has {places} soft vectors"
        last = self.transformer.position_embeddings.num_embeddings - 1
        return f"position {int(positions.max())} is beyond the model's last position {last}; shorten the row"


def _arithmetic(x: Tensor) -> torch.dtype:
    """The type in which attention scores will be computed."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
