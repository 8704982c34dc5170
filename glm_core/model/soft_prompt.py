"""Trainable vectors that stand at the soft places of a pattern (P-Tuning).

Parameter names are those of the original's `prompt_spell`. S places, D hidden size.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from glm_core.errors import CheckpointError, UsageError

Encoder = Literal["none", "mlp", "lstm"]

_COMMON_WORDS = 5000  # the first rows of a vocabulary are its most frequent pieces


class SoftPrompt(nn.Module):
    """One vector per soft place: a table, alone or seen through an MLP or a two-layer bidirectional LSTM."""

    def __init__(self, n_places: int, hidden_size: int, encoder: Encoder = "lstm") -> None:
        super().__init__()
        if encoder not in get_args(Encoder):
            raise UsageError(f"the encoder of a soft prompt is one of {', '.join(get_args(Encoder))}; got {encoder!r}")
        self.spell_embeddings = nn.Embedding(n_places, hidden_size)
        width = hidden_size
        if encoder == "lstm":
            self.lstm_head = nn.LSTM(hidden_size, hidden_size, num_layers=2, bidirectional=True, batch_first=True)
            width = 2 * hidden_size
        if encoder != "none":
            self.mlp_head = nn.Sequential(nn.Linear(width, hidden_size), nn.ReLU(), nn.Linear(hidden_size, hidden_size))
        self.encoder: Encoder = encoder

    def forward(self) -> Tensor:
        """-> (S, D)"""
        vectors = self.spell_embeddings.weight
        if self.encoder == "lstm":
            vectors = self.lstm_head(vectors[None])[0][0]  # (S, 2D), read as one sequence
        return vectors if self.encoder == "none" else self.mlp_head(vectors)

    @torch.no_grad()
    def start_from_words(self, table: Tensor, rng: random.Random, *, task_tokens: Sequence[int] = ()) -> None:
        """Start every place at a frequent word, or between one and a word of the task.

        table: (V, D), the network's word table. task_tokens: ids of words that belong to the task; each place is drawn
        towards one of them by a random share.
        """
        for place in range(self.spell_embeddings.num_embeddings):
            vector = table[rng.randrange(min(_COMMON_WORDS, len(table)))]
            if task_tokens:
                share, word = rng.random(), rng.choice(task_tokens)
                vector = share * vector + (1 - share) * table[word]
            self.spell_embeddings.weight[place] = vector

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> SoftPrompt:
        """The prompt that a checkpoint's `prompt_spell.*` tensors hold; the prefix may be absent.

        Raises CheckpointError that names what does not fit together.
        """
        named = {name.removeprefix("prompt_spell."): tensor for name, tensor in tensors.items()}
        table = named.get("spell_embeddings.weight")
        if table is None or table.ndim != 2:
            raise CheckpointError("the soft prompt has no table prompt_spell.spell_embeddings.weight (places x width)")
        heads = {name.split(".")[0] for name in named}
        encoder: Encoder = "lstm" if "lstm_head" in heads else "mlp" if "mlp_head" in heads else "none"
        prompt = cls(table.shape[0], table.shape[1], encoder)
        wanted = {name: tensor.shape for name, tensor in prompt.state_dict().items()}
        if wanted != {name: tensor.shape for name, tensor in named.items()}:
            odd = sorted(name for name in wanted | named if name not in named or named[name].shape != wanted.get(name))
            raise CheckpointError(
                f"the soft prompt does not fit together: {', '.join(odd[:3])}; was it cut into shards?"
            )
        prompt.load_state_dict({name: tensor.float() for name, tensor in named.items()})
        return prompt
