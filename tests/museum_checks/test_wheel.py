"""P107: what is missing from a built wheel; and that a wheel is checked as a stranger will get it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from glm_core.checks.wheel import check_wheel
from glm_core.errors import UsageError
from tests.fake_packs import good
from tests.museum_checks.museum import reads
from tests.museum_checks.test_sound import TOML

WHEEL = "glm_pack_films-0.1-py3-none-any.whl"
TOML_PACK = {
    "glm_pack_films/__init__.py": "from glm_core import toml_pack\npack = toml_pack(__name__)\n",
    "glm_pack_films/pack.toml": TOML,
}


def wheel(
    folder: Path,
    files: Mapping[str, str],
    *,
    entry: str = "films = glm_pack_films:pack",
    requires: str = "glm-core>=1.0,<2",
) -> Path:
    """A wheel with these files, as a build would leave it in `dist`."""
    place = folder / "dist" / WHEEL
    place.parent.mkdir(exist_ok=True)
    info = "glm_pack_films-0.1.dist-info"
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        metadata = f"Metadata-Version: 2.1\nName: glm-pack-films\nVersion: 0.1\nRequires-Dist: {requires}\n"
        archive.writestr(f"{info}/METADATA", metadata)
        if entry:
            archive.writestr(f"{info}/entry_points.txt", f"[glm.packs]\n{entry}\n")
    return place


def found(place: Path) -> list[str]:
    report = check_wheel(place, model=reads())
    assert not report.errors and not report.notes
    assert not [name for name in sys.modules if name.startswith("glm_pack_films")]
    return [str(one) for one in report.findings]


def project(folder: Path, files: Mapping[str, str]) -> None:
    """The sources that the wheel was built from."""
    (folder / "pyproject.toml").write_text("[project]\nname = 'glm-pack-films'\n")
    for name, text in files.items():
        file = folder / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_sound_wheel(tmp_path: Path) -> None:
    project(tmp_path, {**TOML_PACK, "glm_pack_films/__pycache__/x.pyc": "", "glm_pack_films/.hidden": ""})
    assert found(wheel(tmp_path, TOML_PACK)) == []


def test_the_tasks_file_is_missing_whether_the_sources_are_there_or_not(tmp_path: Path) -> None:
    code = {name: text for name, text in TOML_PACK.items() if name.endswith(".py")}
    told = [f"P107 glm_pack_films/pack.toml is not in {WHEEL}"]
    assert found(wheel(tmp_path, code)) == told
    project(tmp_path, TOML_PACK)
    assert found(wheel(tmp_path, code)) == told


def test_data_that_lie_in_the_sources_are_missing(tmp_path: Path) -> None:
    project(tmp_path, {**TOML_PACK, "glm_pack_films/samples/train.jsonl": "{}"})
    assert found(wheel(tmp_path, TOML_PACK)) == [f"P107 glm_pack_films/samples/train.jsonl is not in {WHEEL}"]


def test_a_wheel_without_an_entry_point_is_no_pack(tmp_path: Path) -> None:
    (told,) = found(wheel(tmp_path, TOML_PACK, entry=""))
    assert told.startswith(f"P101 {WHEEL} has no entry point in the group glm.packs")


def test_what_is_wrong_with_the_pack_itself_is_found_in_the_wheel_too(tmp_path: Path) -> None:
    source = good("films").replace("terrible", "poor").replace("great", "fine")
    heavy = {"glm_pack_films/__init__.py": f"import numpy\n{source}"}
    (told,) = found(wheel(tmp_path, heavy, entry="films = glm_pack_films"))
    place = "glm_pack_films/__init__.py:1"
    assert told == f"P103 {place}: importing glm_pack_films loads numpy ({place})"
    (told,) = found(wheel(tmp_path, TOML_PACK, requires="glm-core>=1.0"))
    assert told == "P102 glm-core>=1.0 has no upper bound; write glm-core>=1.0,<2"
    (told,) = found(wheel(tmp_path, TOML_PACK, entry="Films = glm_pack_films:pack"))
    assert told == "P101 'Films' is not a pack name; use 'films'"
    (told,) = found(wheel(tmp_path, {**TOML_PACK, "glm_pack_films/pack.toml": TOML.replace("{text} It", "{text It")}))
    assert told.startswith("T301 glm_pack_films/pack.toml:16: pattern 'it-was', column 1: this brace is never closed")


def test_the_pack_that_is_imported_already_is_out_of_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = type(sys)("glm_pack_films")
    monkeypatch.setitem(sys.modules, "glm_pack_films", other)
    report = check_wheel(wheel(tmp_path, TOML_PACK), model=reads())
    assert not report.findings and sys.modules["glm_pack_films"] is other


def test_a_file_that_is_no_wheel(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_text("no")
    for name, why in (("x.whl", "is no wheel"), ("y.whl", "is no wheel")):
        with pytest.raises(UsageError, match=why):
            check_wheel(tmp_path / name)
