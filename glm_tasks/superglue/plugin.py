"""The pack `superglue`: its table of contents."""

from __future__ import annotations

from collections.abc import Iterable

from glm_core import Task, hookimpl


@hookimpl
def glm_tasks() -> Iterable[Task]:
    """SuperGLUE's tasks, its diagnostics, and the FewGLUE variants."""
    from glm_tasks.superglue import boolq, cb, copa, diagnostics, few, multirc, record, rte, wic, wsc

    yield from (boolq.task, cb.task, copa.task, multirc.task, record.task, rte.task, wic.task)
    yield from (wsc.task, wsc.generate, wsc.yes_no, diagnostics.ax_b, diagnostics.ax_g)
    yield from few.TASKS
