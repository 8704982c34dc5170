"""A drafted task measured on its splits: what a model says as it came, and after it was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glm_core.backbone import Backbone
from glm_core.config import EvalConfig
from glm_core.examples import Example, Prediction
from glm_core.runs.draft import PATTERN
from glm_core.runs.evaluate import evaluate
from glm_core.runs.health import health, measure, measure_majority
from glm_core.runs.progress import evaluation_bar
from glm_core.tasks import Task


@dataclass(frozen=True)
class Measured:
    """What was found on one split: metrics of the model as it came, after training (None: not trained), and of always
    answering the most frequent label."""

    split: str
    n: int
    majority: Mapping[str, float]
    before: Mapping[str, float]
    after: Mapping[str, float] | None
    health: Mapping[str, Any]


def measure_splits(
    task: Task,
    backbone: Backbone,
    evaluation: EvalConfig,
    *,
    train: Callable[[], int] | None = None,
    progress: bool = True,
) -> list[Measured]:
    """Every split but the one to train on, before `train` and after it.

    train: trains this very backbone and tells after how many steps; None: the model is measured as it came.
    """
    data = task.processor.open()
    examples = {one.name: task.read(data, one) for one in task.processor.splits if one.role != "train"}

    def answers(some: Mapping[str, Sequence[Example]]) -> dict[str, list[Prediction]]:
        found = {}
        for split, of_split in some.items():
            with evaluation_bar(f"evaluating {split}", shown=progress) as bar:
                found[split] = evaluate(task, backbone, of_split, pattern=PATTERN, config=evaluation, progress=bar)
        return found

    before = answers(examples)
    steps = train() if train is not None else 0
    after = answers(examples) if train is not None else before
    return [
        Measured(
            split=split,
            n=len(of_split),
            majority=measure_majority(task, before[split]),
            before=measure(task, before[split]),
            after=None if train is None else measure(task, after[split]),
            health=health(after[split], steps=steps).as_dict(),
        )
        for split, of_split in examples.items()
    ]
