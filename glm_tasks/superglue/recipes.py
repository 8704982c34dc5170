"""The published training settings: one table per data set, read in three ways.

`single-node` is the original's script for one machine, and what we recommend. `10b` is its DeepSpeed script for GLM-10B,
whose JSON overrides learning rate, betas, weight decay and batch size, and which trains every task with its first pattern.
`10b-prompt` is the same with a soft prompt and the task's own pattern. `few-shot` is PET's setting for FewGLUE.
Source: THUDM/GLM config_tasks and scripts; timoschick/pet README.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]


def published(
    *, pattern: str, first: str, epochs: tuple[int, int], max_length: int = 256, batch_size: int = 16, **more: Any
) -> dict[str, Any]:
    """`recommended` and `recipes` of a task, as arguments for `Task`.

    pattern: of the single-node script; first: the task's first pattern. epochs: single-node and 10B.
    """
    single: dict[str, Any] = {
        "pattern": pattern,
        "epochs": epochs[0],
        "max_length": max_length,
        "batch_size": batch_size,
        "learning_rate": 1e-5,
        "schedule": "linear",
        "warmup": 0.1,
        "decay_to": 0.1,
        "weight_decay": 0.1,
        "beta2": 0.999,
        **more,
    }
    large = {
        **single,
        "pattern": first,
        "epochs": epochs[1],
        "batch_size": 64,
        "learning_rate": 5e-6,
        "weight_decay": 0.01,
        "beta2": 0.95,
    }
    prompt = {**large, "pattern": pattern, "soft_tokens": 3}
    return {"recommended": single, "recipes": {"single-node": single, "10b": large, "10b-prompt": prompt}}


def few_shot(recommended: Values) -> dict[str, Any]:
    """The same for a FewGLUE task: PET's 250 steps of 16 examples, without warm-up, the rate falling to zero."""
    values = {
        **recommended,
        "steps": 250,
        "batch_size": 16,
        "learning_rate": 1e-5,
        "schedule": "linear",
        "warmup": 0.0,
        "decay_to": 0.0,
        "weight_decay": 0.01,
        "beta2": 0.999,
    }
    return {"recommended": values, "recipes": {"few-shot": values}}
