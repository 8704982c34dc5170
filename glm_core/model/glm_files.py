"""A GLM backbone to and from a folder: network, soft prompt, head, vocabulary, and which blanks it knows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glm_core.errors import UsageError
from glm_core.model.checkpoint import Loaded, build, config_of, load_state
from glm_core.model.writers import save_native
from glm_core.presets import Preset, preset as find_preset
from glm_core.tokens import load_tokenizer
from glm_core.tokens.of_model import masks_of, tokenizer_options
from glm_core.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from glm_core.model.glm_backbone import GLMBackbone


def save_glm(
    backbone: GLMBackbone,
    where: str | Path,
    *,
    heads: Mapping[str, Tensor] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the native layout: whole or not at all. `heads` and `facts` are what a classifier adds."""
    known = {
        "masks": sorted(backbone.masks),
        "soft_tokens": backbone.soft_tokens,
        "soft_prefix": backbone.soft_prefix,
        **(facts or {}),
    }
    tensors = {name: value.detach() for name, value in backbone.module.state_dict().items()}
    save_native(
        where,
        backbone.module.config,
        {**tensors, **(heads or {})},
        preset=backbone.preset,
        beside=vocabulary_files(backbone.tokenizer),
        facts=known,
    )


def vocabulary_files(tokenizer: Tokenizer) -> dict[str, bytes]:
    """The files that `load_tokenizer` needs, by name."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def load_glm(
    where: str | Path,
    *,
    device: str = "auto",
    preset: str | None = None,
    vocab: str | Path | None = None,
    base: str | Path | None = None,
    n_heads: int | None = None,
) -> tuple[GLMBackbone, Loaded]:
    """The backbone in a folder of any layout, and the checkpoint it came from (its head, its facts).

    preset: a published model's name, where the folder does not tell sizes and vocabulary. vocab: the folder of a published
    vocabulary, where none lies beside the weights. base: the checkpoint that a partial fine-tune is laid over.
    Raises CheckpointError, UsageError or DataError in one line.
    """
    from glm_core.model.glm_backbone import GLMBackbone

    loaded = load_state(where, base=base)
    name = preset or loaded.preset
    known = find_preset(name) if name else None
    config = config_of(loaded, preset=known, n_heads=n_heads)
    tokenizer = _tokenizer(Path(where), loaded, known, vocab)
    network = build(loaded, config, device=device_of(device))
    backbone = GLMBackbone(
        network,
        tokenizer,
        masks=masks_of(loaded.facts, known, tokenizer),
        soft_tokens=int(loaded.facts.get("soft_tokens", 0)),
        soft_prefix=int(loaded.facts.get("soft_prefix", 0)),
        preset=known.name if known else None,
    )
    backbone.heads = loaded.heads
    return backbone, loaded


def device_of(name: str) -> torch.device:
    """`auto`: the accelerator where there is one, else the CPU. Raises UsageError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: {str(error).splitlines()[0]}") from error
    return device


def _tokenizer(where: Path, loaded: Loaded, known: Preset | None, vocab: str | Path | None) -> Tokenizer:
    folder = Path(vocab) if vocab is not None else where
    has_own = vocab is None and any(path.name == "tokenizer_config.json" for path in loaded.beside)
    if has_own or known is None:
        try:
            return load_tokenizer(folder)
        except UsageError as error:
            if vocab is not None or known is not None:
                raise
            raise UsageError(
                f"{error}; give the vocabulary's folder with --vocab and the model's name with --preset"
            ) from error
    try:
        return load_tokenizer(folder, **tokenizer_options(known))
    except UsageError as error:
        if vocab is not None:
            raise
        files = ", ".join(known.vocabulary_files)
        raise UsageError(f"{error}; {known.name} needs {files}: give their folder with --vocab") from error
