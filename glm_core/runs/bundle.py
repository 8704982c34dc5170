"""A run's `bundle/`: the model with all that is needed to predict, pinned to its task, pattern and vocabulary.

bundle/
  bundle.json     task, revision, pattern and words, method, lengths, the tokenizer's fingerprint
  model/          as the backbone saves itself
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glm_core.atomic import write_folder
from glm_core.backbone import Backbone
from glm_core.config import EvalConfig, as_dict, resolve
from glm_core.errors import DataError, UsageError
from glm_core.examples import Example
from glm_core.generation_config import GenerationConfig
from glm_core.model.classifier import Classifier
from glm_core.model_sources import backbone_class
from glm_core.plugins import find_offer, get_task, list_packs
from glm_core.runs.manifest import N_SAMPLES, about_pattern, full_name
from glm_core.runs.predictions import example_from, example_row
from glm_core.runs.run_dir import RunDir, read_json, write_json
from glm_core.tasks import Task
from glm_core.version import __version__

FORMAT = 1
ABOUT, MODEL = "bundle.json", "model"


class Loaded(NamedTuple):
    """What a bundle holds, loaded. generation: None where nothing is written."""

    task: Task
    backbone: Backbone
    pattern: str | int
    evaluation: EvalConfig
    generation: GenerationConfig | None


def write_bundle(
    folder: Path,
    task: Task,
    backbone: Backbone,
    *,
    pattern: str | int,
    evaluation: EvalConfig,
    generation: GenerationConfig | None = None,
    metric: str,
    samples: Sequence[Example],
) -> None:
    """Write the bundle, whole or not at all; one that is there is replaced.

    samples: a few examples; by their reading it is seen later whether the pack's pattern is still the same.
    """
    is_classifier = isinstance(backbone, Classifier)
    inner = backbone.backbone if isinstance(backbone, Classifier) else backbone
    kept = [_stored(one) for one in samples[:N_SAMPLES]]
    offer = find_offer(task)
    with write_folder(folder) as draft:
        backbone.save(draft / MODEL)
        about = {
            "format": FORMAT,
            "glm_core": __version__,
            "task": full_name(task),
            "revision": task.revision,
            "pack": None if offer is None else offer.pack.label,
            "method": "classifier" if is_classifier else "cloze",
            "pattern": about_pattern(task, None if is_classifier else pattern, [_restored(one) for one in kept]),
            "samples": kept,
            "labels": list(task.processor.labels),
            "metric": metric,
            "evaluation": as_dict(evaluation),
            "generation": None if generation is None else as_dict(generation),
            "backbone": backbone_name(inner),
            "tokenizer": backbone.tokenizer.fingerprint,
        }
        write_json(draft / ABOUT, about)


def read_bundle(where: str | Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a run's bundle and what it says, from the run's folder or the bundle's own.

    Raises UsageError where there is no finished run, DataError where the file is damaged.
    """
    where = Path(where)
    for folder in (where, RunDir(where).bundle):
        if (folder / ABOUT).is_file():
            return folder, read_json(folder / ABOUT)
    if not where.is_dir():
        raise UsageError(f"{where}: there is no such run; give the folder that `glm finetune --out` wrote")
    run = RunDir(where)
    if run.asked.is_file():
        command = " ".join(map(str, read_json(run.asked).get("command", ())))
        raise UsageError(f"{where}: this run is not finished ({run.state}); go on with: {command}")
    raise UsageError(f"{where}: holds no run; give the folder that `glm finetune --out` wrote")


def load_bundle(
    where: str | Path,
    *,
    device: str = "auto",
    task: Task | None = None,
    load: Callable[..., Backbone] | None = None,
) -> Loaded:
    """Task, model, pattern and options of a finished run.

    task: where it is not one of a pack's. load: `load(folder, device=…)` for a backbone that no pack offers.
    Raises UsageError where the pack's pattern, its revision or the vocabulary are not those of the run.
    """
    folder, about = read_bundle(where)
    try:
        name, revision, method = about["task"], about["revision"], about["method"]
        pattern = about["pattern"]["name"] if method == "cloze" else None
        kind, fingerprint, options = about["backbone"], about["tokenizer"], about["evaluation"]
    except (KeyError, TypeError) as error:
        raise DataError(f"is not a bundle of this version of glm-core ({error})", file=folder / ABOUT) from error
    task = task or _task_named(name, about.get("pack"))
    _same_task(folder, task, revision, pattern, about)
    if load is None and method == "classifier":
        load = Classifier.load
    elif load is None and kind is not None:
        load = backbone_class(kind).load
    if load is None:
        raise UsageError(f"{folder}: its backbone is offered by no pack; give `load`, a function that loads it")
    backbone = load(folder / MODEL, device=device)
    evaluation, _ = resolve(EvalConfig, file=options)
    written = about.get("generation")
    if backbone.tokenizer.fingerprint != fingerprint:
        raise UsageError(
            f"{folder}: the vocabulary that lies there is not the one the run was made with; copy the whole bundle again"
        )
    return Loaded(
        task,
        backbone,
        0 if pattern is None else pattern,
        evaluation,
        None if written is None else resolve(GenerationConfig, file=written)[0],
    )


def backbone_name(backbone: Backbone) -> str | None:
    """The full name under which a pack offers this kind of backbone; None where none does."""
    cls = type(backbone)
    for pack in list_packs():
        for name, reference in pack.backbones.items():
            if reference == f"{cls.__module__}:{cls.__qualname__}":
                return f"{pack.name}/{name}"
    return None


def _task_named(name: str, pack: str | None) -> Task:
    """The task of a run. Raises UsageError, with what to type where its pack was given by a path."""
    try:
        return get_task(name)
    except UsageError as error:
        if pack is None or not Path(pack).expanduser().exists():
            raise
        raise UsageError(f"{error} It came from {pack}: say --pack {pack}") from error


def _same_task(folder: Path, task: Task, revision: int, pattern: str | None, about: Mapping[str, Any]) -> None:
    """Raises UsageError where the task is not the one the run was made with."""
    was = f"the run was made with {about['task']} revision {revision} ({about.get('pack') or 'no pack'})"
    if task.revision != revision:
        raise UsageError(f"{folder}: {was}, here it is revision {task.revision}; install the version of then")
    if pattern is not None and pattern not in [one.name for one in task.pvps]:
        raise UsageError(f"{folder}: {was}, which has no pattern '{pattern}' any more; install the version of then")
    samples = [_restored(one) for one in about.get("samples", ())]
    if about_pattern(task, pattern, samples)["hash"] != about["pattern"]["hash"]:
        raise UsageError(
            f"{folder}: pattern '{about['pattern']['name']}' has another text or other words now; {was}; "
            "install the version of then"
        )


def _stored(example: Example) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(json.dumps({"uid": example.uid, "label": example.label, **example_row(example)}))
    return row


def _restored(row: dict[str, Any]) -> Example:
    return example_from(row["uid"], row["label"], row)
