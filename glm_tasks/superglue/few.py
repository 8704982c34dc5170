"""FewGLUE: the same questions with 32 examples to learn from, 32 to tune on, and unlabelled ones besides.

Give both folders, FewGLUE first: `--data FewGLUE_32dev --data superglue`; the final split is SuperGLUE's validation set.
"""

from __future__ import annotations

from dataclasses import replace

from glm_core import DataProcessor, Split, Task
from glm_tasks.superglue import boolq, cb, copa, multirc, record, rte, wic, wsc
from glm_tasks.superglue.recipes import few_shot

SPLITS = (
    Split("train", "train", ("train.jsonl",)),
    Split("dev32", "tune", ("dev32.jsonl",)),
    Split("val", "final", ("val.jsonl",)),
    Split("unlabeled", "unlabeled", ("unlabeled.jsonl",), labelled=False),
)


def _few(task: Task, processor: DataProcessor) -> Task:
    return replace(
        task,
        name=f"few-{task.name}",
        processor=processor,
        summary=f"{task.summary} (FewGLUE, 32 examples)",
        citation="Schick and Schütze 2021, FewGLUE, arXiv 2009.07118",
        **few_shot(task.recommended),
    )


TASKS = (
    _few(boolq.task, boolq.BoolQ(SPLITS)),
    _few(cb.task, cb.Cb(SPLITS)),
    _few(copa.task, copa.Copa(SPLITS)),
    _few(multirc.task, multirc.MultiRc(SPLITS)),
    _few(record.task, record.Record(SPLITS)),
    _few(rte.task, rte.Rte(SPLITS)),
    _few(wic.task, wic.Wic(SPLITS)),
    _few(wsc.task, wsc.WscCandidates(SPLITS)),
    _few(wsc.generate, wsc.Wsc(SPLITS)),
)
