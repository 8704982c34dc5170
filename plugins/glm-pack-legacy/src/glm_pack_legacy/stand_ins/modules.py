"""Which modules stand in for those of PET, GLM and transformers, and what is in them.

A name that is not in the table stands there too, as something that may be imported, inherited from or named in an
annotation; an error comes only where it is used.
"""

from __future__ import annotations

import logging
from abc import ABCMeta
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from glm_core import straighten_quotes
from glm_pack_legacy.errors import PortError
from glm_pack_legacy.stand_ins import data, pvps

LENIENT = ("transformers",)
"""Packages of which every submodule stands in, whether they are installed or not."""

OPTIONAL = ("apex", "deepspeed", "pandas", "tensorboardX", "tqdm", "wandb")
"""Packages of which every submodule stands in where they are not installed."""

_SETS = ("train", "dev", "test", "unlabeled")


class _Missing(ABCMeta):
    """The class of what has no stand-in: whoever calls it, or asks it for something, is told what to do."""

    def __call__(cls, *values: Any, **named: Any) -> Any:
        raise PortError(cls._told())

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise PortError(cls._told())

    def _told(cls) -> str:
        whole = cls.__dict__.get("glm_missing") or next(
            (one.__dict__["glm_missing"] for one in cls.__mro__ if "glm_missing" in one.__dict__), "?"
        )
        verb = "uses" if "glm_missing" in cls.__dict__ else f"has {cls.__name__}, which is built on"
        module = whole.rpartition(".")[0]
        top = module.partition(".")[0]
        if top in OPTIONAL:
            return f"the file {verb} {whole}, and {top} is not installed: pip install {top}"
        if top in LENIENT:
            return f"the file {verb} {whole}, which a port does without: take the call out of the class"
        return (
            f"the file {verb} {whole}, for which there is no stand-in; "
            f"name the file that has it too: glm port YOURS.py …/{module.replace('.', '/')}.py"
        )


def stand_ins() -> dict[str, ModuleType]:
    """Fresh modules by their whole names: what a file registers (`PVPS[…] = …`) stays among the files of one port."""
    processors: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    measures: dict[str, Any] = {}
    helpers: dict[str, Any] = {}
    sets = {f"{name.upper()}_SET": name for name in _SETS}
    examples = {"InputExample": data.InputExample, "InputFeatures": data.InputFeatures}
    texts = {"punctuation_standardization": straighten_quotes, "clean_text": data.clean_text}
    pet_tasks = {
        "DataProcessor": data.DataProcessor,
        "PROCESSORS": processors,
        "METRICS": measures,
        "DEFAULT_METRICS": ["acc"],
        "TASK_HELPERS": helpers,
        "SET_TYPES": list(_SETS),
        **sets,
        **examples,
    }
    glm_tasks = {
        "DataProcessor": data.DataProcessor,
        "SuperGLUEProcessor": data.SuperGLUEProcessor,
        "PROCESSORS": processors,
        "DEFAULT_METRICS": measures,
        "CLASSIFICATION_DATASETS": set(),
        "MULTI_CHOICE_DATASETS": set(),
        "SET_TYPES": list(_SETS),
        **sets,
        **examples,
        **texts,
    }
    wrappers = {
        "SEQUENCE_CLASSIFIER_WRAPPER": "sequence_classifier",
        "MLM_WRAPPER": "mlm",
        "PLM_WRAPPER": "plm",
        "WRAPPER_TYPES": ["sequence_classifier", "mlm", "plm"],
    }
    pattern_types = {"FilledPattern": tuple, "PVPS": patterns}
    pet_pvps = {"PVP": pvps.PetPVP, **pattern_types}
    pet_utils = {**examples, "get_verbalization_ids": pvps.get_verbalization_ids}
    table: dict[str, Mapping[str, Any]] = {
        "pet": {},
        "pet.pvp": pet_pvps,
        "pet.tasks": pet_tasks,
        "pet.utils": pet_utils,
        "pet.task_helpers": {},
        "pet.wrapper": wrappers,
        "pet.config": {},
        "pet.preprocessor": pet_pvps,
        # PET before it was a package; its examples import these still
        "pvp": pet_pvps,
        "preprocessor": pet_pvps,
        "task_helpers": {},
        "wrapper": wrappers,
        "log": {"get_logger": _logger},
        "tasks": pet_tasks,
        "tasks.data_utils": {**examples, **texts},
        "tasks.superglue": {},
        "tasks.superglue.pvp": {"PVP": pvps.GlmPVP, **pattern_types},
        "tasks.superglue.dataset": glm_tasks,
        "data_utils": {**texts},
        "data_utils.corpora": {**texts},
        "utils": {"print_rank_0": _say, **pet_utils},
        "transformers": {},
    }
    made: dict[str, ModuleType] = {}
    for name, names in table.items():
        made[name] = stand_in(name, names)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, made[name])
    return made


def stand_in(name: str, names: Mapping[str, Any]) -> ModuleType:
    """A module with these names; every other name in it is one without a stand-in."""
    module = ModuleType(name, "A stand-in while classes are ported.")
    module.__dict__.update(names)
    module.__dict__["__path__"] = []
    module.__dict__["__getattr__"] = _any_name(module)
    return module


def optional(name: str) -> ModuleType:
    """A module of a package that is not installed, as far as one gets along without it."""
    return stand_in(name, {"tqdm": _first, "trange": range} if name == "tqdm" else {})


def built_on_missing(kind: type) -> str | None:
    """Why a class cannot be made: it is built on something that has no stand-in. None where it can."""
    return kind._told() if isinstance(kind, _Missing) else None


def _any_name(module: ModuleType) -> Callable[[str], Any]:
    def named(name: str) -> Any:
        whole = f"{module.__name__}.{name}"
        if name.startswith("__"):
            raise AttributeError(f"there is no {whole}")
        made = _Missing(name, (), {"glm_missing": whole, "__module__": module.__name__})
        setattr(module, name, made)
        return made

    return named


def _first(values: Any = (), *more: Any, **named: Any) -> Any:
    """A bar of progress that shows nothing."""
    return values


def _logger(name: str = "root", *values: Any) -> logging.Logger:
    return logging.getLogger(f"glm_pack_legacy.{name}")


def _say(*values: Any, **named: Any) -> None:
    _logger().info(" ".join(map(str, values)))
