"""A tokenizer to check with a pencil and a model that trains in milliseconds."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_core.backbone import Backbone
    from glm_core.tokens.tokenizer import Tokenizer

WIDTH = 32
LAYERS = 2
POSITIONS = 512


@cache
def toy_tokenizer() -> Tokenizer:
    """Every ASCII character is a token (other letters are their UTF-8 bytes); all special tokens; it can be saved.

    It is a byte-level vocabulary without a single merge, so spaces are tokens too and nothing is unknown.
    """
    from glm_core.tokens.libraries import ByteLevelBPE, byte_symbols
    from glm_core.tokens.special import TokenizerOptions

    entries = {symbol: id for id, symbol in enumerate(byte_symbols())}
    files = {"vocab.json": json.dumps(entries).encode(), "merges.txt": b"#version: 0.2\n"}
    return ByteLevelBPE("gpt2-bpe", entries, [], TokenizerOptions(task_mask=True), files)


def tiny_backbone(*, seed: int = 1) -> Backbone:
    """A GLM of two layers, 32 wide, with random weights, over the toy tokenizer; on the CPU, rows of up to 512 tokens."""
    import torch

    from glm_core.config import ModelConfig
    from glm_core.model.glm_backbone import GLMBackbone
    from glm_core.model.transformer import GLM

    tokenizer = toy_tokenizer()
    config = ModelConfig(
        n_layers=LAYERS, hidden_size=WIDTH, n_heads=2, vocab_size=tokenizer.vocab_size, max_positions=POSITIONS
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = GLM(config)
    return GLMBackbone(module.eval(), tokenizer)
