"""A GLM with fresh weights: sizes of a published model or one's own, over any vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.glm_files import device_of
from glm_core.model.transformer import GLM
from glm_core.presets import Preset, padded, preset as find_preset
from glm_core.tokens import load_tokenizer
from glm_core.tokens.of_model import masks_of, tokenizer_options
from glm_core.tokens.tokenizer import CONFIG_FILE, Tokenizer

_HEAD_WIDTH = 64  # of every published model


@dataclass(frozen=True)
class Sizes:
    """What is asked of a fresh model; what is not given is as in the preset, and without one as in GLM-Base.

    width: hidden size. heads: without a preset's, one per 64 of width. positions: the longest row it will read.
    """

    preset: str | None = None
    layers: int | None = None
    width: int | None = None
    heads: int | None = None
    positions: int | None = None
    block_positions: bool = True

    def config(self, n_tokens: int) -> ModelConfig:
        """The sizes for a vocabulary of so many tokens. Raises UsageError where they do not fit together."""
        base = find_preset(self.preset).config if self.preset is not None else ModelConfig()
        width = self.width or base.hidden_size
        heads = self.heads or (base.n_heads if width == base.hidden_size else max(width // _HEAD_WIDTH, 1))
        return replace(
            base,
            n_layers=self.layers or base.n_layers,
            hidden_size=width,
            n_heads=heads,
            max_positions=self.positions or base.max_positions,
            vocab_size=padded(n_tokens),
            block_positions=self.block_positions,
        )


def fresh_model(sizes: Sizes, vocab: str | Path, *, seed: int, device: str = "auto") -> GLMBackbone:
    """A GLM with the weights that a seed gives (those that THUDM/GLM has under it), over the vocabulary in a folder.

    It is to learn every blank that the vocabulary has a token for. Raises UsageError for sizes or a vocabulary that
    cannot be, DataError for a damaged vocabulary.
    """
    where = device_of(device)
    tokenizer = _vocabulary(vocab, find_preset(sizes.preset) if sizes.preset is not None else None)
    config = sizes.config(tokenizer.n_tokens)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = GLM(config)
    return GLMBackbone(network.to(where), tokenizer, masks=masks_of({}, None, tokenizer))


def _vocabulary(vocab: str | Path, known: Preset | None) -> Tokenizer:
    """A saved vocabulary knows its options; one as published is read as the preset reads it."""
    folder = Path(vocab).expanduser()
    if not folder.exists():
        raise UsageError(f"--vocab {vocab}: does not exist; `glm tokenizer train` makes one")
    own = (folder / CONFIG_FILE).is_file()
    return load_tokenizer(folder, **({} if own or known is None else tokenizer_options(known)))
