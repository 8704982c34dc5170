"""From recorded classic rows (one padded row per answer) to our rows and batches, to compare the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from glm_core.config import ModelConfig
from glm_core.model.batch import Batch, collate
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.tokens.encode import Instance
from glm_core.tokens.row import Row


@dataclass(frozen=True)
class Classic:
    """One recorded row: (L,) ids, (2, L) positions, sep, (L,) targets and target mask; soft: indices of soft places."""

    ids: np.ndarray
    positions: np.ndarray
    sep: int
    targets: np.ndarray
    target_mask: np.ndarray
    soft: Sequence[int] = ()


def row_of(answers: Sequence[Classic], *, read_off: bool = False) -> Row:
    """One packed row of answers that share their Part A."""
    first = answers[0]
    sep = int(first.sep)
    ids = first.ids[:sep].astype(np.int64).copy()
    for number, at in enumerate(first.soft, 1):
        ids[at] = -number
    pieces = {
        "ids": [ids],
        "positions": [first.positions[:, :sep]],
        "branch": [np.zeros(sep, int)],
        "targets": [np.zeros(sep, int)],
        "target_mask": [np.zeros(sep, int)],
    }
    for k, one in enumerate(answers, 1):
        assert int(one.sep) == sep
        assert (one.ids[:sep] == first.ids[:sep]).all()
        end = int(np.flatnonzero(one.target_mask).max()) + 1
        pieces["ids"].append(one.ids[sep:end])
        pieces["positions"].append(one.positions[:, sep:end])
        pieces["branch"].append(np.full(end - sep, k))
        pieces["targets"].append(np.zeros(end - sep, int) if read_off else one.targets[sep:end])
        pieces["target_mask"].append(one.target_mask[sep:end])
    made = {name: np.concatenate(values, axis=-1).astype(np.int64) for name, values in pieces.items()}
    return Row(segment=np.zeros(len(made["ids"]), dtype=np.int64), **made)


def instance_of(
    answers: Sequence[Classic], *, gold: int | None = None, words: Sequence[int] | None = None, uid: str = "x"
) -> Instance:
    """An instance of recorded rows; `words` where the answers are read off at [sop]."""
    n = len(answers) if words is None else len(words)
    labels = tuple(map(str, range(n)))
    row = row_of(answers, read_off=words is not None)
    return Instance(uid, row, None if words is None else tuple(words), labels, labels, gold)


def batch_of(instances: Sequence[Instance], *, pad: int = 0) -> Batch:
    return collate(instances, pad=pad)


def backbone_of(config: ModelConfig, state: dict[str, torch.Tensor] | None = None) -> GLMBackbone:
    """A backbone around a network without a vocabulary: enough for batches that are ids already."""
    network = GLM(config)
    if state is not None:
        network.load_state_dict(state)
    network.eval()
    tokenizer = SimpleNamespace(n_tokens=config.vocab_size, special=SimpleNamespace(pad=0))
    return GLMBackbone(network, tokenizer)  # type: ignore[arg-type]
