"""Pretraining by blank infilling: a corpus, a model, and a folder that says it all.

Documents are drawn from token shards, blanked out and packed into rows while the step before is computed; the trainer
does the rest. Under torchrun every process runs this; the first one owns the folder, the others write and say nothing.
"""

from __future__ import annotations

import json
import math
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glm_core.atomic import write_text
from glm_core.config import TrainConfig, resolve
from glm_core.errors import GlmError, UsageError
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.plugins import record_hooks
from glm_core.pretrain_config import ADVICE, PretrainConfig
from glm_core.runs.manifest import about_model
from glm_core.runs.pretrain_curve import write_curve
from glm_core.runs.pretrain_evaluation import HeldOut
from glm_core.runs.pretrain_run import (
    BOARD,
    PretrainAsked,
    PretrainResult,
    best_model,
    claim_pretrain,
    finish,
    last_model,
    make_pretrain_manifest,
    remember,
)
from glm_core.runs.pretrain_steps import PretrainSteps, held_out
from glm_core.runs.run_dir import Record, RunDir, read_json, to_json, write_json
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.pretraining import RowMaker
from glm_core.training.batching import batch_overhead
from glm_core.training.trainer import Trainer

DEV_SEED = 0  # of the held-out rows: the same whatever the run's seed, so that runs can be compared
BEFORE = "dev-before"  # what the model knew before, beside the predictions of other runs


def pretrain(
    corpora: str | Path | Sequence[str | Path],
    model: GLMBackbone | Callable[[], GLMBackbone],
    out: str | Path,
    *,
    weights: Sequence[float] | None = None,
    dev: Sequence[str | Path] = (),
    dev_share: float = 0.005,
    dev_rows: int = 256,
    seed: int = 1,
    config: TrainConfig | None = None,
    infilling: PretrainConfig | None = None,
    processes: int = 0,
    overwrite: bool = False,
    model_words: Sequence[str] = (),
    origin: Mapping[str, str] | None = None,
    progress: bool = True,
) -> PretrainResult:
    """Train a GLM on the corpora and leave everything about it in the folder `out`; `bundle/model` there is a model.

    The parameters that are kept are those with the lowest loss on held-out rows. The same call again goes on where an
    interrupted one stopped, to the same bits, and gives the stored result of one that is done.

    corpora: folders that `build_shards` wrote. weights: how often each is drawn from; without, by its tokens.
    model: a fresh one (`fresh_model`) or any GLM, trained in place; or a function that loads it when it is needed.
    dev: corpora to measure on; without, `dev_share` of the documents of each corpus is held out. dev_rows: rows measured.
    config: by default `ADVICE`; an epoch is as many steps as have the corpus's tokens in their samples.
    processes: that make rows; 0: a thread of this one. model_words, origin: for `run.json` only.

    Raises UsageError for options, vocabularies or a folder that do not fit, DataError for a damaged corpus, RunError where
    training fails.
    """
    folders = [corpora] if isinstance(corpora, str | Path) else list(corpora)
    asked = PretrainAsked(
        corpora=tuple(map(str, folders)),
        weights=None if weights is None else tuple(weights),
        dev=tuple(map(str, dev)),
        dev_share=dev_share,
        dev_rows=dev_rows,
        model=tuple(model_words),
        seed=seed,
        config=config or resolve(TrainConfig, task=ADVICE)[0],
        infilling=infilling or PretrainConfig(),
        origin=origin or {},
    )
    _refuse_what_means_nothing(asked)
    train, held = _parts(asked)
    run, first = RunDir(out), int(os.environ.get("RANK", "0")) == 0
    told = asked.as_dict(str(run.path))
    facts = make_pretrain_manifest(asked.corpora, asked.dev, train, seed)
    with claim_pretrain(run, told, facts, overwrite=overwrite, first=first) as done:
        if done is not None:
            return done
        backbone = model if isinstance(model, GLMBackbone) else model()
        _make_ready(backbone, asked)
        facts = {**facts, **about_model(backbone, " ".join(model_words))}
        if first:
            remember(run, told, facts)
        try:
            return _Job(asked, backbone, train, held, run, facts, first, processes, progress and first).carry_out()
        except Exception:
            if first:
                with suppress(OSError, GlmError):
                    write_text(run.error, traceback.format_exc())
            raise


class _Job:
    """What one call of `pretrain` has settled, and its steps in order."""

    def __init__(
        self,
        asked: PretrainAsked,
        backbone: GLMBackbone,
        train: Corpus,
        held: Corpus,
        run: RunDir,
        facts: Mapping[str, Any],
        first: bool,
        processes: int,
        progress: bool,
    ) -> None:
        self.asked, self.backbone, self.run, self.facts = asked, backbone, run, facts
        self.first, self.processes, self.progress = first, processes, progress
        config, tokenizer = asked.infilling, backbone.tokenizer
        self.train = RowMaker(train, config, tokenizer, seed=asked.seed)
        self.held = HeldOut(
            held_out(RowMaker(held, config, tokenizer, seed=DEV_SEED), asked.dev_rows),
            batch_tokens=asked.config.micro_batch_tokens,
        )
        per_step = asked.config.batch_size * config.sample_length
        self.steps_per_epoch = max(1, math.ceil(train.n_tokens / per_step))

    def carry_out(self) -> PretrainResult:
        """Train, measure, store."""
        config = self.asked.config
        with ExitStack() as stack:
            record = self._recorder(stack) if self.first else None
            trainer = Trainer(self.backbone, config, seed=self.asked.seed, record=record, progress=self.progress)
            steps = stack.enter_context(
                PretrainSteps(
                    self.train,
                    batch_size=config.batch_size,
                    micro_batch_tokens=config.micro_batch_tokens,
                    steps_per_epoch=self.steps_per_epoch,
                    overhead=batch_overhead(self.backbone.device.type),
                    processes=self.processes,
                )
            )
            before = self._before(trainer, record)
            summary = trainer.fit(
                steps,
                self.run.checkpoints,
                evaluate=lambda: self._evaluate(trainer),
                lower_is_better=True,
                identity={
                    "corpora": list(self.facts["data"].values()),
                    "infilling": asdict(self.asked.infilling),
                    "weights": self.facts["model"]["weights"],
                    "tokenizer": self.facts["model"]["tokenizer"],
                },
            )
        result = PretrainResult(
            run=self.run.path,
            seed=self.asked.seed,
            n_parameters=sum(one.numel() for one in self.backbone.module.parameters()),
            metrics=dict(summary.best_metrics),
            before=before,
            training=json.loads(to_json(asdict(summary))),
        )
        if self.first:
            self.backbone.save(best_model(self.run))
            write_curve(self.run)
            finish(self.run, result)
        return result

    def _before(self, trainer: Trainer, record: Record | None) -> dict[str, float]:
        """What the model knew before; as an earlier call found it, where there was one."""
        file = self.run.evaluation(BEFORE)
        if file.is_file():
            return dict(read_json(file))
        trainer.engine.attach(self.backbone)
        found = self.held.measure(self.backbone, trainer.engine)
        if self.first:
            write_json(file, found)
        if record is not None:
            record({"event": "before", "metrics": found})
        return found

    def _evaluate(self, trainer: Trainer) -> dict[str, float]:
        """Measure, and leave the parameters where somebody may want to try them already."""
        found = self.held.measure(self.backbone, trainer.engine)
        if self.first:
            self.backbone.save(last_model(self.run))
            write_curve(self.run)
        return found

    def _recorder(self, stack: ExitStack) -> Record:
        name = str(self.run.path)
        hooks: list[Record] = [lambda row: record_hooks(row, run=name)]
        board = _tensorboard(self.run.path / BOARD)
        if board is not None:
            stack.callback(board.close)
            hooks.append(lambda row: _on_board(board, row))
        return self.run.recorder(hooks)


def _parts(asked: PretrainAsked) -> tuple[Corpus, Corpus]:
    """What is learnt from, and what is measured on."""
    corpus = Corpus(*asked.corpora, weights=asked.weights)
    if not asked.dev:
        return corpus.split(asked.dev_share)
    return corpus, Corpus(*asked.dev)


def _refuse_what_means_nothing(asked: PretrainAsked) -> None:
    """Raises UsageError for options of fine-tuning that cannot be meant here."""
    config = asked.config
    if asked.dev_rows < 1:
        raise UsageError(f"--dev-rows is at least 1; got {asked.dev_rows}")
    if config.objective != "lm":
        raise UsageError(f"--objective {config.objective} wants labelled examples; pretraining is --objective lm")
    if asked.origin.get("max_length") == "flags":
        raise UsageError("--max-length means nothing here: rows are as long as --sample-length makes them")
    if config.freeze != "none" or config.soft_tokens or config.soft_prefix:
        raise UsageError("--freeze, --soft-tokens and --soft-prefix are for tasks; pretraining trains the whole model")


def _make_ready(backbone: GLMBackbone, asked: PretrainAsked) -> None:
    """Dropout and memory; the options that the model must have room for."""
    if not isinstance(backbone, GLMBackbone):
        raise UsageError(f"only a GLM is pretrained here; this model is a {type(backbone).__name__}")
    longest, wanted = backbone.module.config.max_positions, asked.infilling.sample_length
    if wanted > longest:
        raise UsageError(f"--sample-length {wanted} is beyond the model's {longest} positions; give {longest} or less")
    backbone.module.set_dropout(asked.config.dropout)
    backbone.module.gradient_checkpointing = asked.config.activation_checkpointing


def _tensorboard(folder: Path) -> Any:
    """A writer of TensorBoard's files, where it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # an extra; slow to import
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _on_board(board: Any, row: Mapping[str, Any]) -> None:
    if row["event"] == "step":
        for name in ("loss", "learning_rate", "norm"):
            board.add_scalar(f"train/{name}", row[name], row["step"])
    elif row["event"] == "evaluation":
        for name, value in row["metrics"].items():
            board.add_scalar(f"dev/{name}", value, row["step"])
