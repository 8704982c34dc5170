"""Below the waterline there is no torch, and looking things up loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.sources import ROOT, modules

HEAVY = (
    "torch", "numpy", "sklearn", "scipy", "pandas", "tokenizers", "sentencepiece", "safetensors", "rich", "deepspeed",
    "transformers", "huggingface_hub",
)  # fmt: skip


def heavy_after(code: str) -> list[str]:
    """The heavy modules that are loaded after this code ran in a fresh interpreter."""
    script = f"{code}\nimport json, sys\nprint()\nprint(json.dumps([one for one in {HEAVY!r} if one in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_floors_one_and_two_bring_in_nothing_heavy() -> None:
    below = [name for name in modules("glm_core") if name.split(".")[1:2] and _is_dry(name)]
    assert "glm_core.plugins" in below and "glm_core.templates" in below
    assert heavy_after("\n".join(f"import {name}" for name in below)) == []


def test_floor_three_brings_in_numpy_at_most() -> None:
    tokens = [name for name in modules("glm_core") if name.startswith("glm_core.tokens")]
    assert set(heavy_after("\n".join(f"import {name}" for name in tokens))) <= {"numpy"}


def test_every_built_in_pack_loads_and_lists_its_tasks_without_anything_heavy() -> None:
    code = "import glm_core\nassert glm_core.list_tasks()\nassert not any(p.heavy for p in glm_core.list_packs())"
    assert heavy_after(code) == []


def test_the_public_face_itself_brings_in_nothing() -> None:
    assert heavy_after("from glm_core import PVP, Example, JsonlProcessor, Split, Task, hookimpl, metrics") == []


@pytest.mark.parametrize("line", ["--help", "--version", "tasks", "packs", "tasks superglue/rte", "tasks --json"])
def test_commands_that_only_list_bring_in_nothing_heavy(line: str) -> None:
    assert heavy_after(f"from glm_core.cli.main import main\nassert main({line.split()!r}) == 0") == []


def test_models_are_listed_without_torch() -> None:
    assert heavy_after("from glm_core.cli.main import main\nassert main(['models']) == 0") == []


def _is_dry(name: str) -> bool:
    from tests.house.test_floors import FLOOR, room_of

    return FLOOR[room_of(name)] <= 2
