"""The published settings of training and of writing: one table per data set.

Lengths there are those of source and target; a row of ours holds both. `10b` is the DeepSpeed setting of GLM-10B, whose JSON
overrides learning rate, betas, weight decay and batch size of the scripts. Source: THUDM/GLM config_tasks, SEQ2SEQ_LM 4.
"""

from __future__ import annotations

from typing import Any


def published(
    *,
    epochs: float,
    learning_rate: float,
    source: int,
    target: int,
    batch_size: int = 16,
    beams: int = 5,
    length_penalty: float = 0.7,
    no_repeat_ngram: int = 0,
    min_tokens: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """`recommended` and `recipes` of a task, as arguments for `Task`. source, target: tokens of either."""
    single: dict[str, Any] = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "max_length": source + target,
        "schedule": "linear",
        "warmup": 0.06,
        "decay_to": 0.1,
        "weight_decay": 0.1,
        "smoothing": 0.1,
        "objective": "lm",
        "max_tokens": target,
        "min_tokens": min_tokens,
        "beams": beams,
        "length_penalty": length_penalty,
        "no_repeat_ngram": no_repeat_ngram,
        **more,
    }
    large = {**single, "batch_size": 32, "learning_rate": 5e-6, "weight_decay": 0.01, "beta2": 0.95}
    return {"recommended": single, "recipes": {"published": {**single, "rules": "seq2seq"}, "10b": large}}
