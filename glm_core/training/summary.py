"""What a training leaves besides its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glm_core.training.resume import TrainState


@dataclass(frozen=True)
class Summary:
    """Steps taken, losses, best score."""

    steps: int
    epochs: float
    stopped: str  # "end" or "patience"
    losses: tuple[float, ...]  # mean training loss of each stretch between evaluations
    evaluations: tuple[Mapping[str, Any], ...]  # step, epoch, loss, metrics
    best_step: int | None  # whose parameters the model has now; None: those of the last step
    best_score: float | None
    best_metrics: Mapping[str, float]
    skipped: int  # fp16 updates left out
    tokens: int
    padded_tokens: int
    seconds: float
    warnings: tuple[str, ...]


def summarize(state: TrainState, *, steps_per_epoch: int) -> Summary:
    """The summary of a finished training."""
    best = state.best or {"step": None, "score": None, "metrics": {}}
    return Summary(
        steps=state.step,
        epochs=state.step / steps_per_epoch,
        stopped=state.finished,
        losses=tuple(one["loss"] for one in state.evaluations),
        evaluations=tuple(state.evaluations),
        best_step=best["step"],
        best_score=best["score"],
        best_metrics=best["metrics"],
        skipped=state.skipped,
        tokens=state.tokens,
        padded_tokens=state.padded_tokens,
        seconds=state.seconds,
        warnings=tuple(state.warnings),
    )
