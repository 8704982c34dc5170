"""Instances in, steps out: the loop with evaluation, early stop, the best parameters and exact resume.

The trainer knows a Backbone and a TrainConfig; it has never heard of tasks, and what does backward and step is the
engine's affair. Everything that happens depends on the step's number, the parameters and the generators, so a run that
is killed and started again ends with the same bits (on a CPU, and with `deterministic` on one kind of GPU).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glm_core.backbone import Backbone
from glm_core.config import TrainConfig, as_dict
from glm_core.errors import RunError, UsageError
from glm_core.training.batching import ShuffledSteps, Steps, batch_overhead, padded_tokens
from glm_core.training.engine import Engine, TorchEngine
from glm_core.training.progress import ProgressLine
from glm_core.training.resume import TrainState, clear_drafts, load_point, save_best, save_point
from glm_core.training.schedule import count_steps, evaluation_steps, learning_rate_at
from glm_core.training.seeds import deterministic, seed_everything
from glm_core.training.summary import Summary, summarize
from glm_core.training.termination import EXIT_CODE, Termination
from glm_core.training.watch import WATCHED_STEPS, disconnected

log = logging.getLogger(__name__)

_UNREAD = 16  # steps whose losses may wait on a GPU before somebody looks

Record = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class _Taken:
    """What one step measured; the tensors may still be on their way."""

    step: int
    loss: Tensor  # this process's part of the mean
    norm: Tensor
    learning_rate: float
    updated: bool
    micro_batches: int
    tokens: int
    padded_tokens: int
    seconds: float


class Trainer:
    """Trains a backbone. What it measures goes to `record`, one mapping at a time, from the first process only."""

    def __init__(
        self,
        backbone: Backbone,
        config: TrainConfig,
        *,
        seed: int,
        record: Record | None = None,
        engine: Engine | None = None,
        progress: bool = True,
    ) -> None:
        self.backbone = backbone
        self.config = config
        self.seed = seed
        self.engine: Engine = TorchEngine(config) if engine is None else engine
        self._record = record if record is not None and self.engine.rank == 0 else lambda row: None
        self._progress = progress

    def fit(
        self,
        instances: Sequence[Any] | Steps,
        checkpoints: Path,
        *,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
        lower_is_better: bool = False,
        identity: Mapping[str, Any] | None = None,
    ) -> Summary:
        """Train to the end, or from the newest resume point in `checkpoints` to the end; the best parameters stay.

        instances: opaque objects with `n_tokens`; or `Steps`, for a stream that makes each step from its number.
        checkpoints: a folder of this training's own; in it a finished training is found again without a step.
        evaluate: called in every process with the model in evaluation mode; rank 0's answer counts. Its first metric
            chooses the best parameters.
        identity: plain values (hashes of data and checkpoint, the pattern, …) without which a resume point is not
            this run's; config, seed and number of processes are added.

        Raises UsageError for a resume point of another run, RunError where the loss is no longer finite or the disk is
        full. After a SIGTERM the step is finished and saved, and SystemExit(143) raised.
        """
        checkpoints, engine = Path(checkpoints), self.engine
        seed_everything(self.seed, rank=engine.rank)
        engine.attach(self.backbone)
        self._steps = self._as_steps(instances)
        self._total = count_steps(
            steps=self.config.steps, epochs=self.config.epochs, steps_per_epoch=self._steps.steps_per_epoch
        )
        self._evaluations = evaluation_steps(
            self._total, steps_per_epoch=self._steps.steps_per_epoch, eval_every=self.config.eval_every
        )
        self._checkpoints, self._identity = checkpoints, self._whole_identity(identity or {})
        self._evaluate, self._lower_is_better = evaluate, lower_is_better
        self._unread: list[_Taken] = []
        if engine.rank == 0:
            clear_drafts(checkpoints)
        state = load_point(checkpoints, self._identity, engine) or TrainState()
        self._first, self._began = state.step, time.monotonic() - state.seconds
        self._announce(state)

        with (
            deterministic(self.config.deterministic),
            Termination() as termination,
            ProgressLine(self._total, done=state.step, shown=self._progress and engine.rank == 0) as self._line,
        ):
            self.backbone.module.train()
            self._look_back(state)  # a SIGTERM may have come between a step and its evaluation
            while not state.finished:
                self._take(state)
                if any(engine.total([termination.asked])):
                    self._leave(state)
                self._look_back(state)
        self.backbone.module.eval()
        if state.best is not None:
            engine.load_parameters(checkpoints / state.best["folder"])
        summary = summarize(state, steps_per_epoch=self._steps.steps_per_epoch)
        self._record({"event": "end", "step": state.step, "stopped": state.finished, "best_step": summary.best_step})
        return summary

    def _take(self, state: TrainState) -> None:
        """One update from the examples of one step. Its loss is their mean, however they are divided."""
        engine, began = self.engine, time.monotonic()
        groups = self._steps.at(state.step, rank=engine.rank, world_size=engine.world_size)
        batches = [self.backbone.collate(group) for group in groups]
        weights = [self.backbone.loss_weight(batch, self.config.objective) for batch in batches]
        (total,) = engine.total([math.fsum(weights)])
        learning_rate = learning_rate_at(
            state.step,
            peak=self.config.learning_rate,
            warmup_steps=self.config.warmup * self._total,
            total_steps=self._total,
            schedule=self.config.schedule,
            decay_to=self.config.decay_to,
        )
        loss = torch.zeros((), device=engine.device)
        for batch, weight in zip(batches, weights, strict=True):
            with engine.autocast():
                mean = self.backbone.loss(
                    batch.to(engine.device),
                    objective=self.config.objective,
                    smoothing=self.config.smoothing,
                    length_penalty=self.config.length_penalty,
                )
            part = mean * (weight / total if total else 0.0)
            engine.backward(part)
            loss += part.detach()
        updated = engine.step(learning_rate)
        lengths = [[one.n_tokens for one in group] for group in groups]
        taken = _Taken(
            step=state.step + 1,
            loss=loss,
            norm=engine.norm,
            learning_rate=learning_rate,
            updated=updated,
            micro_batches=len(batches),
            tokens=sum(map(sum, lengths)),
            padded_tokens=sum(map(padded_tokens, lengths)),
            seconds=time.monotonic() - began,
        )
        self._unread.append(taken)
        state.step += 1
        if engine.device.type == "cpu" or len(self._unread) >= _UNREAD:
            self._read(state)
        if state.step == self._first + WATCHED_STEPS:
            self._warn_of_silence(state)

    def _read(self, state: TrainState) -> None:
        """Look at what the last steps measured. On a GPU this waits for it, so it is done for many steps at once."""
        taken, self._unread = self._unread, []
        if not taken:
            return
        losses = torch.stack([one.loss for one in taken]).tolist()
        norms = torch.stack([one.norm for one in taken]).tolist()
        mine = [number for one in taken for number in (one.micro_batches, one.tokens, one.padded_tokens)]
        sums = self.engine.total([*losses, *mine])
        for k, one in enumerate(taken):
            loss, norm = sums[k], norms[k]
            micro_batches, tokens, padded = (int(number) for number in sums[len(taken) + 3 * k :][:3])
            self._check_finite(one, loss, norm)
            state.loss_sum += loss
            state.loss_steps += 1
            state.skipped += not one.updated
            state.tokens += tokens
            state.padded_tokens += padded
            self._record(
                {
                    "event": "step",
                    "step": one.step,
                    "epoch": one.step / self._steps.steps_per_epoch,
                    "loss": loss,
                    "learning_rate": one.learning_rate,
                    "norm": norm,
                    "updated": one.updated,
                    "micro_batches": micro_batches,
                    "tokens": tokens,
                    "padded_tokens": padded,
                    "seconds": one.seconds,
                }
            )
            self._line.show(one.step, loss=loss, learning_rate=one.learning_rate, score=_score_words(state))

    def _check_finite(self, taken: _Taken, loss: float, norm: float) -> None:
        """Raises RunError where training has gone off; an fp16 gradient may overflow, the scaler sees to that."""
        if math.isfinite(loss) and (math.isfinite(norm) or self.config.precision == "fp16"):
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the norm of the gradient is {norm}"
        examples = [one for group in self._steps.at(taken.step - 1) for one in group]
        names = ", ".join(str(one.uid) for one in examples[:4] if hasattr(one, "uid"))
        safer = "" if self.config.precision == "fp32" else f", or --precision fp32 (now {self.config.precision})"
        raise RunError(
            f"step {taken.step}: {what}; try a lower --learning-rate (now {self.config.learning_rate:g}), "
            f"a longer --warmup{safer}" + (f"; its first examples: {names}" if names else "")
        )

    def _look_back(self, state: TrainState) -> None:
        """After a step: evaluate, stop and save where it is time."""
        if state.finished:
            return
        looked = state.step in self._evaluations and state.evaluated != state.step
        if looked:
            self._measure(state)
        due = state.step > 0 and state.step % self.config.save_every == 0 if self.config.save_every else looked
        if state.finished or (due and state.step > self._first):
            self._save(state)

    def _measure(self, state: TrainState) -> None:
        """Evaluate, keep the parameters if they are the best so far, and see whether it is time to stop."""
        self._read(state)
        metrics: dict[str, float] = {}
        if self._evaluate is not None:
            self.backbone.module.eval()
            with torch.no_grad():
                metrics = {name: float(value) for name, value in self._evaluate().items()}
            metrics = self.engine.gather([metrics])[0]  # all processes must decide alike
            self.backbone.module.train()
        state.evaluated = state.step
        found = {
            "step": state.step,
            "epoch": state.step / self._steps.steps_per_epoch,
            "loss": state.loss_sum / max(1, state.loss_steps),
            "metrics": metrics,
        }
        state.loss_sum, state.loss_steps = 0.0, 0
        state.evaluations.append(found)
        if metrics and self._is_better(next(iter(metrics.values())), state.best):
            folder = save_best(self._checkpoints, state.step, self.engine)
            state.best = {**found, "score": next(iter(metrics.values())), "folder": folder}
        is_best = state.best is not None and state.best["step"] == state.step
        self._record({"event": "evaluation", **found, "best": is_best})
        without = sum(one["step"] > (state.best["step"] if state.best else 0) for one in state.evaluations)
        if state.step >= self._total:
            state.finished = "end"
        elif metrics and self.config.patience and without >= self.config.patience:
            state.finished = "patience"

    def _is_better(self, score: float, best: Mapping[str, Any] | None) -> bool:
        """Of equals the earlier one stays; what is not a number is never better."""
        if math.isnan(score) or best is None:
            return not math.isnan(score)
        return score < best["score"] if self._lower_is_better else score > best["score"]

    def _save(self, state: TrainState) -> None:
        self._read(state)
        state.seconds = time.monotonic() - self._began
        save_point(self._checkpoints, state, self._identity, self.engine)

    def _leave(self, state: TrainState) -> None:
        self._save(state)
        log.warning("stopped by SIGTERM after step %d; the same command goes on from there", state.step)
        raise SystemExit(EXIT_CODE)

    def _warn_of_silence(self, state: TrainState) -> None:
        """Say which trained parts have had no gradient so far."""
        silent = self.engine.silent()
        trained = [name for name, one in self.backbone.module.named_parameters() if one.requires_grad]
        for part in disconnected(silent, trained):
            message = f"{part}: is trained, but its gradient was zero for {WATCHED_STEPS} steps; is it connected?"
            if message not in state.warnings:
                state.warnings.append(message)
                if self.engine.rank == 0:
                    log.warning("%s", message)
                self._record({"event": "warning", "step": state.step, "message": message})

    def _as_steps(self, instances: Sequence[Any] | Steps) -> Steps:
        if isinstance(instances, Steps):
            return instances
        if not instances:
            raise UsageError("there are no training examples; look at the data folder and the split")
        return ShuffledSteps(
            instances,
            batch_size=self.config.batch_size,
            micro_batch_tokens=self.config.micro_batch_tokens,
            seed=self.seed,
            overhead=batch_overhead(self.engine.device.type),
        )

    def _whole_identity(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        options = {key: value for key, value in as_dict(self.config).items() if key != "save_every"}
        made = {"seed": self.seed, "steps per epoch": self._steps.steps_per_epoch, "processes": self.engine.world_size}
        return {**options, **made, **identity}

    def _announce(self, state: TrainState) -> None:
        """Write down how the work is divided."""
        self._record(
            {
                "event": "resume" if state.step else "start",
                "step": state.step,
                "steps": self._total,
                "steps_per_epoch": self._steps.steps_per_epoch,
                "batch_size": self.config.batch_size,
                "micro_batch_tokens": self.config.micro_batch_tokens,
                "processes": self.engine.world_size,
                "device": str(self.engine.device),
                "threads": torch.get_num_threads(),
            }
        )


def _score_words(state: TrainState) -> str:
    if not state.evaluations or not state.evaluations[-1]["metrics"]:
        return ""
    name, value = next(iter(state.evaluations[-1]["metrics"].items()))
    return f"{name} {value:.4f}"
