"""The pack `glm`: the backbone, the bundled model, and the published checkpoints by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from glm_core import ModelSource, hookimpl
from glm_core.presets import PRESETS

TINY = "models/tiny"


@hookimpl
def glm_backbones() -> Mapping[str, str]:
    return {"glm": "glm_core.model.glm_backbone:GLMBackbone"}


@hookimpl
def glm_models() -> Mapping[str, ModelSource]:
    models = {one.name: ModelSource("", preset=one.name, summary=one.summary) for one in PRESETS}
    if (Path(__file__).parent / TINY).is_dir():
        models["tiny"] = ModelSource(f"pack:{TINY}", summary="small English model that comes with this package")
    return models
