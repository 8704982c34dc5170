"""The distributions in `plugins/`, loaded from their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from glm_core import Task
from glm_core.pack import Settings
from glm_core.plugins import list_packs, using

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def distributions() -> list[str]:
    """The folders with a project in them, by name."""
    return sorted(one.parent.name for one in PLUGINS.glob("*/pyproject.toml"))


@cache
def tasks_of(distribution: str) -> dict[str, Task]:
    """The tasks of a distribution by their short names."""
    folder = str(PLUGINS / distribution)
    with using(Settings(paths=(folder,))):
        (pack,) = [one for one in list_packs() if one.distribution == folder]
    assert pack.status == "ok", pack.message
    return dict(pack.tasks)
