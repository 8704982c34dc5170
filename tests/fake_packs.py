"""Distributions made of a module and a metadata folder, as an installer would leave them: for tests of the loader."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from glm_core import plugins

TASK = """
from glm_core import PVP, Example, JsonlProcessor, Split, Task, hookimpl


class Reader(JsonlProcessor):
    labels = ("bad", "good")
    splits = (Split("train", "train", ("train.jsonl",)),)

    def examples(self, row, uid):
        yield Example(uid, {"text": row["text"]}, label=row["label"])


def share(predictions):
    return 0.0


WORDS = {"bad": "terrible", "good": "great"}


def task(name="reviews", pattern="{text} It was [MASK].", **more):
    given = {"processor": Reader(), "pvps": (PVP("it-was", pattern, WORDS),), "metrics": {"share": share}, **more}
    return Task(name, **given)
"""
"""The beginning of a pack's module: `task(…)` makes a sound task, any part of which can be replaced."""


def good(name: str) -> str:
    """The module of a sound pack with one task."""
    return f"{TASK}\n\n@hookimpl\ndef glm_tasks():\n    yield task({name!r})\n"


class Site:
    """A folder on the path, into which packs are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def install(
        self,
        pack: str,
        source: str,
        *,
        distribution: str = "",
        module: str = "",
        version: str = "1.0",
        requires: Sequence[str] = (),
        entries: Mapping[str, str] | None = None,
        direct_url: str = "",
    ) -> Path:
        """A module with this source, announced under this pack's name; the module's file."""
        distribution = distribution or f"glm-pack-{pack}"
        module = module or distribution.replace("-", "_")
        file = self.folder / (module.replace(".", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source), encoding="utf-8")
        self.announce(
            distribution, entries or {pack: module}, version=version, requires=requires, direct_url=direct_url
        )
        return file

    def announce(
        self,
        distribution: str,
        entries: Mapping[str, str],
        *,
        version: str = "1.0",
        requires: Sequence[str] = (),
        direct_url: str = "",
    ) -> None:
        """The metadata folder alone."""
        metadata = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        lines += [f"Requires-Dist: {one}" for one in requires]
        (metadata / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        pairs = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (metadata / "entry_points.txt").write_text(f"[glm.packs]\n{pairs}", encoding="utf-8")
        if direct_url:
            (metadata / "direct_url.json").write_text(direct_url, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site on the path; after the test nothing of it is left, and packs are found anew."""
    for name in ("GLM_PACKS", "GLM_DISABLE_PACKS", "GLM_STRICT", "GLM_TRACE_HOOKS"):
        monkeypatch.delenv(name, raising=False)
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.folder))
    plugins.reload()
    yield made
    plugins.reload()
    for name, module in list(sys.modules.items()):
        if str(tmp_path) in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]


def the_pack(name: str) -> plugins.Pack:
    """The one pack of this name."""
    (found,) = [pack for pack in plugins.list_packs() if pack.name == name]
    return found
