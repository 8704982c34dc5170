"""The checks as functions, and a training of a task in a second."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from glm_core import plugins
from glm_core.checks import run as checks
from glm_core.checks.finding import Finding
from glm_core.checks.run import Report
from glm_core.checks.subject import Model
from glm_core.errors import GlmError, UsageError, did_you_mean
from glm_core.pack import Pack, is_path
from glm_core.packs_load import load_pack
from glm_core.tasks import Task
from glm_core.testing.tiny import tiny_backbone

if TYPE_CHECKING:
    from glm_core.backbone import Backbone
    from glm_core.runs.result import Result

Folder = str | Path | Sequence[str | Path]


def check_pack(
    pack: str | ModuleType | Any, data: Mapping[str, Folder] | None = None, *, model: str | Model | None = None
) -> list[Finding]:
    """Every check of a pack: its name, its module, or an object with hooks. What it finds, as a list.

    data: the folder of each task by its short name. model: whose vocabulary and weights; by default the vocabulary of the
    bundled `tiny` and the weights of `tiny_backbone`.
    Raises PackError for a pack that does not load for a reason of its own, DataError for data that cannot be read.
    """
    return list(_findings(pack_report(pack, data, model=model)))


def check_task(task: Task, folder: Folder = (), *, model: str | Model | None = None) -> list[Finding]:
    """Every check of a task but those of the package. `folder` holds its data. Raises as `check_pack`."""
    return list(_findings(checks.check_one_task(task, _folders(folder), model=toy_model(model))))


def pack_report(
    pack: str | ModuleType | Any, data: Mapping[str, Folder] | None = None, *, model: str | Model | None = None
) -> Report:
    """As `check_pack`, with what was silenced and what was not checked; raises nothing that the pack is to blame for."""
    folders = {name: _folders(one) for name, one in (data or {}).items()}
    found = pack if isinstance(pack, Pack) else find_pack(pack)
    unknown = [name for name in folders if found.tasks and name not in found.tasks]
    if unknown:
        near = did_you_mean(unknown[0], found.tasks)
        raise UsageError(f"data names '{unknown[0]}'; pack {found.name} has {', '.join(found.tasks)}{near}")
    return checks.check_pack(found, data=folders, model=toy_model(model), others=plugins.list_packs())


def find_pack(given: str | ModuleType | Any) -> Pack:
    """A pack by name or path, by the module of its entry point, or made of a module or object with hooks."""
    packs = plugins.list_packs()
    if isinstance(given, str):
        found = _given(given) if is_path(given) else [one for one in packs if one.name == given]
        if not found:
            raise UsageError(f"no pack '{given}'{did_you_mean(given, [one.name for one in packs])}; is it installed?")
        return found[0]
    name = getattr(given, "__name__", type(given).__name__)
    for pack in packs:
        if pack.module == name and sys.modules.get(name) is given:
            return pack
    short = name.rpartition(".")[2].removeprefix("glm_pack_").replace("_", "-").lower().strip("-")
    hooks = given
    if isinstance(given, ModuleType) and not any(one.startswith("glm_") for one in vars(given)):
        hooks = next((one for one in vars(given).values() if hasattr(type(one), "glm_tasks")), given)
    return load_pack(Pack(short, short, source="test", entry=name), hooks)


def run_task(
    task: str | Task,
    data: Folder = (),
    *,
    steps: int = 30,
    pattern: str | int = 0,
    backbone: Backbone | None = None,
    out: str | Path | None = None,
    seed: int = 1,
    **options: Any,
) -> Result:
    """Train a task for some steps and measure it, as `glm finetune` would; by default the tiny backbone.

    data: by default what the pack brings along. out: keep the run's folder here. options: of `TrainConfig`.
    """
    from glm_core.config import EvalConfig, TrainConfig, resolve
    from glm_core.runs.finetune import finetune

    task = plugins.get_task(task) if isinstance(task, str) else task
    small = {"steps": steps, "batch_size": 8, "learning_rate": 3e-3, "eval_every": 0.0, "max_length": 256, **options}
    config = resolve(TrainConfig, task={**task.recommended, **small})[0]
    with tempfile.TemporaryDirectory(prefix="glm-run-") as folder:
        return finetune(
            task,
            tiny_backbone() if backbone is None else backbone,
            _folders(data),
            Path(folder) / "run" if out is None else out,
            pattern=pattern,
            seed=seed,
            config=config,
            evaluation=EvalConfig(max_length=config.max_length, length_penalty=config.length_penalty),
            model="tiny_backbone",
            progress=False,
        )


def toy_model(model: str | Model | None = None) -> Model:
    """Who tokenizes and weighs in the checks of the kit."""
    from glm_core.tokens.of_model import tokenizer_of

    if isinstance(model, Model):
        return model
    if model is not None:
        from glm_core.model_sources import load_backbone

        name = model
        tokenizer, masks = tokenizer_of(name)
        return Model(tokenizer, masks, lambda: load_backbone(name, device="cpu"), name)
    try:
        tokenizer, masks = tokenizer_of("tiny")
    except GlmError:  # the bundled model is disabled or not there: T305, T306 and V are passed over
        return Model(make=tiny_backbone, name="toy", trained=False)
    return Model(tokenizer, masks, tiny_backbone, "toy", trained=False)


def _given(path: str) -> list[Pack]:
    from glm_core.packs_find import path_packs

    return [load_pack(one) for one in path_packs(path)]


def _findings(report: Report) -> tuple[Finding, ...]:
    if report.errors:
        raise report.errors[0]
    return report.findings


def _folders(folder: Folder) -> tuple[str | Path, ...]:
    return (folder,) if isinstance(folder, str | Path) else tuple(folder)
