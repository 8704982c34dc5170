"""What a way of working amounts to, counted instead of timed: the same on every machine, fit for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from torch import Tensor

from glm_core.model import masks, transformer
from glm_core.model.glm_backbone import GLMBackbone


@dataclass
class Counters:
    """All are sums over the batches that went through the network."""

    batches: int = 0  # calls of the network
    rows: int = 0  # rows that were read: how often a Part A went through the layers
    tokens: int = 0  # tokens that went through the layers, padding included
    logit_rows: int = 0  # states that were multiplied with the whole vocabulary
    masks: int = 0  # masks that were made of a batch's rows

    def as_dict(self) -> dict[str, int]:
        return dict(vars(self))


@contextmanager
def counting(backbone: GLMBackbone) -> Iterator[Counters]:
    """Counts what the backbone's network does inside a `with`."""
    found = Counters()
    module = backbone.module
    logits, additive = module.logits, masks.additive_mask

    def entering(layer: Any, given: tuple[Any, ...]) -> None:
        x, mask = given[:2]
        found.batches += 1
        found.rows += len(mask.masks) if isinstance(mask, masks.RowMasks) else len(x)
        found.tokens += x.shape[0] * x.shape[1]

    def counted_logits(states: Tensor) -> Tensor:
        found.logit_rows += states.shape[:-1].numel()
        return logits(states)

    def counted_mask(mask: Tensor, dtype: Any) -> Tensor:
        found.masks += len(mask)
        return additive(mask, dtype)

    handle = module.transformer.layers[0].register_forward_pre_hook(entering)
    with (
        mock.patch.object(module, "logits", counted_logits),
        mock.patch.object(masks, "additive_mask", counted_mask),
        mock.patch.object(transformer, "additive_mask", counted_mask),
    ):
        try:
            yield found
        finally:
            handle.remove()
