"""One task × one pattern × one seed: read, train, choose, measure, and leave a folder that says it all.

Under torchrun every process runs this; the first one owns the folder, the others write and say nothing.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from glm_core.atomic import write_text
from glm_core.backbone import Backbone
from glm_core.config import EvalConfig, TrainConfig, resolve
from glm_core.data import DataDir
from glm_core.errors import DataError, GlmError, UsageError, did_you_mean
from glm_core.examples import Example, Prediction, Split
from glm_core.generation_config import GenerationConfig
from glm_core.model.classifier import Classifier, Pool
from glm_core.plugins import path_of, record_hooks
from glm_core.runs.asked import Asked
from glm_core.runs.bundle import write_bundle
from glm_core.runs.claim import claim, refuse_another
from glm_core.runs.evaluate import answer, answer_together, evaluation_questions, training_questions
from glm_core.runs.evaluate_run import about_predictions
from glm_core.runs.health import health, measure, measure_majority
from glm_core.runs.manifest import about_model, full_name, make_manifest
from glm_core.runs.progress import evaluation_bar
from glm_core.runs.questions import Questions
from glm_core.runs.result import Result, write_result
from glm_core.runs.run_dir import Record, RunDir, read_json, to_json, write_json
from glm_core.runs.splits import training_split, tuning_split
from glm_core.tasks import Task
from glm_core.training.trainer import Summary, Trainer

log = logging.getLogger(__name__)

Method = Literal["cloze", "classifier"]
BEFORE = "before"  # added to a split's name: what the model said before training


def finetune(
    task: Task,
    backbone: Backbone | Callable[[], Backbone],
    data: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    pattern: str | int = 0,
    seed: int = 1,
    method: Method = "cloze",
    config: TrainConfig | None = None,
    evaluation: EvalConfig | None = None,
    generation: GenerationConfig | None = None,
    train_split: str | None = None,
    tune_split: str | None = None,
    allow_final: bool = False,
    overwrite: bool = False,
    pool: Pool = "cls",
    head: str | None = None,
    model: str = "",
    model_options: Mapping[str, str] | None = None,
    origin: Mapping[str, str] | None = None,
    progress: bool = True,
) -> Result:
    """Train a model on a task and leave everything about it in the folder `out`.

    The parameters that are kept are those with the best first metric on the tuning split. The same call again goes on where
    an interrupted one stopped, and gives the stored result of one that is done.

    backbone: a model, which is trained in place, or a function that loads one when it is needed.
    method: "classifier" reads the example without a pattern, through a new head on the state at `pool`; head: one's own,
        as "module:Class".
    model, model_options, origin: what the user calls the model, what else was said about it, and who set each option; for
        `run.json` only.
    config: by default what the task recommends. evaluation: by default the lengths and precision of `config`. generation:
        how a task that writes does so, by default as the task recommends; its `max_tokens` also limits what it learns.
    train_split, tune_split: by default the first ones with these roles.
    allow_final: choose on a split that is meant for the final evaluation; the result is marked.
    overwrite: begin anew where `out` holds a run.

    Raises UsageError for splits that do not fit, a folder that holds something else or another run, or one that another
    process works in; DataError for data that cannot be read; RunError where training fails.
    """
    if method not in get_args(Method):
        raise UsageError(f"--method is cloze or classifier; got '{method}'{did_you_mean(method, get_args(Method))}")
    advice = task.advice()
    config = _with_objective(config or resolve(TrainConfig, task=advice)[0], task, method, origin or {})
    evaluation = evaluation or replace(
        resolve(EvalConfig, task=advice)[0],
        max_length=config.max_length,
        length_penalty=config.length_penalty,
        precision=config.precision,
    )
    if task.kind != "generation" or method != "cloze":
        generation = None
    elif generation is None:
        generation = resolve(GenerationConfig, task=advice)[0]
    folders = [data] if isinstance(data, str | Path) else list(data)
    train = training_split(task, train_split)
    tune = tuning_split(task, tune_split, allow_final=allow_final)
    asked = Asked(
        task=full_name(task),
        revision=task.revision,
        pattern=task.pvp(pattern).name if method == "cloze" else "plain",
        method=method,
        seed=seed,
        model=model or "unnamed",
        data=tuple(map(str, folders)),
        train=train.name,
        tune=tune.name,
        config=config,
        evaluation=evaluation,
        generation=generation,
        pool=pool,
        head=head,
        allow_final=allow_final,
        model_options=model_options or {},
        origin=origin or {},
        pack=path_of(task),
    )
    job = _Job(task, asked, train, tune, task.processor.open(*asked.data), RunDir(out), overwrite, progress)
    job.read()
    with claim(job.run, job.told, job.facts, overwrite=overwrite, first=job.first) as done:
        return done or job.carry_out(backbone)


@dataclass
class _Job:
    """What one call of `finetune` has settled, and its steps in order."""

    task: Task
    asked: Asked
    train: Split
    tune: Split
    data: DataDir
    run: RunDir
    overwrite: bool
    progress: bool

    def __post_init__(self) -> None:
        self.first = int(os.environ.get("RANK", "0")) == 0
        self.progress = self.progress and self.first

    def read(self) -> None:
        """Read the examples, and write down all that is known without a model."""
        self.train_examples = self.task.read(self.data, self.train)
        self.tune_examples = self.task.read(self.data, self.tune)
        self._want_labels(self.train, self.train_examples)
        self._want_labels(self.tune, self.tune_examples)
        used = [(self.train, self.train_examples), (self.tune, self.tune_examples)]
        self.facts = make_manifest(
            self.task,
            self.data,
            used,
            pattern=self.asked.pattern,
            method=self.asked.method,
            seed=self.asked.seed,
            max_length=self.asked.config.max_length,
        )
        self.told = self.asked.as_dict(str(self.run.path))

    def carry_out(self, given: Backbone | Callable[[], Backbone]) -> Result:
        """Load, train, measure, store."""
        backbone = self._made_ready(given)
        questions = self._training_questions(backbone)
        tune = evaluation_questions(
            self.task,
            backbone,
            self.tune_examples,
            pattern=self.asked.pattern,
            config=self.asked.evaluation,
            generation=self.asked.generation,
        )
        if self.first:
            if not self.run.manifest.is_file():
                write_json(self.run.manifest, self.facts)
            write_json(self.run.asked, self.told)
            self.run.error.unlink(missing_ok=True)
        try:
            return self._train(backbone, questions, tune)
        except Exception:
            if self.first:
                with suppress(OSError, GlmError):
                    write_text(self.run.error, traceback.format_exc())
            raise

    def _made_ready(self, given: Backbone | Callable[[], Backbone]) -> Backbone:
        """The model with its head and soft prompt, started from the seed; compared with that of an earlier call."""
        backbone = given if isinstance(given, Backbone) else given()
        _to_own_device(backbone)
        self.facts = {**self.facts, **about_model(backbone, self.asked.model)}
        if not self.overwrite and self.run.manifest.is_file():
            refuse_another(self.run, self.told, self.facts)
        config = self.asked.config
        with torch.random.fork_rng():
            torch.manual_seed(self.asked.seed)
            if self.asked.method == "classifier" and not isinstance(backbone, Classifier):
                sample = self.task.plain(self.train_examples[0])
                one_each = len(sample.segments) > 1
                backbone = Classifier(
                    backbone,
                    sample.label_names,
                    n_outputs=1 if one_each else None,
                    pool=self.asked.pool,  # type: ignore[arg-type]
                    dropout=config.dropout,
                    head=self.asked.head,
                )
            sample = (
                self.task.plain(self.train_examples[0])
                if isinstance(backbone, Classifier)
                else self.task.cloze(self.train_examples[0], self.asked.pattern)
            )
            backbone.prepare(config, sample)
        return backbone

    def _training_questions(self, backbone: Backbone) -> Questions:
        """The training examples, without those whose label has no words (`otherwise`): nothing can be learnt from them."""
        found = training_questions(
            self.task,
            backbone,
            self.train_examples,
            pattern=self.asked.pattern,
            config=replace(self.asked.evaluation, max_length=self.asked.config.max_length),
            generation=self.asked.generation,
        )
        kept = [index for index, cloze in enumerate(found.clozes) if cloze.gold is not None]
        if not kept:
            raise UsageError(
                f"split '{self.train.name}' has {len(found.examples)} examples, and pattern '{self.asked.pattern}' has "
                "words for the label of none of them; choose another pattern"
            )
        self.n_left_out = len(found.examples) - len(kept)
        return found.pick(kept)

    def _train(self, backbone: Backbone, questions: Questions, tune: Questions) -> Result:
        name = str(self.run.path)
        record = self.run.recorder([lambda row: record_hooks(row, run=name)]) if self.first else None
        if record is not None and self.n_left_out:
            record(
                {"event": "left out", "examples": self.n_left_out, "why": "their label has no words in this pattern"}
            )
        before = self._before(backbone, tune, record)
        metric, lower_is_better = _first_metric(self.task, before)
        trainer = Trainer(backbone, self.asked.config, seed=self.asked.seed, record=record, progress=self.progress)
        summary = trainer.fit(
            questions.all_instances(),
            self.run.checkpoints,
            evaluate=lambda: measure(self.task, answer_together(backbone, tune, self.asked.evaluation)),
            lower_is_better=lower_is_better,
            identity={
                "task": self.facts["task"],
                "data": self.facts["data"],
                "weights": self.facts["model"]["weights"],
                "tokenizer": self.facts["model"]["tokenizer"],
            },
        )
        with evaluation_bar(f"evaluating {self.tune.name}", shown=self.progress) as bar:
            after = (
                answer(backbone, tune, self.asked.evaluation, progress=bar)
                if trainer.engine.world_size == 1
                else answer_together(backbone, tune, self.asked.evaluation)
            )
        result = self._result(summary, metric, before, after)
        if self.first:
            self._store(backbone, result, after)
            if record is not None:
                record({"event": "result", "split": self.tune.name, "metrics": dict(result.metrics)})
            write_result(self.run, result)
            shutil.rmtree(self.run.checkpoints, ignore_errors=True)
        return result

    def _before(self, backbone: Backbone, tune: Questions, record: Record | None) -> dict[str, float]:
        """The metrics of the model as it came; those of an earlier call where there was one."""
        name = f"{self.tune.name}-{BEFORE}"
        if self.run.evaluation(name).is_file():
            return dict(read_json(self.run.evaluation(name))["metrics"])
        with evaluation_bar(f"evaluating {self.tune.name} before training", shown=self.progress) as bar:
            found = answer(backbone, tune, self.asked.evaluation, progress=bar)
        told = {**self._about(self.tune, found, steps=0), "before": True}
        if self.first:
            self.run.write_predictions(name, found, told)
        if record is not None:
            record({"event": "before", "split": self.tune.name, "metrics": told["metrics"]})
        return dict(told["metrics"])

    def _about(self, split: Split, predictions: Sequence[Prediction], *, steps: int) -> dict[str, Any]:
        return about_predictions(
            self.task,
            split,
            predictions,
            pattern=self.asked.pattern,
            evaluation=self.asked.evaluation,
            generation=self.asked.generation,
            steps=steps,
        )

    def _result(
        self, summary: Summary, metric: str, before: Mapping[str, float], after: Sequence[Prediction]
    ) -> Result:
        return Result(
            run=self.run.path,
            task=self.asked.task,
            pattern=self.asked.pattern,
            method=self.asked.method,
            seed=self.asked.seed,
            split=self.tune.name,
            metric=metric,
            metrics=measure(self.task, after),
            before=before,
            majority=measure_majority(self.task, after),
            health=health(after, steps=summary.steps),
            training=json.loads(to_json({**asdict(summary), "left_out": self.n_left_out})),
            chosen_on_final=self.tune.role == "final",
        )

    def _store(self, backbone: Backbone, result: Result, after: Sequence[Prediction]) -> None:
        steps = result.health.steps
        self.run.write_predictions(self.tune.name, after, self._about(self.tune, after, steps=steps))
        write_bundle(
            self.run.bundle,
            self.task,
            backbone,
            pattern=self.asked.pattern,
            evaluation=self.asked.evaluation,
            generation=self.asked.generation,
            metric=result.metric,
            samples=self.tune_examples,
        )

    def _want_labels(self, split: Split, examples: Sequence[Example]) -> None:
        bare = [one.uid for one in examples if one.label is None and one.target is None]
        if bare:
            raise DataError(
                f"split '{split.name}' of {self.task.name}: {len(bare)} of {len(examples)} examples have no label "
                f"(first: {bare[0]}); training and choosing want labels"
            )


def _with_objective(config: TrainConfig, task: Task, method: str, origin: Mapping[str, str]) -> TrainConfig:
    """Tasks that weigh or write learn their targets token by token: there is no choice between answers to learn from."""
    if task.kind == "cloze" or method != "cloze" or config.objective in ("lm", "generative"):
        return config
    if origin.get("objective") in ("file", "flags"):
        raise UsageError(
            f"--objective {config.objective} is for choices, and task {task.name} has none; say lm or generative"
        )
    return replace(config, objective="lm")


def _first_metric(task: Task, measured: Mapping[str, float]) -> tuple[str, bool]:
    """The name of the number that chooses the parameters, and whether lower is better."""
    first = next(iter(task.metrics.values()))
    return next(iter(measured)), bool(getattr(first, "lower_is_better", False))


def _to_own_device(backbone: Backbone) -> None:
    """Under torchrun each process computes on a GPU of its own from the start."""
    device = next(backbone.module.parameters()).device
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        backbone.module.to(torch.device("cuda", int(os.environ["LOCAL_RANK"])))
