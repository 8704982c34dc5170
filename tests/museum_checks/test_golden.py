"""T309: prompts that changed while the revision did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm_core.checks.golden import FILE, read_golden
from glm_core.checks.run import Report, check_pack
from glm_core.errors import DataError
from glm_core.packs_find import path_packs
from glm_core.packs_load import load_pack
from tests.museum_checks.museum import SOUND, forgotten, reads, sound_data, write_data


def checked(project: Path, source: str, *, update: bool = False, data: bool = False) -> Report:
    """A project with a pack of this source; `films` is its name."""
    module = project / "glm_pack_films.py"
    module.write_text(source)
    (project / "pyproject.toml").write_text(
        "[project]\nname = 'glm-pack-films'\nversion = '0.1'\ndependencies = ['glm-core>=1.0,<2']\n"
        "[project.entry-points.'glm.packs']\nfilms = 'glm_pack_films'\n"
    )
    folders = [write_data(project / "data", sound_data())] if data else []
    with forgotten(module):
        pack = load_pack(path_packs(str(project))[0])
        return check_pack(pack, tasks=["reviews"], data={"": folders}, model=reads(), update=update)


def test_what_was_written_is_what_is_found(tmp_path: Path) -> None:
    written = checked(tmp_path, SOUND, update=True, data=True)
    assert written.notes == (f"{tmp_path / FILE} written: films/reviews",)
    for data in (False, True):
        assert checked(tmp_path, SOUND, data=data).codes == ()
    golden = read_golden(tmp_path / FILE)["films/reviews"]
    assert golden.revision == 1 and [one.uid for one in golden.examples] == ["train-0", "train-3", "train-6"]
    text = (tmp_path / FILE).read_text()
    assert 'prompt it-was\n    | the film train the It was[MASK].\n    > bad: " poor"\n    > good: " fine"\n' in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("It was [MASK]", "It is [MASK]", "golden prompts differ (first: it-was/train-0) but revision is still 1"),
        ('"fine"', '"great"', "golden prompts differ (first: it-was/train-0) but revision is still 1"),
        ('"it-was"', '"it-is"', "golden prompts differ (pattern 'it-was' is gone) but revision is still 1"),
        (
            'Split("dev", "tune"',
            'Split("dev", "final"',
            "golden prompts differ ('splits train=train dev=tune test=final' is now 'splits train=train dev=final "
            "test=final') but revision is still 1",
        ),
    ],
)
def test_t309_a_change_without_a_revision(old: str, new: str, message: str, tmp_path: Path) -> None:
    checked(tmp_path, SOUND, update=True, data=True)
    report = checked(tmp_path, SOUND.replace(old, new))
    assert [(one.code, one.message) for one in report.findings] == [("T309", message)]
    silenced = checked(tmp_path, SOUND.replace(old, new).replace('"reviews",', '"reviews",  # glm: ignore T309'))
    assert silenced.codes == () and len(silenced.silenced) == 1


def test_t309_a_raised_revision_asks_for_the_file_and_then_all_is_well(tmp_path: Path) -> None:
    checked(tmp_path, SOUND, update=True, data=True)
    newer = SOUND.replace("It was [MASK]", "It is [MASK]").replace("MORE = {}", 'MORE = {"revision": 2}')
    (told,) = checked(tmp_path, newer).findings
    assert (told.code, told.level) == ("T309", "warning")
    assert told.message == "golden prompts are of revision 1, the task is 2; run --update-golden"
    assert checked(tmp_path, newer, update=True).codes == ()  # with the examples that are in the file
    assert "It is[MASK]." in (tmp_path / FILE).read_text()
    (told,) = checked(tmp_path, SOUND).findings
    assert told.message == "golden prompts are of revision 2, the task is 1 again"


def test_a_pattern_may_be_added_without_a_word(tmp_path: Path) -> None:
    checked(tmp_path, SOUND, update=True, data=True)
    more = SOUND.replace('PVP("all"', 'PVP("so", "{text} So [MASK].", WORDS),\n            PVP("all"')
    assert checked(tmp_path, more).codes == ()


def test_without_examples_nothing_is_written(tmp_path: Path) -> None:
    report = checked(tmp_path, SOUND, update=True)
    assert f"{tmp_path / FILE} not written: there are no examples; give --data DIR" in report.notes
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("text", "line"), [("what is this\n", 1), ("task a revision one\n", 1), ("task a revision 1\nexample {\n", 2)]
)
def test_a_file_that_is_something_else_is_named_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "golden.txt").write_text(text)
    with pytest.raises(DataError, match=rf"golden\.txt:{line}: not a file of golden prompts"):
        read_golden(tmp_path / "golden.txt")
