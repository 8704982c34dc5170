"""From what a user calls a model to a loaded backbone: name, preset, folder, hub id."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from glm_core.backbone import Backbone, ModelSource
from glm_core.errors import GlmError, PackError, UsageError
from glm_core.pack import is_path
from glm_core.packs_check import model_folder
from glm_core.packs_import import describe
from glm_core.plugins import Offer, find_backbone, find_model


def load_backbone(model: str | Path, *, backbone: str | None = None, device: str = "auto", **options: Any) -> Backbone:
    """A model by name (`glm models`) or folder (`"./checkpoints/mine"`), on a device, ready to score.

    backbone: which kind of model it is, where its name does not say; a folder is a "glm" unless told otherwise.
    options: what the backbone's `load` takes; GLM: `preset` (sizes of a published checkpoint without a config) and
    `vocab` (folder of its vocabulary).
    Raises UsageError for an unknown name, a preset without files or a folder that is not there; PackError for a
    backbone that cannot be imported; CheckpointError for files that do not fit.
    """
    folder, source = locate_model(model)
    chosen = {name: value for name, value in options.items() if value is not None}
    if source.preset is not None:
        chosen.setdefault("preset", source.preset)
    return backbone_class(backbone or source.backbone).load(folder, device=device, **chosen)


def locate_model(model: str | Path) -> tuple[Path, ModelSource]:
    """The folder in which a model's files lie, and what its pack says about it.

    Raises UsageError where there is no such name or folder, or the user has to bring the files.
    """
    if is_path(model):
        folder = Path(model).expanduser()
        if not folder.exists():
            raise UsageError(
                f"--model {model}: does not exist; give a checkpoint's folder, or a name from `glm models`"
            )
        return folder, ModelSource(str(model))
    offer = find_model(str(model))
    if offer.value.where.startswith("pack:"):
        return _in_pack(offer), offer.value
    if offer.value.where.startswith("hub:"):
        return _from_hub(offer.name, offer.value.where.removeprefix("hub:")), offer.value
    raise UsageError(
        f"'{model}' names a published checkpoint, and its files are not part of this package; "
        f"pass them with --model ./folder --preset {offer.value.preset}"
    )


def backbone_class(name: str) -> type[Backbone]:
    """The class of a backbone by name. Raises UsageError for an unknown name, PackError where it cannot be imported."""
    offer = find_backbone(name)
    module, _, attribute = offer.value.partition(":")
    who = f"backbone '{name}' of pack {offer.pack.name}: {offer.value}"
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (GlmError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PackError(f"{who} cannot be imported: {describe(error, offer.pack.files)}") from error
    if not (isinstance(found, type) and issubclass(found, Backbone)):
        raise PackError(f"{who} is not a Backbone")
    return found


def _in_pack(offer: Offer[ModelSource]) -> Path:
    folder = model_folder(offer.value.where, offer.pack.folder)
    if folder is None:
        raise PackError(
            f"model '{offer.name}': its folder {offer.value.where} has gone; install {offer.pack.label} again"
        )
    return folder


def _from_hub(name: str, repository: str) -> Path:
    """Fetch a checkpoint that the user named. Needs the extra `hub` and, the first time, the network."""
    try:
        from huggingface_hub import snapshot_download  # an extra: fetched only where a user names a hub model
    except ModuleNotFoundError as error:
        raise UsageError(
            f"model '{name}' lies on a model hub; install glm-core[hub], or pass its files with --model ./folder"
        ) from error
    try:
        return Path(snapshot_download(repository))
    except Exception as error:  # whatever the network or the hub says
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"model '{name}' could not be fetched ({reason}); pass its files with --model ./folder"
        ) from error
