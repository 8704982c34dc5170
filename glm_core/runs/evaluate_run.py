"""A finished run on another split, or on another task with the same prompts; the predictions stay with the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from glm_core.backbone import Backbone
from glm_core.config import EvalConfig
from glm_core.errors import UsageError
from glm_core.examples import Prediction, Split
from glm_core.generation_config import GenerationConfig
from glm_core.runs.bundle import read_bundle
from glm_core.runs.evaluate import evaluate
from glm_core.runs.health import health, measure, measure_majority
from glm_core.runs.manifest import about_files, about_split, full_name
from glm_core.runs.predictor import Predictor
from glm_core.runs.progress import evaluation_bar
from glm_core.runs.run_dir import RunDir, read_json
from glm_core.runs.splits import default_split
from glm_core.tasks import Task


def evaluate_run(
    run: str | Path,
    split: str | None = None,
    *,
    task: Task | None = None,
    other: Task | None = None,
    data: Sequence[str | Path] = (),
    config: EvalConfig | None = None,
    generation: GenerationConfig | None = None,
    device: str = "auto",
    load: Callable[..., Backbone] | None = None,
    progress: bool = True,
) -> tuple[list[Prediction], dict[str, Any]]:
    """Predict a split with a finished run and keep the predictions in its folder; also what was measured.

    They are not kept where the options or the split's contents are not those of the run: `kept` says so.

    split: by default the one the run was chosen on. other: a task with the same patterns (the diagnostic sets of RTE),
    instead of the run's own. data: by default where the run found its data. config, generation: by default the run's own.
    task, load: as for `Predictor.load`.
    Raises UsageError for a run that is not finished, an unknown split, or another task without the run's pattern.
    """
    folder = RunDir(run)
    if read_bundle(run)[0] != folder.bundle:
        raise UsageError(f"{run}: is a bundle; give the run's own folder, where the predictions are to stay")
    predictor = Predictor.load(run, device=device, task=task, load=load)
    asked = read_json(folder.asked)
    judged = other or predictor.task
    if split is not None:
        which = judged.processor.split(split)
    else:
        which = default_split(judged) if other else judged.processor.split(asked["splits"]["tune"])
    files = judged.processor.open(*(map(str, data) if data else asked["data"]))
    examples = judged.read(files, which)
    config = config or predictor.evaluation
    generation = generation or predictor.generation
    with evaluation_bar(f"evaluating {which.name}", shown=progress) as bar:
        predictions = evaluate(
            judged,
            predictor.backbone,
            examples,
            pattern=predictor.pattern,
            config=config,
            generation=generation,
            progress=bar,
        )
    told = about_predictions(
        judged,
        which,
        predictions,
        pattern=asked["pattern"],
        evaluation=config,
        generation=generation,
        steps=read_json(folder.result)["health"]["steps"],
    )
    told["data"] = about_files(files)
    told["examples"] = about_split(which, examples)
    own = full_name(judged) == full_name(predictor.task)
    name = which.name if own else f"{full_name(judged).replace('/', '-')}.{which.name}"
    told["kept"] = (
        config == replace(predictor.evaluation, batch_tokens=config.batch_tokens)
        and generation == predictor.generation
        and not (own and _another_reading(folder, told["examples"], which))
    )
    if told["kept"] and int(os.environ.get("RANK", "0")) == 0:
        folder.write_predictions(name, predictions, told)
    return predictions, told


def _another_reading(folder: RunDir, examples: dict[str, Any], split: Split) -> bool:
    """Whether the run knows this split with other contents."""
    known = read_json(folder.manifest)["task"]["splits"].get(split.name)
    return known is not None and known["contents"] != examples["contents"]


def about_predictions(
    task: Task,
    split: Split,
    predictions: Sequence[Prediction],
    *,
    pattern: str | int,
    evaluation: EvalConfig,
    generation: GenerationConfig | None = None,
    steps: int = 0,
) -> dict[str, Any]:
    """What is stored beside a split's predictions: the metrics where there are labels, and health."""
    return {
        "task": full_name(task),
        "revision": task.revision,
        "split": split.name,
        "role": split.role,
        "pattern": pattern,
        "metrics": measure(task, predictions),
        "majority": measure_majority(task, predictions),
        "health": health(predictions, steps=steps).as_dict(),
        "evaluation": asdict(evaluation),
        **({} if generation is None else {"generation": asdict(generation)}),
    }
