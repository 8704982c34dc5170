"""Whole runs on the real FewGLUE files: a tiny model learns each task by heart, a GLM-Base goes end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from glm_core import get_task, load_backbone
from glm_core.config import EvalConfig, ModelConfig, TrainConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.presets import preset
from glm_core.runs.finetune import finetune
from glm_core.tokens import load_tokenizer
from tests.shared_files import needs_shared, shared

FEWGLUE = ("data", "fewglue", "FewGLUE_32dev")
# WSC is trained on its positive examples; ReCoRD's dev has thousands of questions, so it is not among the quick ones
TASKS = ["rte", "cb", "copa", "wic", "boolq", "multirc", "wsc"]

pytestmark = [needs_shared(*FEWGLUE), pytest.mark.slow]


def losses(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row.get("event") == "step"]


@pytest.mark.parametrize("name", TASKS)
def test_a_tiny_model_learns_32_examples_by_heart(name: str, tmp_path: Path) -> None:
    """The training loss falls below a tenth of its start: text, words and gold answer belong together."""
    task = get_task(f"superglue/few-{name}")
    config = TrainConfig(
        steps=400 if name == "multirc" else 220,  # it has several answers to judge for each of its questions
        batch_size=16,
        learning_rate=2e-3,
        warmup=0.1,
        weight_decay=0.0,
        dropout=0.0,
        max_length=task.recommended.get("max_length", 256),
        objective=task.recommended.get("objective", "choice"),
        length_penalty=task.recommended.get("length_penalty", 0.0),
        eval_every=0,
    )
    backbone = load_backbone("tiny", device="cpu")
    pattern = task.recommended.get("pattern", 0)
    finetune(task, backbone, shared(*FEWGLUE), tmp_path / "run", pattern=pattern, config=config, progress=False)
    found = losses(tmp_path / "run")
    start, end = sum(found[:3]) / 3, sum(found[-5:]) / 5
    assert end < start / 10, (start, end)


@pytest.mark.parametrize("name", TASKS)
def test_a_base_sized_model_goes_end_to_end_on_a_cpu(name: str, tmp_path: Path) -> None:
    """GLM-Base with random weights: reads, trains two steps, evaluates, and leaves its folder."""
    task = get_task(f"superglue/few-{name}")
    known = preset("base")
    torch.manual_seed(1)
    tokenizer = load_tokenizer(shared("vocab"), kind=known.tokenizer, task_mask=known.task_mask)
    backbone = GLMBackbone(GLM(known.config), tokenizer, masks=known.masks, preset=known.name)
    length = task.recommended.get("max_length", 256)
    config = TrainConfig(
        steps=2,
        batch_size=8,
        max_length=length,
        micro_batch_tokens=2048,
        objective=task.recommended.get("objective", "choice"),
        length_penalty=task.recommended.get("length_penalty", 0.0),
        eval_every=0,
    )
    pattern = task.recommended.get("pattern", 0)
    result = finetune(
        task,
        backbone,
        shared(*FEWGLUE),
        tmp_path / "run",
        pattern=pattern,
        config=config,
        evaluation=EvalConfig(max_length=length, batch_tokens=2048, length_penalty=config.length_penalty),
        progress=False,
    )
    assert result.health.n > 0
    assert 0 <= result.score <= 1
    assert isinstance(backbone.module.config, ModelConfig)
    assert len(losses(tmp_path / "run")) == 2
