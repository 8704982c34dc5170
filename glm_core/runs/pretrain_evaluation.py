"""What a model knows of held-out text: the loss per token of its blanks, for each level of the objective apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glm_core.backbone import Backbone
from glm_core.errors import UsageError
from glm_core.tokens.encode import Instance
from glm_core.tokens.infilling import Level
from glm_core.training.batching import token_batches
from glm_core.training.engine import Engine

_LEVELS: tuple[Level, ...] = ("token", "sentence", "document")
_HIGHEST = 20.0  # exp of more says nothing; the original cuts there too


class HeldOut:
    """Rows that stay the same for a whole run, ready to be weighed again and again."""

    def __init__(self, rows: Sequence[tuple[Level, Instance]], *, batch_tokens: int) -> None:
        """Raises UsageError where no row has anything to learn."""
        self._rows = [one for one in rows if one[1].row.target_mask.any()]
        if not self._rows:
            raise UsageError("the held-out text has nothing to fill in: its documents are prompts alone")
        lengths = [instance.n_tokens for _, instance in self._rows]
        self._groups = token_batches(lengths, budget=batch_tokens)

    def measure(self, backbone: Backbone, engine: Engine) -> dict[str, float]:
        """`loss` in nats per token over all rows and `perplexity`, then both for each level; processes share the rows.

        `loss` comes first: it chooses the parameters that are kept. Call it after `engine.attach`.
        """
        sums = [0.0] * (2 * len(_LEVELS))  # of each level: nats, tokens
        for group in self._groups[engine.rank :: engine.world_size]:
            with engine.autocast():
                nats, counts = self._weigh(backbone, group, engine.device)
            for index, one_nats, one_count in zip(group, nats, counts, strict=True):
                at = 2 * _LEVELS.index(self._rows[index][0])
                sums[at] += one_nats
                sums[at + 1] += one_count
        sums = engine.total(sums)
        told = _told("", sum(sums[::2]), sum(sums[1::2]))
        for at, level in enumerate(_LEVELS):
            if sums[2 * at + 1]:
                told |= _told(f"{level}_", *sums[2 * at : 2 * at + 2])
        return told

    def _weigh(self, backbone: Backbone, group: Sequence[int], device: Any) -> tuple[list[float], list[float]]:
        """Nats and tokens of each row of a batch."""
        batch = backbone.collate([self._rows[index][1] for index in group])
        weighed = backbone.weigh(batch.to(device))
        mask = weighed.mask.double()
        nats = -(weighed.log_probs.double() * mask).sum((1, 2))
        return nats.tolist(), mask.sum((1, 2)).tolist()


def _told(name: str, nats: float, tokens: float) -> dict[str, float]:
    loss = nats / max(tokens, 1.0)
    return {f"{name}loss": loss, f"{name}perplexity": math.exp(min(loss, _HIGHEST))}
