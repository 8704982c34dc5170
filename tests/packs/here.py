"""The distributions in `plugins/`, loaded from their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from glm_core import Task
from glm_core.pack import Pack, Settings
from glm_core.packs_find import Announced, read_project
from glm_core.plugins import list_packs, using

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def distributions() -> list[str]:
    """The folders with a project in them, by name."""
    return sorted(one.parent.name for one in PLUGINS.glob("*/pyproject.toml"))


def announced(distribution: str) -> Announced:
    """What a project's pyproject.toml says."""
    found = read_project(PLUGINS / distribution)
    assert found is not None, f"{distribution} announces no pack"
    return found


@cache
def pack_of(distribution: str) -> Pack:
    """The pack of a distribution."""
    folder = str(PLUGINS / distribution)
    with using(Settings(paths=(folder,))):
        (pack,) = [one for one in list_packs() if one.distribution == folder]
    assert pack.status == "ok", pack.message
    return pack


def tasks_of(distribution: str) -> dict[str, Task]:
    """The tasks of a distribution by their short names."""
    return dict(pack_of(distribution).tasks)


def samples_of(distribution: str, task: str) -> Path | None:
    """A few rows of a task: those that come with the pack, or those of its tests; None where it has neither."""
    tests = PLUGINS / distribution / "tests" / "data"
    return pack_of(distribution).samples(task) or (tests if tests.is_dir() else None)
