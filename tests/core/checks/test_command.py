"""`glm check`: what it prints, what it gives a program, and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glm_core import plugins
from glm_core.checks.golden import FILE
from glm_core.cli.main import main
from tests.fake_packs import Site, site
from tests.museum_checks.museum import SOUND, rows, sound_data, write_data
from tests.museum_checks.test_wheel import TOML_PACK, wheel

__all__ = ["site"]

Run = Callable[..., tuple[int, str, str]]
# what words are to the bundled vocabulary is not the point here, and neither is a trained model
SOUND = SOUND.replace("MORE = {}", 'MORE = {"recommended": {"length_penalty": 1.0}}')


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, site: Site) -> Run:
    """`glm check …` in a folder with a pack `films.py` and its data."""
    write_data(tmp_path / "data", sound_data())
    (tmp_path / "films.py").write_text(SOUND)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        plugins.reload()
        for name in ("films", "_glm_pack_films"):  # imported by the call before
            sys.modules.pop(name, None)
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_nothing_wrong(run: Run) -> None:
    code, out, err = run("--pack", "films.py", "check", "--data", "data")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if " I V407 " not in line][-1].startswith(
        ("nothing wrong", "1 remark", "2 ")
    )


def test_findings_stand_under_what_they_are_about_with_their_place_and_the_way_to_the_page(run: Run) -> None:
    Path("films.py").write_text(SOUND.replace("{text} It was", "{text}  It was").replace('yield Example(row.get("uid", uid)',
        'yield Example("same"'))  # fmt: skip
    code, out, _ = run("--pack", "films.py", "check", "reviews", "--data", "data")
    lines = out.splitlines()
    assert code == 1
    assert lines[:3] == [
        "films/reviews",
        "  E D201 films.py:9: train: uid 'same' at train.jsonl:1 and :2, and 8 more",
        "  E D201 films.py:10: dev: uid 'same' at dev.jsonl:1 and :2, and 8 more",
    ]
    assert "  W T308 films.py:33: 'it-was': two spaces at column 19 of same (and 29 more)" in lines
    assert "3 errors, 1 warning" in lines[-1] and lines[-1].endswith("glm check --explain D201 tells more")


def test_the_same_as_json(run: Run) -> None:
    Path("films.py").write_text(SOUND.replace("{text} It was", "{text}  It was") + "# glm: ignore T308\n")
    code, out, _ = run("--pack", "films.py", "check", "films", "--data", "data", "--json")
    told = json.loads(out)
    assert code == 0 and set(told) == {"findings", "silenced", "notes", "errors"}
    assert [one for one in told["findings"] if one["code"] != "V407"] == [
        {
            "code": "T308",
            "level": "warning",
            "about": "films/reviews",
            "message": "'it-was': two spaces at column 19 of train-0 (and 29 more)",
            "file": str(Path("films.py").resolve()),
            "line": 33,
        }
    ]


def test_without_data_it_says_what_was_not_checked(run: Run) -> None:
    code, out, _ = run("--pack", "films.py", "check")
    assert code == 0
    note = "note: films/reviews: no data, so D, most of T, M and B were not checked; give --data DIR"
    assert note in out.splitlines()
    code, out, _ = run("--pack", "films.py", "check", "--data", ".")
    assert "note: films/reviews: none of its files is in DataDir(.), so D, most of T, M and B were not checked" in out
    Path("data/test.jsonl").unlink()
    code, out, _ = run("--pack", "films.py", "check", "--data", "data")
    assert "note: films/reviews: not read, because a file is missing: test" in out


def test_data_that_cannot_be_read_are_told_with_their_line_beside_the_other_findings(run: Run) -> None:
    Path("data/dev.jsonl").write_text("{\n")
    Path("films.py").write_text(SOUND.replace("{text} It was", "{text}  It was"))
    code, out, _ = run("--pack", "films.py", "check", "--data", "data")
    assert code == 2 and "W T308" in out
    assert "error: data/dev.jsonl:1: this line is not JSON" in out
    code, out, _ = run("--pack", "films.py", "check", "--data", "nowhere")
    assert code == 2 and "error: --data nowhere: does not exist" in out and "nothing else was found" in out


def test_a_pack_that_does_not_load(run: Run, site: Site) -> None:
    site.install("m", "raise RuntimeError('no licence file')\n")
    code, out, _ = run("check", "m")
    assert code == 3
    assert "error: pack 'm' is broken: import: RuntimeError: no licence file [glm_pack_m.py:1]" in out


def test_names_that_are_none(run: Run) -> None:
    assert run("check") == (
        2,
        "",
        "glm: error: name a pack or a task, as in glm check emotion; or give a folder: glm --pack . check\n",
    )
    code, _, err = run("check", "./films.py")
    assert code == 2 and "is a path; write glm --pack ./films.py check" in err
    code, _, err = run("--pack", "films.py", "check", "reviws")
    assert code == 2 and "no task 'reviws'. Did you mean" in err
    code, _, err = run("check", "demo", "--model", "nothing")
    assert code == 2 and "no model 'nothing'" in err


def test_golden_prompts_are_written_into_the_project(run: Run) -> None:
    Path("pyproject.toml").write_text(
        "[project]\nname = 'glm-pack-films'\nversion = '0.1'\ndependencies = ['glm-core>=1.0,<2']\n"
        "[project.entry-points.'glm.packs']\nfilms = 'films'\n"
    )
    code, out, _ = run("--pack", ".", "check", "--data", "data", "--update-golden")
    assert code == 0 and f"{FILE} written: films/reviews" in out
    Path("films.py").write_text(SOUND.replace("It was", "It is"))
    code, out, _ = run("--pack", ".", "check")
    assert code == 1 and "golden prompts differ (first: it-was/train-0) but revision is still 1" in out


def test_a_wheel(run: Run, tmp_path: Path) -> None:
    place = wheel(tmp_path, {name: text for name, text in TOML_PACK.items() if name.endswith(".py")})
    code, out, _ = run("check", "--wheel", str(place))
    assert code == 1 and f"  E P107 glm_pack_films/pack.toml is not in {place.name}" in out
    code, _, err = run("check", "films", "--wheel", str(place))
    assert code == 2 and "--wheel goes without a name" in err


def test_pages(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("check", "--explain", "v402")
    assert code == 0 and out.startswith("# V402 · Two labels have the same ids\n\n*Error.*")
    code, out, _ = run("check", "--explain", "all")
    assert code == 0 and len(out.splitlines()) == 44
    assert json.loads(run("check", "--explain", "V402", "--json")[1])["code"] == "V402"
    assert len(json.loads(run("check", "--explain", "all", "--json")[1])) == 43
    code, out, _ = run("check", "--explain", "all", "--write", str(tmp_path / "pages"))
    assert code == 0 and (tmp_path / "pages" / "V402.md").is_file()
    assert run("check", "--explain", "V9")[0] == 2
    assert run("check", "--write", "x")[2] == "glm: error: --write goes with --explain all\n"


def test_an_information_is_no_reason_to_fail(run: Run) -> None:
    uneven = [{**one, "label": "good" if n < 2 else "bad"} for n, one in enumerate(rows("train"))]
    write_data(Path("data"), {"train.jsonl": uneven})
    code, out, _ = run("--pack", "films.py", "check", "--data", "data")
    assert code == 0 and "  I D206 films.py:9: train: bad 80 %, good 20 %" in out
