"""The face: `from glm_core import …` is the whole public API, beside `glm_core.metrics` and `glm_core.presets`.

A name is resolved when it is first touched, so importing this package costs nothing and brings in no torch. Each is
imported "as" itself for type checkers, which take that for a promise to those who import it from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_core.version import __version__ as __version__

if TYPE_CHECKING:
    from glm_core.backbone import Backbone as Backbone, Filled as Filled, ModelSource as ModelSource, Weighed as Weighed
    from glm_core.config import EvalConfig as EvalConfig, ModelConfig as ModelConfig, TrainConfig as TrainConfig
    from glm_core.data import DataDir as DataDir
    from glm_core.errors import DataError as DataError, PackError as PackError, TemplateError as TemplateError
    from glm_core.examples import Answer as Answer, Example as Example, Prediction as Prediction, Split as Split
    from glm_core.generation_config import GenerationConfig as GenerationConfig
    from glm_core.hookspecs import hookimpl as hookimpl
    from glm_core.model.batch import Batch as Batch
    from glm_core.model.classifier import Classifier as Classifier
    from glm_core.model.transformer import GLM as GLM
    from glm_core.model_sources import load_backbone as load_backbone
    from glm_core.parts import (
        BLANK as BLANK,
        DOCUMENT_BLANK as DOCUMENT_BLANK,
        SENTENCE_BLANK as SENTENCE_BLANK,
        SPLIT as SPLIT,
        Part as Part,
        Text as Text,
        lowercase_first as lowercase_first,
        shortenable as shortenable,
        soft as soft,
        straighten_quotes as straighten_quotes,
        strip_final_punctuation as strip_final_punctuation,
        uppercase_first as uppercase_first,
    )
    from glm_core.plugins import get_task as get_task, list_packs as list_packs, list_tasks as list_tasks
    from glm_core.pvp import PVP as PVP, Cloze as Cloze, Edges as Edges
    from glm_core.runs.evaluate import evaluate as evaluate
    from glm_core.runs.finetune import finetune as finetune
    from glm_core.runs.predictor import Predictor as Predictor, predict as predict
    from glm_core.runs.result import Result as Result
    from glm_core.tasks import (
        DataProcessor as DataProcessor,
        JsonlProcessor as JsonlProcessor,
        Task as Task,
        TsvProcessor as TsvProcessor,
    )
    from glm_core.templates import Template as Template
    from glm_core.tokens import Tokenizer as Tokenizer, load_tokenizer as load_tokenizer
    from glm_core.tokens.encode import Instance as Instance
    from glm_core.tokens.row import Row as Row, unpack as unpack
    from glm_core.tomlpack import toml_pack as toml_pack
    from glm_core.training.summary import Summary as Summary
    from glm_core.training.trainer import Trainer as Trainer


_MODULES = {
    "backbone": ("Backbone", "Filled", "ModelSource", "Weighed"),
    "config": ("EvalConfig", "ModelConfig", "TrainConfig"),
    "data": ("DataDir",),
    "errors": ("DataError", "PackError", "TemplateError"),
    "examples": ("Answer", "Example", "Prediction", "Split"),
    "generation_config": ("GenerationConfig",),
    "hookspecs": ("hookimpl",),
    "model.batch": ("Batch",),
    "model.classifier": ("Classifier",),
    "model.transformer": ("GLM",),
    "model_sources": ("load_backbone",),
    "parts": (
        *("BLANK", "DOCUMENT_BLANK", "SENTENCE_BLANK", "SPLIT", "Part", "Text", "lowercase_first", "shortenable"),
        *("soft", "straighten_quotes", "strip_final_punctuation", "uppercase_first"),
    ),
    "plugins": ("get_task", "list_packs", "list_tasks"),
    "pvp": ("PVP", "Cloze", "Edges"),
    "runs.evaluate": ("evaluate",),
    "runs.finetune": ("finetune",),
    "runs.predictor": ("Predictor", "predict"),
    "runs.result": ("Result",),
    "tasks": ("DataProcessor", "JsonlProcessor", "Task", "TsvProcessor"),
    "templates": ("Template",),
    "tokens": ("Tokenizer", "load_tokenizer"),
    "tokens.encode": ("Instance",),
    "tokens.row": ("Row", "unpack"),
    "tomlpack": ("toml_pack",),
    "training.summary": ("Summary",),
    "training.trainer": ("Trainer",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = ("metrics", "presets")

__all__ = sorted((*_HOME, *_SUBMODULES))


def __getattr__(name: str) -> Any:
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"glm_core.{name}")
    if name not in _HOME:
        from glm_core.errors import did_you_mean

        raise AttributeError(f"module 'glm_core' has no attribute '{name}'{did_you_mean(name, __all__)}")
    value = getattr(importlib.import_module(f"glm_core.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
