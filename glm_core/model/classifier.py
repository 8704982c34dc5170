"""A backbone read through a head instead of through words. Same verbs, so the trainer sees no difference.

Q clozes, C choices (rows of a cloze), K outputs, D hidden size. Source: MODEL 6.4 (pool, Linear, tanh, dropout, Linear).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glm_core.backbone import Backbone, Weighed
from glm_core.config import TrainConfig
from glm_core.errors import CheckpointError, UsageError
from glm_core.model.batch import Batch, collate
from glm_core.model.scores import choice_loss
from glm_core.pvp import Cloze
from glm_core.tokens.encode import Instance, encode_segments
from glm_core.tokens.row import build_row

Pool = Literal["cls", "sop", "last"]
_OWN = "multichoice_head.own."  # before the names of a user's own head, so that it is known as a head


class Head(nn.Module):
    """tanh(Linear), dropout, Linear; parameter names are those of the original's sequence classifier."""

    def __init__(self, hidden_size: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self.pool_layer = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.multichoice_head = nn.Linear(hidden_size, n_outputs)

    def forward(self, pooled: Tensor) -> Tensor:
        """(Q, D) -> (Q, n_outputs)"""
        return self.multichoice_head(self.dropout(torch.tanh(self.pool_layer(pooled))))


class Pooled(nn.Module):
    """The network and its head as one module, named as the original saves them."""

    def __init__(self, model: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.head = head

    model: nn.Module
    head: nn.Module


@dataclass(frozen=True, eq=False)
class ChoiceInstance:
    """The rows of one example, one per choice; one row where the head has an output per label."""

    uid: str
    rows: tuple[Instance, ...]
    labels: tuple[str, ...]
    gold: int | None
    cut: Mapping[str, int] = field(default_factory=dict)
    soft_gold: tuple[float, ...] | None = None

    @property
    def n_tokens(self) -> int:
        return len(self.rows) * max(one.n_tokens for one in self.rows)

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.labels))


@dataclass(frozen=True, eq=False)
class ChoiceBatch:
    """Rows of several examples: row r belongs to cloze `cloze[r]` as its choice `choice[r]`."""

    rows: Batch
    cloze: Tensor  # (R,)
    choice: Tensor  # (R,)
    gold: Tensor  # (Q,)
    mask: Tensor  # (Q, C) bool
    soft_gold: Tensor | None = None

    @property
    def n_clozes(self) -> int:
        return len(self.gold)

    @property
    def n_tokens(self) -> int:
        return self.rows.n_tokens

    def to(self, device: torch.device | str) -> ChoiceBatch:
        moved = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{name: value.to(device) for name, value in moved.items() if value is not None})


class Classifier(Backbone):
    """A backbone with a head: one output per label, or one per row where each choice is a row of its own."""

    module: Pooled

    def __init__(
        self,
        backbone: Backbone,
        labels: Sequence[str],
        *,
        n_outputs: int | None = None,
        pool: Pool = "cls",
        dropout: float = 0.1,
        head: str | None = None,
    ) -> None:
        """`n_outputs`: 1 where every choice is a row of its own; by default one per label. `head`: 'module:Class'."""
        if pool not in ("cls", "sop", "last"):
            raise UsageError(f"--pool is one of cls, sop, last; got {pool!r}")
        self.backbone = backbone
        self.tokenizer = backbone.tokenizer
        self.masks = backbone.masks
        self.labels = tuple(labels)
        self.pool_at: Pool = pool
        self.head_name = head
        self.n_outputs = len(self.labels) if n_outputs is None else n_outputs
        width = backbone.module.config.hidden_size  # type: ignore[union-attr]
        made = _own_head(head)(width, self.n_outputs) if head else Head(int(width), self.n_outputs, dropout)  # type: ignore[arg-type]
        made.to(next(backbone.module.parameters()).device)
        trained = getattr(backbone, "heads", {})
        if not head and {name: value.shape for name, value in trained.items()} == {
            name: value.shape for name, value in made.state_dict().items()
        }:
            made.load_state_dict(trained)  # the checkpoint was fine-tuned with a head of this size
        self.module = Pooled(backbone.module, made)

    def prepare(self, config: TrainConfig, sample: Cloze) -> None:
        self.backbone.prepare(config, sample)
        for module in self.module.head.modules():
            if isinstance(module, nn.Dropout):
                module.p = config.dropout
        for parameter in self.module.head.parameters():
            parameter.requires_grad_(True)

    def encode(self, cloze: Cloze, *, max_length: int) -> ChoiceInstance:
        """Each row of segments as `[CLS] first [SEP] second [EOS]`; [sop] follows where the state is pooled there."""
        rows, lost = [], 0
        names = tuple(dict.fromkeys(cloze.labels))
        for segments in cloze.segments:
            ids, cut = encode_segments(
                segments, self.tokenizer, max_length=max_length, uid=cloze.uid, specials=cloze.specials
            )
            lost += cut
            branches = [[(0, ())]] if self.pool_at == "sop" else []
            row = build_row(ids, branches, sop=self.tokenizer.special.sop)
            rows.append(Instance(cloze.uid, row, None, (), ("",), None))
        return ChoiceInstance(
            cloze.uid,
            tuple(rows),
            cloze.labels,
            None if cloze.gold is None else names.index(cloze.gold),
            {"text": lost} if lost else {},
            cloze.soft_gold,
        )

    def collate(self, instances: Sequence[ChoiceInstance]) -> ChoiceBatch:
        flat = [row for one in instances for row in one.rows]
        n_scores = max(len(one.rows) if len(one.rows) > 1 else len(one.label_names) for one in instances)
        mask = torch.zeros(len(instances), n_scores, dtype=torch.bool)
        for q, one in enumerate(instances):
            mask[q, : len(one.rows) if len(one.rows) > 1 else len(one.label_names)] = True
        soft = None
        if all(one.soft_gold is not None for one in instances):
            soft = torch.tensor([one.soft_gold for one in instances], dtype=torch.float32)
        return ChoiceBatch(
            rows=collate(flat, pad=self.tokenizer.special.pad),
            cloze=torch.tensor([q for q, one in enumerate(instances) for _ in one.rows]),
            choice=torch.tensor([c for one in instances for c in range(len(one.rows))]),
            gold=torch.tensor([-1 if one.gold is None else one.gold for one in instances]),
            mask=mask,
            soft_gold=soft,
        )

    def scores(self, batch: ChoiceBatch) -> Tensor:
        """(Q, C): one score per label."""
        found = self.module.head(self.backbone.pool(batch.rows, self.pool_at)).float()  # (R, n_outputs)
        if self.n_outputs > 1:
            return found
        return found.new_zeros(batch.mask.shape).index_put((batch.cloze, batch.choice), found[:, 0])

    def weigh(self, batch: ChoiceBatch) -> Weighed:
        was_training = self.module.training
        self.module.eval()
        try:
            with torch.inference_mode():
                scores = self.scores(batch).masked_fill(~batch.mask, -torch.inf)
                log_probs = F.log_softmax(scores, -1).masked_fill(~batch.mask, 0.0)
        finally:
            self.module.train(was_training)
        return Weighed(log_probs[:, :, None], batch.mask[:, :, None])

    def loss(
        self, batch: ChoiceBatch, *, objective: str = "choice", smoothing: float = 0.0, length_penalty: float = 0.0
    ) -> Tensor:
        if objective in ("generative", "lm"):
            objective = "choice"  # a head chooses; there is nothing it could write
        return choice_loss(self.scores(batch), batch.mask, batch.gold, objective=objective, soft_gold=batch.soft_gold)

    def pool(self, batch: ChoiceBatch, at: str = "cls") -> Tensor:
        return self.backbone.pool(batch.rows, at)

    def save(self, where: Path) -> None:
        """The backbone as it saves itself, the head among its tensors. Whole or not at all."""
        from glm_core.model.glm_files import save_glm

        prefix = _OWN if self.head_name else ""
        heads = {prefix + name: value.detach() for name, value in self.module.head.state_dict().items()}
        about = {
            "labels": self.labels,
            "n_outputs": self.n_outputs,
            "pool": self.pool_at,
            "head": self.head_name,
        }
        save_glm(self.backbone, where, heads=heads, facts={"classifier": about})  # type: ignore[arg-type]

    @classmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> Classifier:
        from glm_core.model.glm_files import load_glm

        backbone, loaded = load_glm(where, device=device, **options)
        about = loaded.facts.get("classifier")
        if about is None:
            raise CheckpointError(f"{where}: holds no classifier; was it trained with --method cloze?")
        made = cls(backbone, about["labels"], n_outputs=about["n_outputs"], pool=about["pool"], head=about["head"])
        heads = {name.removeprefix(_OWN): value for name, value in loaded.heads.items()}
        try:
            made.module.head.load_state_dict(heads)
        except RuntimeError as error:
            raise CheckpointError(f"{where}: its head does not fit ({str(error).splitlines()[-1].strip()})") from error
        made.module.eval()
        return made


def _own_head(name: str) -> Any:
    """The class that `module:Class` names. Code comes from installed packages only."""
    import importlib

    module, colon, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute) if colon else None
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--head {name}: {error}") from error
    if found is None or not isinstance(found, type) or not issubclass(found, nn.Module):
        raise UsageError(f"--head {name}: write module:Class, a torch module made from (hidden_size, n_outputs)")
    return found
