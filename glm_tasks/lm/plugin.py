"""The pack `lm`: its table of contents."""

from __future__ import annotations

from collections.abc import Iterable

from glm_core import Task, hookimpl


@hookimpl
def glm_tasks() -> Iterable[Task]:
    """The last word, perplexities, and choices of a file."""
    from glm_tasks.lm import lambada, multichoice, text, wikitext

    return (lambada.task, wikitext.task, wikitext.raw, wikitext.ptb, text.task, text.lines, multichoice.task)
