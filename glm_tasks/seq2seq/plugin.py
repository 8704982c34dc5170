"""The pack `seq2seq`: its table of contents."""

from __future__ import annotations

from collections.abc import Iterable

from glm_core import Task, hookimpl


@hookimpl
def glm_tasks() -> Iterable[Task]:
    """Summaries, answers, questions, blanks, and files of one's own."""
    from glm_tasks.seq2seq import blank, cmrc, cnn_dm, extraction, files, gigaword, questions, squad, xsum

    yield from (gigaword.task, cnn_dm.task, cnn_dm.original, xsum.task)
    yield from (squad.task, squad.v1, questions.task, cmrc.task)
    yield from (*blank.TASKS, extraction.task, files.task)
