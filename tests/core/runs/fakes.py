"""A small task, its files and a backbone that learns within a few steps: a bag of words and a table.

The backbone keeps the contract of `glm_core.backbone`: envelopes with `n_tokens`, batches with `.to` and `n_clozes`,
losses over label scores. A word is a token; every answer's words are scored given the bag of the text's words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glm_core.backbone import Backbone, Weighed
from glm_core.config import TrainConfig
from glm_core.examples import Example, Prediction, Split
from glm_core.hookspecs import hookimpl
from glm_core.model.scores import answer_scores, choice_loss, label_scores
from glm_core.parts import Text
from glm_core.pvp import PVP, Cloze
from glm_core.tasks import JsonlProcessor, Task

SIZE = 97  # rows of the toy's token table


class Reviews(JsonlProcessor):
    """{"review": …, "label": "good" or "bad"}, one object per line."""

    labels = ("bad", "good")
    splits = (
        Split("train", "train", ("train.jsonl",)),
        Split("dev", "tune", ("dev.jsonl",)),
        Split("test", "final", ("test.jsonl",), labelled=False),
        Split("gold", "final", ("gold.jsonl",)),
    )

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        yield Example(uid, {"review": row["review"]}, label=row.get("label"), meta={"idx": row.get("idx", -1)})

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterator[tuple[str, str]]:
        rows = [json.dumps({"idx": one.example.meta["idx"], "label": one.label}) for one in predictions]
        yield "Reviews.jsonl", "".join(row + "\n" for row in rows)


def accuracy(predictions: Sequence[Prediction]) -> float:
    """Share of right labels."""
    right = [one.label == one.example.label for one in predictions]
    return sum(right) / len(right) if right else 0.0


def surprise(predictions: Sequence[Prediction]) -> float:
    """Mean negative score of the gold label."""
    return sum(-one.scores[one.example.label] for one in predictions if one.example.label) / max(len(predictions), 1)


surprise.lower_is_better = True  # type: ignore[attr-defined]

IT_WAS = PVP("it-was", "{review} It was [MASK].", {"bad": ["terrible", "bad"], "good": ["great", "good"]})
JUST = PVP("just", "Just [MASK]! {review}", {"bad": "terrible", "good": "great"})


def reviews_task(**changes: Any) -> Task:
    """A choice between two labels."""
    task = Task("reviews", Reviews(), (IT_WAS, JUST), {"accuracy": accuracy, "surprise": surprise})
    return replace(task, **changes)


_BAD, _GOOD = ("dull", "awful", "boring", "weak"), ("lovely", "bright", "moving", "fresh")


def write_reviews(folder: Path, *, train: int = 8, dev: int = 6) -> Path:
    """The task's files: labels follow from one word; `test` has none."""
    folder.mkdir(parents=True, exist_ok=True)

    def rows(n: int, offset: int, labelled: bool = True) -> str:
        made = []
        for index in range(n):
            good = index % 2 == 1
            word = (_GOOD if good else _BAD)[(index // 2 + offset) % 4]
            row: dict[str, Any] = {"idx": index, "review": f"a {word} film" + " indeed" * (index % 3)}
            if labelled:
                row["label"] = "good" if good else "bad"
            made.append(json.dumps(row) + "\n")
        return "".join(made)

    (folder / "train.jsonl").write_text(rows(train, 0))
    (folder / "dev.jsonl").write_text(rows(dev, 1))
    (folder / "test.jsonl").write_text(rows(5, 2, labelled=False))
    (folder / "gold.jsonl").write_text(rows(4, 3))
    return folder


class ToyTokenizer:
    """Only what a manifest asks of a tokenizer."""

    fingerprint = "toy-1"


@dataclass(frozen=True)
class ToyInstance:
    uid: str
    text: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    gold: int | None
    combine: str = "mean"
    cut: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_tokens(self) -> int:
        return len(self.text) + sum(map(len, self.answers))


@dataclass(frozen=True)
class ToyBatch:
    text: Tensor  # (Q, L), -1 padding
    targets: Tensor  # (Q, C, T)
    mask: Tensor  # (Q, C, T)
    label_of: Tensor  # (Q, C)
    gold: Tensor  # (Q,)
    combine: str

    @property
    def n_clozes(self) -> int:
        return len(self.gold)

    @property
    def n_tokens(self) -> int:
        return self.text.numel() + self.targets.numel()

    def to(self, device: Any) -> ToyBatch:
        return self


class ToyModule(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.words = nn.Parameter(torch.randn(SIZE, 16, generator=generator))
        self.out = nn.Parameter(0.1 * torch.randn(16, SIZE, generator=generator))


def _ids(text: str) -> tuple[int, ...]:
    return tuple(
        sum(ord(letter) * (7**index % 89) for index, letter in enumerate(word)) % SIZE for word in text.split()
    )


class ToyBackbone(Backbone):
    """Keeps count of the batches it weighed."""

    def __init__(self, seed: int = 0) -> None:
        self.module = ToyModule(seed)
        self.tokenizer = ToyTokenizer()  # type: ignore[assignment]
        self.masks = frozenset(("[MASK]",))
        self.n_weighed = 0
        self.prepared: list[TrainConfig] = []

    def prepare(self, config: TrainConfig, sample: Cloze) -> None:
        self.prepared.append(config)

    def encode(self, cloze: Cloze, *, max_length: int) -> ToyInstance:
        ids: list[int] = []
        cut: dict[str, int] = {}
        for part in cloze.parts:
            if isinstance(part, Text):
                found = _ids(part.text)
                if part.cut and len(found) > max_length - 7:
                    cut[part.field] = len(found) - (max_length - 7)
                    found = found[: max_length - 7]
                ids += found
        answers = tuple(_ids(" ".join(one) if isinstance(one, tuple) else one) for one in cloze.answers)
        names = list(cloze.label_names)
        gold = None if cloze.gold is None else names.index(cloze.gold)
        return ToyInstance(cloze.uid, tuple(ids), answers, cloze.labels, gold, cloze.combine, cut)

    def collate(self, instances: Sequence[ToyInstance]) -> ToyBatch:
        n_answers = max(len(one.answers) for one in instances)
        longest = max(len(answer) for one in instances for answer in one.answers)
        text = torch.full((len(instances), max(len(one.text) for one in instances)), -1)
        targets = torch.zeros(len(instances), n_answers, longest, dtype=torch.long)
        mask = torch.zeros(targets.shape, dtype=torch.bool)
        label_of = torch.full((len(instances), n_answers), -1)
        for q, one in enumerate(instances):
            text[q, : len(one.text)] = torch.tensor(one.text)
            names = list(dict.fromkeys(one.labels))
            for c, answer in enumerate(one.answers):
                targets[q, c, : len(answer)] = torch.tensor(answer)
                mask[q, c, : len(answer)] = True
                label_of[q, c] = names.index(one.labels[c])
        gold = torch.tensor([-1 if one.gold is None else one.gold for one in instances])
        return ToyBatch(text, targets, mask, label_of, gold, instances[0].combine)

    def _log_probs(self, batch: ToyBatch) -> Tensor:
        there = (batch.text >= 0)[:, :, None]
        bag = (self.module.words[batch.text.clamp(min=0)] * there).sum(1)  # (Q, 16)
        found = (bag @ self.module.out).log_softmax(-1)  # (Q, SIZE)
        picked = found.gather(1, batch.targets.flatten(1)).view(batch.targets.shape)
        return picked * batch.mask

    def weigh(self, batch: ToyBatch) -> Weighed:
        self.n_weighed += 1
        with torch.no_grad():
            return Weighed(self._log_probs(batch), batch.mask)

    def loss(
        self, batch: ToyBatch, *, objective: str = "choice", smoothing: float = 0.0, length_penalty: float = 0.0
    ) -> Tensor:
        scores = answer_scores(self._log_probs(batch), batch.mask, length_penalty)
        labels, there = label_scores(scores, batch.label_of, batch.combine)
        return choice_loss(labels, there, batch.gold, objective=objective)

    def pool(self, batch: ToyBatch, at: str = "cls") -> Tensor:
        return self.module.words[batch.text.clamp(min=0)].mean(1)

    def save(self, where: Path) -> None:
        where.mkdir(parents=True, exist_ok=True)
        (where / "toy.json").write_text(json.dumps({k: v.tolist() for k, v in self.module.state_dict().items()}))

    @classmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> ToyBackbone:
        made = cls()
        state = json.loads((Path(where) / "toy.json").read_text())
        made.module.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
        return made


class ReviewsPack:
    """A pack with the task and the backbone, for `isolated_packs(films=ReviewsPack())`."""

    def __init__(self, **changes: Any) -> None:
        self.task = reviews_task(**changes)
        self.rows: list[Mapping[str, Any]] = []

    @hookimpl
    def glm_tasks(self) -> list[Task]:
        return [self.task]

    @hookimpl
    def glm_backbones(self) -> dict[str, str]:
        return {"toy": "tests.core.runs.fakes:ToyBackbone"}

    @hookimpl
    def glm_record(self, row: Mapping[str, Any]) -> None:
        self.rows.append(row)
