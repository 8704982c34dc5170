"""Which split a run may learn from, and which it may choose on."""

from __future__ import annotations

from collections.abc import Sequence

from glm_core.errors import UsageError
from glm_core.examples import Role, Split
from glm_core.tasks import Task


def training_split(task: Task, name: str | None = None) -> Split:
    """The named split, or the first one to train on. Raises UsageError where it is not for training."""
    found = _named_or_first(task, name, "train")
    if found is None:
        raise UsageError(f"task {task.name} has no split to train on; it can only be evaluated")
    if found.role != "train":
        raise UsageError(f"--train-split {found.name}: its role is {found.role}; train on {_names(task, 'train')}")
    return found


def tuning_split(task: Task, name: str | None = None, *, allow_final: bool = False) -> Split:
    """The named split, or the first one to choose on.

    Raises UsageError for a split without labels, and for one that is not for choosing: what is chosen on a final split
    looks better there than it is. `allow_final` lets that pass.
    """
    found = _named_or_first(task, name, "tune")
    if found is None:
        raise UsageError(
            f"task {task.name} has no split to choose on; name one with --split (there are {_names(task)})"
        )
    if not found.labelled or found.role == "unlabeled":
        raise UsageError(f"--split {found.name}: it has no labels, so nothing can be chosen on it")
    instead = f"choose on {_names(task, 'tune')}" if _names(task, "tune") else "this task has none to choose on"
    if found.role == "final" and not allow_final:
        raise UsageError(
            f"--split {found.name}: it is for the final evaluation, and what is chosen on it looks too good there; "
            f"{instead}, or say --allow-final, which marks the result"
        )
    if found.role == "train":
        raise UsageError(f"--split {found.name}: its role is train; {instead}")
    return found


def default_split(task: Task) -> Split:
    """What is evaluated when nobody says what: the tuning split, failing that the final one, failing that the first."""
    for role in ("tune", "final"):
        for one in task.processor.splits:
            if one.role == role:
                return one
    if not task.processor.splits:
        raise UsageError(f"task {task.name} has no splits")
    return task.processor.splits[0]


def final_splits(task: Task) -> Sequence[Split]:
    """The splits whose predictions a leaderboard may want."""
    return [one for one in task.processor.splits if one.role == "final"]


def _named_or_first(task: Task, name: str | None, role: Role) -> Split | None:
    if name is not None:
        return task.processor.split(name)
    return next((one for one in task.processor.splits if one.role == role), None)


def _names(task: Task, role: Role | None = None) -> str:
    return ", ".join(one.name for one in task.processor.splits if role is None or one.role == role)
