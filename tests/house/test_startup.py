"""Starting is cheap because little is imported: the module lists are the proof, not a stopwatch."""

from __future__ import annotations

import subprocess
import sys

from tests.house.sources import ROOT


def loaded_by(*words: str) -> set[str]:
    """The modules that `glm …` leaves loaded in a fresh interpreter."""
    code = (
        f"import sys\nfrom glm_core.cli.main import main\nmain({list(words)!r})\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def commands_in(loaded: set[str]) -> set[str]:
    frame = {"main", "flags", "output"}
    return {name.removeprefix("glm_core.cli.") for name in loaded if name.startswith("glm_core.cli.")} - frame


def test_the_version_needs_no_packs() -> None:
    loaded = loaded_by("--version")
    assert not {"pluggy", "glm_core.plugins"} & loaded


def test_the_help_loads_packs_but_no_command() -> None:
    loaded = loaded_by("--help")
    assert "glm_core.plugins" in loaded and commands_in(loaded) == set()


def test_only_the_chosen_command_is_imported() -> None:
    assert commands_in(loaded_by("tasks")) == {"tasks"}
    assert commands_in(loaded_by("packs")) == {"packs"}


def test_a_commands_help_loads_neither_packs_nor_libraries() -> None:
    loaded = loaded_by("convert", "--help")
    assert commands_in(loaded) == {"convert"}
    assert not {"glm_core.plugins", "torch", "numpy", "rich"} & loaded


def test_packaging_is_loaded_only_for_a_pack_with_a_pin() -> None:
    assert "packaging.requirements" not in loaded_by("tasks")


def test_every_command_of_the_table_is_a_module_that_is_cheap_to_import() -> None:
    from glm_core.cli.main import COMMANDS

    code = (
        "import argparse, importlib, sys\n"
        f"for name in {list(COMMANDS)!r}:\n"
        '    module = importlib.import_module(f\'glm_core.cli.{name.replace("-", "_")}\')\n'
        "    module.add_arguments(argparse.ArgumentParser()); assert callable(module.run), name\n"
        "print(*(one for one in ('torch', 'numpy', 'rich', 'glm_core.plugins') if one in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
