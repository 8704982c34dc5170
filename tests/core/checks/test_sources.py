"""Where things stand in a pack's files, and which lines silence a finding."""

from __future__ import annotations

from pathlib import Path

from glm_core.checks.finding import Finding, Place
from glm_core.checks.run import check_pack
from glm_core.checks.sources import Sources
from glm_core.packs_find import path_packs
from glm_core.packs_load import load_pack
from glm_core.tomlpack import read_tasks
from tests.museum_checks.museum import reads, sound_data, write_data
from tests.museum_checks.test_sound import TOML

PYTHON = '''\
"""# glm: ignore T301"""
from glm_core import PVP, Task
WORDS = {
    "bad": "poor",  # glm: ignore V402, V406 - they are meant
    "good": "fine",
}
one = PVP(
    "it-was",
    "{text} It was [MASK].",  # glm: ignore T308
    WORDS,
)
two = PVP("it-was", "{text} [MASK]", {"bad": "so-so", "good": "fine"})
'''


def finding(code: str, *places: Place) -> Finding:
    return Finding(code, "what", places=places)


def test_a_mark_silences_the_codes_it_names_on_its_line_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "pack.py"
    file.write_text(PYTHON)
    sources = Sources([file])
    at = str(file.resolve())
    assert sources.is_silenced(finding("V402", Place(at, 4)))
    assert sources.is_silenced(finding("V406", Place(at, 4)))
    assert not sources.is_silenced(finding("V403", Place(at, 4)))
    assert not sources.is_silenced(finding("V402", Place(at, 5)))
    assert not sources.is_silenced(finding("V402"))
    assert sources.is_silenced(finding("T308", Place(at, 7, 11)))  # anywhere in the call
    assert sources.is_silenced(finding("T308", Place(at, 1), Place(at, 9)))  # at any of its places
    assert not sources.is_silenced(finding("T301", Place(at, 1)))  # in a string, not in a comment


def test_lines_in_a_toml_pack_are_those_of_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "pack.toml"
    file.write_text(TOML)
    sources = Sources([file])
    (task,) = read_tasks(TOML, "pack.toml")
    pvp = task.pvp("all")
    lines = {
        "task": sources.task(task)[0].line,
        "pattern": sources.pattern(task, pvp)[0].line,
        "word": sources.word(task, pvp, "good", "fine")[0].line,
        "split": sources.split(task, "dev")[0].line,
        "metric": sources.metric(task, "accuracy", None)[0].line,
    }
    rows = TOML.splitlines()
    assert {name: rows[line - 1] for name, line in lines.items() if line} == {
        "task": "[task.reviews]",
        "pattern": 'all = "All in all it was [MASK]: {text}"',
        "word": 'good = "fine"',
        "split": 'dev = { role = "tune", files = ["dev.jsonl"] }',
        "metric": 'metrics = ["accuracy"]',
    }


def checked(folder: Path, text: str) -> tuple[list[str], list[str]]:
    """Findings and silenced ones of a TOML pack."""
    file = folder / "reviews.toml"
    file.write_text(text, encoding="utf-8")
    pack = load_pack(path_packs(str(file))[0])
    report = check_pack(pack, data={"": [write_data(folder / "data", sound_data())]}, model=reads())
    return list(map(str, report.findings)), [one.code for one in report.silenced]


def test_marks_in_toml(tmp_path: Path) -> None:
    uneven = TOML.replace('good = "fine"', 'good = "happiness"')
    line = uneven.splitlines().index('good = "happiness"') + 1
    (told,), silent = checked(tmp_path, uneven)
    assert told.startswith(f"V406 {tmp_path}/reviews.toml:{line}: 'poor' has 1 token, 'happiness' 2") and not silent
    found, silent = checked(tmp_path, uneven.replace('"happiness"', '"happiness"  # glm: ignore V406'))
    assert found == [] and set(silent) == {"V406"}
    # a pattern's mark speaks for the pattern only: the words are those of both
    (told,), silent = checked(tmp_path, uneven.replace('{text}"\n', '{text}"  # glm: ignore V406\n'))
    assert "V406" in told and silent == ["V406"]


def test_what_the_loader_says_of_a_toml_pack_has_its_line_and_code(tmp_path: Path) -> None:
    for old, new, told in (
        ("{text} It was", "{text|strp} It was", "T301 {}:16: pattern 'it-was', column 7: unknown filter 'strp'"),
        ("It was [MASK]", "It was", "T304 {}:16: pattern 'it-was': a cloze pattern needs a blank; write [MASK]"),
        ('bad = "poor"\n', "", "V401 {}:11: label 'bad' has no words in task.reviews.words; write bad = "),
    ):
        (found,), _ = checked(tmp_path, TOML.replace(old, new))
        assert found.startswith(told.format(tmp_path / "reviews.toml"))
