"""A model small enough to train in milliseconds: the mean of embedded words, a norm, dropout and a linear layer.

Run as a script it trains in a process of its own, which can be killed or started by torchrun:
`toy.py FOLDER OUT [--die-at STEP] [--nudge STEP] …`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glm_core.backbone import Backbone
from glm_core.config import TrainConfig
from glm_core.training.trainer import Summary, Trainer

WORDS = 50
LABELS = 3


@dataclass(frozen=True)
class ToyInstance:
    uid: str
    ids: tuple[int, ...]
    gold: int

    @property
    def n_tokens(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class ToyBatch:
    ids: Tensor  # (Q, L), -1 padding
    gold: Tensor  # (Q,)

    @property
    def n_clozes(self) -> int:
        return len(self.gold)

    def to(self, device: Any) -> ToyBatch:
        return ToyBatch(self.ids.to(device), self.gold.to(device))


class ToyModule(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.norm = nn.LayerNorm(8)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, LABELS)

    def forward(self, ids: Tensor) -> Tensor:
        there = (ids >= 0)[..., None]
        mean = (self.words(ids.clamp(min=0)) * there).sum(1) / there.sum(1)
        return self.head(self.dropout(self.norm(mean)))


class ToyBackbone(Backbone):
    """loss may be overruled by a test."""

    def __init__(self, *, dropout: float = 0.1, seed: int = 5) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.module = ToyModule(dropout)

    def collate(self, instances: Sequence[ToyInstance]) -> ToyBatch:
        longest = max(one.n_tokens for one in instances)
        ids = [[*one.ids, *[-1] * (longest - one.n_tokens)] for one in instances]
        return ToyBatch(torch.tensor(ids), torch.tensor([one.gold for one in instances]))

    def loss(
        self, batch: ToyBatch, *, objective: str = "choice", smoothing: float = 0.0, length_penalty: float = 0.0
    ) -> Tensor:
        return F.cross_entropy(self.module(batch.ids).float(), batch.gold)

    def encode(self, cloze: Any, *, max_length: int) -> Any:
        raise NotImplementedError

    def weigh(self, batch: Any) -> Any:
        raise NotImplementedError

    def pool(self, batch: Any, at: str = "cls") -> Tensor:
        raise NotImplementedError

    def save(self, where: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> Any:
        raise NotImplementedError


def toy_instances(n: int = 40, *, seed: int = 3, longest: int = 30) -> list[ToyInstance]:
    """Texts of 3 to 30 words; the label depends on the first word."""
    rng = random.Random(seed)
    made = []
    for k in range(n):
        ids = tuple(rng.randrange(WORDS) for _ in range(rng.randint(3, longest)))
        made.append(ToyInstance(f"train-{k}", ids, ids[0] % LABELS))
    return made


def toy_config(**options: Any) -> TrainConfig:
    chosen = {"epochs": 3, "batch_size": 8, "learning_rate": 0.02, "micro_batch_tokens": 100, **options}
    return TrainConfig(**chosen)


def toy_accuracy(backbone: ToyBackbone, instances: Sequence[ToyInstance]) -> dict[str, float]:
    batch = backbone.collate(instances)
    scores = backbone.module(batch.ids)
    right = (scores.argmax(1) == batch.gold).float().mean()
    return {"accuracy": float(right), "loss": float(F.cross_entropy(scores, batch.gold))}


def parameters(backbone: Backbone) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in backbone.module.named_parameters()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def train_toy(
    folder: Path, *, die_at: int = 0, nudge_at: int = 0, dropout: float = 0.1, **options: Any
) -> tuple[dict[str, Tensor], Summary, list[dict[str, Any]]]:
    """Train to the end. die_at: SIGKILL after that step; nudge_at: SIGTERM then."""
    backbone, rows = ToyBackbone(dropout=dropout), []
    dev = toy_instances(30, seed=4)

    def record(row: dict[str, Any]) -> None:
        rows.append(dict(row))
        if row["event"] == "step" and row["step"] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if row["event"] == "step" and row["step"] == nudge_at:
            os.kill(os.getpid(), signal.SIGTERM)

    trainer = Trainer(backbone, toy_config(**options), seed=7, record=record, progress=False)
    summary = trainer.fit(toy_instances(), folder, evaluate=lambda: toy_accuracy(backbone, dev), identity={"data": "a"})
    return parameters(backbone), summary, rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--nudge-at", type=int, default=0)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--options", type=json.loads, default={})
    given = parser.parse_args()
    found, summary, rows = train_toy(
        given.folder, die_at=given.die_at, nudge_at=given.nudge_at, dropout=given.dropout, **given.options
    )
    rank = os.environ.get("RANK", "0")
    losses = [row["loss"] for row in rows if row["event"] == "step"]
    torch.save({"parameters": found, "losses": losses, "best_step": summary.best_step}, f"{given.out}.{rank}")


if __name__ == "__main__":
    main()
