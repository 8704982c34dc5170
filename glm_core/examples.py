"""What was read from a data set, and what came out of a model: plain frozen values that can be printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glm_core.errors import DataError, did_you_mean

Role = Literal["train", "tune", "final", "unlabeled"]


@dataclass(frozen=True)
class Example:
    """One example as its data set tells it. `ex["premise"]` reads a field.

    label: None where the data set gives none: predictions and no metric.
    choices: answers of this example only (COPA, ReCoRD); their labels are "0", "1", … in order.
    target: the reference of a generation or lm example; a tuple where several blanks are filled in order.
    group: the independent unit this example belongs to (a MultiRC question); intervals resample groups.
    meta: what a metric or a submission needs besides.
    """

    uid: str
    fields: Mapping[str, str]
    label: str | None = None
    choices: tuple[str, ...] = ()
    target: str | tuple[str, ...] | None = None
    group: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        try:
            return self.fields[name]
        except KeyError:
            has = ", ".join(self.fields) or "no fields"
            raise DataError(
                f"example {self.uid} has no field '{name}' (it has {has}){did_you_mean(name, self.fields)}"
            ) from None

    @property
    def unit(self) -> str:
        """The independent unit: the group, or the example itself."""
        return self.group or self.uid


@dataclass(frozen=True)
class Split:
    """A part of a data set, and what it may be used for. `files` are relative to the data folder."""

    name: str
    role: Role
    files: tuple[str, ...] = ()
    labelled: bool = True


@dataclass(frozen=True)
class Answer:
    """What one answer was worth: its text, its label, the log-probability of each scored token (natural log).

    greedy: whether each of its tokens, given those before it, is the model's first choice, so that greedy writing would
        give exactly this answer; None where the backbone does not tell.
    """

    text: str
    label: str
    log_probs: tuple[float, ...]
    greedy: bool | None = None


@dataclass(frozen=True)
class Prediction:
    """What the model said about one example. All that a metric or a submission may look at.

    label: the chosen label, if there was a choice.
    text: the answer chosen or written.
    answers: everything needed to score again in another way.
    scores: per label, after combination and normalisation.
    value: a regression's number.
    cut: tokens cut to fit the row, by field.
    """

    example: Example
    label: str | None = None
    text: str = ""
    answers: tuple[Answer, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None
    cut: Mapping[str, int] = field(default_factory=dict)
