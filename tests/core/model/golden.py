"""Tiny checkpoints of the original and what it computed with them (`shared/golden/model`)."""

import functools
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glm_core.model.checkpoint import build, config_of, load_state
from glm_core.model.transformer import GLM
from tests.shared_files import needs_shared, shared

needs_golden = needs_shared("golden", "model")

LOGITS = {"atol": 3e-5, "rtol": 1e-5}
HIDDEN = {"atol": 6e-5, "rtol": 1e-5}


def folder(name: str) -> Path:
    return shared("golden", "model", name)


@functools.cache
def sizes(name: str) -> dict:
    return json.loads((folder(name) / "arch.json").read_text())


@functools.cache
def arrays(name: str, file: str) -> dict[str, Tensor]:
    with np.load(folder(name) / file) as found:
        return {key: torch.from_numpy(found[key]) for key in found.files}


@functools.cache
def network(name: str, checkpoint: str = "ckpt_orig") -> GLM:
    """The network of a fixture, shared between tests: do not change it."""
    # the first test to ask may do so in inference mode, and what is made there is of no use to a test with gradients
    with torch.inference_mode(False):
        loaded = load_state(folder(name) / checkpoint)
        return build(loaded, config_of(loaded, n_heads=sizes(name)["num_attention_heads"])).requires_grad_(False)
