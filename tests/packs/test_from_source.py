"""Every distribution in `plugins/`, put on the path as an installer would: found, loaded, read, and as its README says."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from glm_core import list_tasks
from glm_core.cli.main import main
from glm_core.plugins import list_packs, reload
from glm_core.scaffold.markdown import as_markdown
from tests.fake_packs import Site, site
from tests.packs.here import PLUGINS, announced, distributions, samples_of, tasks_of
from tests.shared_files import needs_shared, shared

__all__ = ["site"]

every = pytest.mark.parametrize("distribution", distributions())
_MADE_BY_PREVIEW = re.compile(r"^\(`glm preview .*--markdown`\.\)", re.MULTILINE)


def readme_of(distribution: str) -> str:
    """Its README; nothing where it has none, which is another test's to tell."""
    file = PLUGINS / distribution / "README.md"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


@every
def test_an_installed_pack_is_found_and_loads(distribution: str, site: Site, monkeypatch) -> None:
    said, tasks = announced(distribution), tasks_of(distribution)
    for name in [one for one in sys.modules if one.partition(".")[0] == distribution.replace("-", "_")]:
        monkeypatch.delitem(sys.modules, name)  # it was loaded from its source
    shutil.copytree(PLUGINS / distribution / "src", site.folder, dirs_exist_ok=True)
    site.announce(said.name, dict(said.entries), version=said.version, requires=said.requires)
    reload()
    found = {one.name: one for one in list_packs() if one.distribution == said.name}
    assert found.keys() == dict(said.entries).keys()
    for pack in found.values():
        assert (pack.status, pack.message, pack.source, pack.heavy) == ("ok", "", "installed", ())
        assert pack.files == (site.folder / distribution.replace("-", "_"),)
        assert pack.tasks.keys() == tasks.keys()
        assert all(f"{pack.name}/{name}" in list_tasks() for name in pack.tasks)


@every
def test_its_project_keeps_the_contract(distribution: str) -> None:
    said = announced(distribution)
    assert said.name == distribution
    assert "glm-core>=1.0,<2" in said.requires
    text = (PLUGINS / distribution / "pyproject.toml").read_text(encoding="utf-8")
    assert '"glm-pack"' in text and 'test = ["glm-core[test]"]' in text
    for name, entry in said.entries:
        assert distribution == f"glm-pack-{name}"
        assert entry.partition(":")[0] == distribution.replace("-", "_")
    for file in ("README.md", "LICENSE", "tests"):
        assert (PLUGINS / distribution / file).exists()


@every
def test_its_tasks_say_where_the_data_are_from(distribution: str) -> None:
    readme = readme_of(distribution)
    for name, task in tasks_of(distribution).items():
        assert f"`{name}`" in readme or f"glm-pack-{name}" in readme
        for pvp in task.pvps:
            assert pvp.name in readme


@every
def test_every_pattern_reads_every_sample(distribution: str) -> None:
    for name, task in tasks_of(distribution).items():
        folder = samples_of(distribution, name)
        assert folder is not None, f"{name} has no samples"
        data = task.processor.open(str(folder))
        for split in task.processor.splits:
            if all(data.has(one) for one in split.files):
                for example in task.read(data, split):
                    assert [task.cloze(example, pvp.name).uid for pvp in task.pvps] == [example.uid] * len(task.pvps)


@pytest.mark.parametrize("distribution", [one for one in distributions() if _MADE_BY_PREVIEW.search(readme_of(one))])
def test_the_readme_shows_what_the_patterns_make_today(distribution: str) -> None:
    readme = readme_of(distribution)
    shown = 0
    for name, task in tasks_of(distribution).items():
        example = task.read(task.processor.open(str(samples_of(distribution, name))), task.processor.splits[0])[0]
        shown += sum(as_markdown(task, task.cloze(example, pvp.name)) in readme for pvp in task.pvps)
    assert readme.count("\n**") == readme.count("**: ")
    assert shown >= readme.count("**: ") - 2  # RACE shows a second question besides


@pytest.mark.parametrize("name", ["emotion", "commonsense-qa", "headlines", "race"])
def test_without_data_preview_shows_the_samples_of_the_pack(name: str, capsys) -> None:
    folder = PLUGINS / ("glm-pack-classify" if name == "race" else f"glm-pack-{name}")
    assert main(["preview", name, "--pack", str(folder)]) == 0
    assert "MASK]⟧" in capsys.readouterr().out


def test_without_data_the_checks_read_the_samples_of_the_pack(capsys) -> None:
    assert main(["check", "headlines", "--pack", str(PLUGINS / "glm-pack-headlines")]) == 0
    out = capsys.readouterr().out
    assert "headlines/headlines: the pack's samples were read; give --data DIR for the data set" in out


@needs_shared("design", "HOUSE.md")
def test_the_pack_of_the_tutorial_is_the_one_of_the_architecture_word_for_word() -> None:
    house = shared("design", "HOUSE.md").read_text(encoding="utf-8")
    folder = PLUGINS / "glm-pack-movie-reviews"
    (code,) = re.findall(r"```python\n# glm_pack_movie_reviews/__init__\.py\n(.*?)```", house, re.DOTALL)
    assert (folder / "src" / "glm_pack_movie_reviews" / "__init__.py").read_text(encoding="utf-8") == code
    (test,) = re.findall(r"```python\n(from glm_core\.testing import PackConformance\n.*?)```", house, re.DOTALL)
    written = (folder / "tests" / "test_pack.py").read_text(encoding="utf-8")
    assert [one for one in written.splitlines() if one] == [one for one in test.splitlines() if one]
