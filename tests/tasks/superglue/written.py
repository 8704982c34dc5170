"""The hand-written data sets, and predictions about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glm_core import Example, Prediction, Task
from glm_tasks.superglue.plugin import glm_tasks

DATA = Path(__file__).resolve().parents[2] / "data" / "superglue"
TASKS = {task.name: task for task in glm_tasks()}


def examples(task: str | Task, split: str = "train", *, folder: Path = DATA) -> list[Example]:
    task = TASKS[task] if isinstance(task, str) else task
    return task.read(task.processor.open(str(folder)), split)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a hand-written file, `RTE/train.jsonl`."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def put(folder: Path, name: str, content: Sequence[Mapping[str, Any]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")


def predicted(found: Sequence[Example], labels: Sequence[str | None]) -> list[Prediction]:
    return [Prediction(example, label=label) for example, label in zip(found, labels, strict=True)]
