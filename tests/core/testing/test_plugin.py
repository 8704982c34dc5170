"""The pytest plugin and the conformance classes, used as a pack's author uses them: in a project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glm_core.checks.golden import update_golden
from glm_core.checks.sources import Sources
from glm_core.checks.subject import Reading, Subject
from glm_core.plugins import get_task
from glm_core.testing.plugin import _compare
from tests.house.sources import ROOT
from tests.museum_checks.museum import SOUND, sound_data, write_data

PROJECT = """\
[project]
name = "glm-pack-films"
version = "0.1"
dependencies = ["glm-core>=1.0,<2"]
[project.entry-points."glm.packs"]
films = "glm_pack_films"
"""

TESTS = """\
import socket
from pathlib import Path

import pytest

from glm_core import metrics, plugins
from glm_core.testing import BackboneConformance, MetricConformance, PackConformance, tiny_backbone


class TestPack(PackConformance):
    pack = "."
    data = {"reviews": "data"}


class TestAccuracy(MetricConformance):
    metric = metrics.accuracy


class TestOwnMetric(MetricConformance):
    def metric(predictions):
        return 0.0


class TestGroups(MetricConformance):
    metric = metrics.grouped_exact_match
    labels = ("no", "maybe", "yes")


class TestBackbone(BackboneConformance):
    def make(self):
        return tiny_backbone()


def test_fixtures(tiny_backbone, toy_tokenizer):
    assert toy_tokenizer is tiny_backbone.tokenizer


def test_no_network(no_network):
    with pytest.raises(OSError, match="no network here: example.org"):
        socket.getaddrinfo("example.org", 80)


def test_packs_only(packs_only):
    packs_only()
    assert {one.source for one in plugins.list_packs() if one.status == "ok"} == {"built-in"}


def test_golden(golden_prompts):
    golden_prompts("demo/sentiment", Path("tests/golden_prompts.txt"))
"""


def run(folder: Path, *words: str) -> tuple[int, str]:
    """`pytest` in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GLM_", "PYTEST_"))}
    environment = {
        **environment,
        "OMP_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "glm_core.testing.plugin", "-p", "no:cacheprovider", "-q", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    task = get_task("demo/sentiment")
    split = task.processor.splits[0]
    examples = tuple(task.read(task.processor.open(), split, limit=2))
    subject = Subject(task, "demo/sentiment", Sources(()), readings={split.name: Reading(split, examples, ())})
    (tmp_path / "tests").mkdir()
    update_golden(tmp_path / "tests" / "golden_prompts.txt", [subject])
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "glm_pack_films.py").write_text(SOUND)
    (tmp_path / "tests" / "test_pack.py").write_text(TESTS)
    write_data(tmp_path / "data", sound_data())
    return tmp_path


def test_a_sound_pack_passes(project: Path) -> None:
    code, out = run(project)
    assert code == 0 and "58 passed in" in out, out  # without a warning


def test_what_is_wrong_fails_under_its_code_and_a_warning_warns(project: Path) -> None:
    broken = SOUND.replace("{text} It was", "{text}  It was").replace('row.get("uid", uid)', 'row.get("uid", "same")')
    (project / "glm_pack_films.py").write_text(
        broken + "def broken_mean(predictions):\n    return 1 / len(predictions)\n"
    )
    tests = TESTS.replace("    metric = metrics.accuracy", "    from glm_pack_films import broken_mean as metric")
    (project / "tests" / "test_pack.py").write_text(tests)
    golden = project / "tests" / "golden_prompts.txt"
    golden.write_text(golden.read_text().replace("It was", "It is"))
    code, out = run(project, "-p", "no:randomly", "-o", "pythonpath=.")
    assert code == 1
    for line in (
        "TestPack::test_check[D201] - AssertionError: D201",
        "broken_mean([]) raised ZeroDivisionError",
        "GlmCheckWarning: T308",
        "(glm check --explain D201)",
        "demo/sentiment: golden prompts differ (first: it-was/train-0); if that is meant, raise its revision (1) and write",
    ):
        assert line in out, f"{line}\n{out}"
    assert "3 failed" in out, out


def test_golden_prompts_that_are_not_there_say_what_to_type(tmp_path: Path) -> None:
    file = tmp_path / "golden_prompts.txt"
    how = "write it with: glm check sentiment --data DIR --update-golden"
    with pytest.raises(pytest.fail.Exception, match=rf"golden_prompts\.txt is not there; {how}"):
        _compare("demo/sentiment", file)
    file.write_text("task other/other revision 1\n")
    with pytest.raises(pytest.fail.Exception, match=rf"holds no prompts of demo/sentiment; {how}"):
        _compare(get_task("demo/sentiment"), file)
