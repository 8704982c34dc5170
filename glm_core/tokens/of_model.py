"""A model's vocabulary without the model: what `glm preview` needs, in milliseconds and without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glm_core.errors import DataError, UsageError
from glm_core.model_sources import locate_model
from glm_core.pack import is_path
from glm_core.plugins import find_model
from glm_core.presets import Preset, preset as find_preset
from glm_core.tokens import load_tokenizer
from glm_core.tokens.tokenizer import CONFIG_FILE, Tokenizer


def tokenizer_of(
    model: str | Path, *, vocab: str | Path | None = None, preset: str | None = None
) -> tuple[Tokenizer, frozenset[str]]:
    """The tokenizer of a model by name or folder, and the blanks that the model knows.

    vocab: the folder of a published vocabulary, where none lies beside the model; a preset's name needs no other file.
    Raises UsageError where there is no vocabulary, DataError where it is damaged.
    """
    folder, told = _look(model, vocab)
    name = preset or told.get("preset")
    known = find_preset(name) if name else None
    own = folder is not None and vocab is None and (folder / CONFIG_FILE).is_file()
    place = Path(vocab).expanduser() if vocab is not None else folder
    if place is None:
        files = ", ".join(known.vocabulary_files) if known else "its files"
        raise UsageError(f"'{model}' needs a vocabulary ({files}): give its folder with --vocab")
    tokenizer = load_tokenizer(place, **({} if own or known is None else tokenizer_options(known)))
    return tokenizer, masks_of(told.get("facts", {}), known, tokenizer)


def tokenizer_options(known: Preset) -> dict[str, Any]:
    """How a published checkpoint reads its vocabulary: the options of `load_tokenizer`."""
    options: dict[str, Any] = {"kind": known.tokenizer, "task_mask": known.task_mask}
    if known.tokenizer == "chinese-sp":
        options["fix_command_token"] = known.fix_command_token
    return options


def _look(model: str | Path, vocab: str | Path | None) -> tuple[Path | None, dict[str, Any]]:
    """The model's folder, and what its manifest tells; for a preset without files its name alone."""
    if not is_path(model):
        source = find_model(str(model)).value
        if not source.where:
            return None, {"preset": source.preset}
    folder, source = locate_model(model)
    told: dict[str, Any] = {"preset": source.preset} if source.preset else {}
    manifest = folder / "manifest.json"
    if manifest.is_file():
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"not JSON ({error}); the file may be cut off", file=manifest) from error
        if isinstance(found, dict):
            told = {**{key: found[key] for key in ("preset", "facts") if found.get(key)}, **told}
    return folder, told


def masks_of(facts: Mapping[str, Any], known: Preset | None, tokenizer: Tokenizer) -> frozenset[str]:
    """The blanks a model was trained on: as saved, as published, or all that its vocabulary has."""
    if "masks" in facts:
        return frozenset(facts["masks"])
    if known is not None:
        return known.masks
    return frozenset(("[MASK]", "[sMASK]", "[gMASK]") if tokenizer.special.sentence_mask is not None else ("[MASK]",))
