"""Every distribution in `plugins/` and a new pack, built as wheels, installed into a scratch folder and used from outside.

Nothing is fetched: wheels are built with the setuptools that is here, and installed without what they depend on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.packs.here import PLUGINS, announced, distributions, samples_of, tasks_of

pytestmark = pytest.mark.slow

ROOT = PLUGINS.parent
LEARNABLE = {  # a task of each kind of pack; the others differ in their data only
    "glm-pack-movie-reviews": ("movie-reviews",),
    "glm-pack-agnews": ("agnews-few",),
    "glm-pack-emotion": ("emotion",),
    "glm-pack-commonsense-qa": ("commonsense-qa",),
    "glm-pack-headlines": ("headlines",),
    "glm-pack-classify": ("mnli", "yelp-polarity", "xstance-fr", "race", "squad-cloze"),
}
Run = Callable[..., str]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `wheels/` and `site/`, in which everything is built and installed."""
    folder = tmp_path_factory.mktemp("scratch")
    (folder / "work").mkdir()
    glm(folder, "new-pack", "scaf-toml", "--labels", "joy,not sure", "--out", str(folder / "glm-pack-scaf-toml"))
    more = ["--labels", "yes,no", "--fields", "premise,hypothesis", "--style", "python"]
    glm(folder, "new-pack", "scaf-python", *more, "--out", str(folder / "glm-pack-scaf-python"))
    glm(folder, "new-pack", "scaf-writes", "--kind", "generation", "--out", str(folder / "glm-pack-scaf-writes"))
    for name in distributions():
        ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
        shutil.copytree(PLUGINS / name, folder / name, ignore=ignored)
    projects = [str(one) for one in sorted(folder.glob("glm-pack-*"))]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    alone = ["--no-deps", "--no-index"]
    call([*pip, "wheel", "--no-build-isolation", *alone, "-w", str(folder / "wheels"), *projects], folder)
    wheels = sorted(map(str, (folder / "wheels").glob("*.whl")))
    assert len(wheels) == len(projects)
    call([*pip, "install", *alone, "--target", str(folder / "site"), *wheels], folder)
    return folder


@pytest.fixture(scope="module")
def run(scratch: Path) -> Iterator[Run]:
    yield lambda *words: glm(scratch, *words)


def glm(scratch: Path, *words: str) -> str:
    """What a command prints, run from a folder that has nothing to do with the project."""
    return call([sys.executable, "-m", "glm_core", *words], scratch)


def call(words: list[str], scratch: Path) -> str:
    path = os.pathsep.join([str(scratch / "site"), str(ROOT)])
    done = subprocess.run(
        words,
        cwd=scratch / "work",
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def folder_of(scratch: Path, name: str, task: str) -> str:
    """The samples of a task, in the scratch copy of its project."""
    if name.startswith("glm-pack-scaf"):
        return str(scratch / name / "src" / name.replace("-", "_") / "samples")
    samples = samples_of(name, task)
    assert samples is not None
    return str(scratch / samples.relative_to(PLUGINS))


def test_every_pack_is_found_and_dry(run: Run) -> None:
    found = {one["name"]: one for one in json.loads(run("packs", "--json"))}
    for name in distributions():
        for pack, _ in announced(name).entries:
            assert (found[pack]["status"], found[pack]["heavy"]) == ("ok", [])
    assert {"scaf-toml", "scaf-python", "scaf-writes"} <= found.keys()


def test_a_wheel_has_the_files_that_its_pack_reads(scratch: Path) -> None:
    for wheel in (scratch / "wheels").glob("*.whl"):
        name = wheel.name.partition("-")[0]
        inside = {one for one in zipfile.ZipFile(wheel).namelist() if one.startswith(f"{name}/")}
        there = {
            one.relative_to(scratch / name.replace("_", "-") / "src").as_posix()
            for one in (scratch / name.replace("_", "-") / "src" / name).rglob("*")
            if one.is_file() and "__pycache__" not in one.parts
        }
        assert inside == there


@pytest.mark.parametrize(
    "name", [*distributions(), "glm-pack-scaf-toml", "glm-pack-scaf-python", "glm-pack-scaf-writes"]
)
def test_a_wheel_passes_the_checks(name: str, scratch: Path, run: Run) -> None:
    (wheel,) = (scratch / "wheels").glob(f"{name.replace('-', '_')}-*.whl")
    run("check", "--wheel", str(wheel))


def test_tasks_and_previews_are_there(run: Run, scratch: Path) -> None:
    names = {one["name"] for one in json.loads(run("tasks", "--json"))}
    for name in distributions():
        tasks = tasks_of(name)
        for pack, _ in announced(name).entries:
            assert {f"{pack}/{task}" for task in tasks} <= names
        for task in list(tasks)[:1]:
            assert "MASK]⟧" in run("preview", f"{pack}/{task}", "--data", folder_of(scratch, name, task))


@pytest.mark.parametrize(
    ("name", "task"),
    [(name, task) for name, tasks in LEARNABLE.items() for task in tasks]
    + [(f"glm-pack-{task}", task) for task in ("scaf-toml", "scaf-python", "scaf-writes")],
)
def test_a_task_is_learnt_and_asked(name: str, task: str, run: Run, scratch: Path) -> None:
    data, out = folder_of(scratch, name, task), str(scratch / "out" / task)
    said = run("finetune", task, "--model", "tiny", "--data", data, "--steps", "20", "--out", out, "--json")
    result = json.loads(said)
    assert result["training"]["steps"] == 20 and result["metrics"]
    assert (Path(out) / "result.json").is_file()


@pytest.mark.parametrize(
    "name", [*distributions(), "glm-pack-scaf-toml", "glm-pack-scaf-python", "glm-pack-scaf-writes"]
)
def test_its_own_tests_pass(name: str, scratch: Path) -> None:
    project = str(scratch / name)
    call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", project, project], scratch)
