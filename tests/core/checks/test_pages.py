"""The pages of the codes: one each, complete, and the same in the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from glm_core.checks.finding import Finding, Place, in_order
from glm_core.checks.pages import LEVELS, index, page, pages, write_pages
from glm_core.errors import UsageError
from tests.museum_checks.exhibits import EXHIBITS
from tests.museum_checks.test_behaviour import EXHIBITS as BEHAVIOUR

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "checks"
CODES = {"P": range(101, 110), "D": range(201, 208), "T": range(301, 311), "V": range(401, 408), "M": range(501, 505),
         "B": range(601, 607)}  # fmt: skip


def test_there_is_a_page_for_every_code_and_no_other() -> None:
    assert list(pages()) == [f"{family}{number}" for family, numbers in CODES.items() for number in numbers]


@pytest.mark.parametrize("code", list(pages()))
def test_every_page_says_what_triggers_it_what_it_looks_like_and_what_to_do(code: str) -> None:
    found = page(code)
    assert found.level in LEVELS and found.title and not found.title.endswith(".")
    for text in (found.needs, found.when, found.example, found.mend):
        assert text
    text = found.as_markdown()
    assert text.startswith(f"# {code} · ") and "```text\n" in text
    assert (f"# glm: ignore {code}" in text) == bool(found.silence)


@pytest.mark.parametrize("name", [name for name in EXHIBITS if name in pages() and name != "D206"])
def test_the_example_of_a_page_has_the_words_of_the_real_message(name: str) -> None:
    def shape(text: str) -> list[str]:
        """The words without names, numbers and what stands in quotes."""
        plain = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)", "", text.partition("\n")[0])
        return [one for one in re.findall(r"[a-z]{3,}", plain) if one not in ("train", "dev", "test")]

    real, told = shape(EXHIBITS[name].message), shape(page(name).example)
    assert len(set(told) & set(real)) >= 0.5 * len(set(told)), f"{told} against {real}"


def test_every_task_code_has_an_exhibit() -> None:
    shown = {one.code for one in EXHIBITS.values()} | {one.code for one, _ in BEHAVIOUR.values()}
    assert {code for code in pages() if code[0] in "DTVMB"} - shown == {"T309"}  # which has a file of its own


def test_the_documents_are_made_of_the_pages(tmp_path: Path) -> None:
    written = {one.name: one.read_text(encoding="utf-8") for one in write_pages(tmp_path)}
    found = {one.name: one.read_text(encoding="utf-8") for one in DOCS.glob("*.md")}
    assert found == written, "run: glm check --explain all --write docs/reference/checks"
    assert len(written) == len(pages()) + 1 and index() == written["README.md"]


def test_an_unknown_code_gets_the_nearest_one() -> None:
    assert page("v402").code == "V402"
    with pytest.raises(UsageError, match="there is no check 'V4002'; did you mean 'V402'"):
        page("V4002")


def test_findings_are_told_once_errors_first_by_what_they_are_about() -> None:
    here, there = Place("a.py", 3), Place("a.py", 9)
    found = [
        Finding("D206", "uneven", "emotion/a"),
        Finding("T305", "long", "emotion/b", (here,)),
        Finding("D201", "twice", "emotion/a"),
        Finding("T305", "long", "emotion/b", (here, there)),
        Finding("T305", "long", "emotion/b", (there,), level="error"),
    ]
    told = [(one.about, one.code, one.level, str(one.place)) for one in in_order(found)]
    assert told == [
        ("emotion/a", "D201", "error", "None"),
        ("emotion/a", "D206", "information", "None"),
        ("emotion/b", "T305", "error", "a.py:9"),
        ("emotion/b", "T305", "warning", "a.py:3"),
    ]
    assert str(found[1]) == "T305 a.py:3: long"
