"""The pack `headlines`: its table of contents."""

from collections.abc import Iterator

from glm_core import Task, hookimpl
from glm_pack_headlines.task import task


@hookimpl
def glm_tasks() -> Iterator[Task]:
    yield task
