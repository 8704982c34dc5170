"""The five hooks of a pack: all that glm-core promises to pack authors, on one screen.

Mark an implementation with `hookimpl`, return values, register nothing by side effect. Hooks are only added, never changed,
within a major version. An implementation may ask for fewer arguments than the hook offers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from glm_core.backbone import ModelSource
    from glm_core.tasks import Task

hookspec = pluggy.HookspecMarker("glm")
hookimpl = pluggy.HookimplMarker("glm")


@hookspec
def glm_tasks() -> Iterable[Task]:  # type: ignore[empty-body]
    """The tasks this pack offers."""


@hookspec
def glm_backbones() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Backbones by name, each as 'module:Class', imported when first used."""


@hookspec
def glm_models() -> Mapping[str, ModelSource]:  # type: ignore[empty-body]
    """Named checkpoints: a folder inside the pack, an id on a model hub, or a preset whose files the user has."""


@hookspec
def glm_commands() -> Mapping[str, tuple[str, str]]:  # type: ignore[empty-body]
    """Commands by name, each as (one line of help, 'module'); the module has add_arguments(parser) and run(args)."""


@hookspec
def glm_record(row: Mapping[str, Any]) -> None:
    """A run wrote this row to its log. Look, don't touch; failing here never loses a result."""
