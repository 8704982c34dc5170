"""`glm new-pack`: what it writes, what it refuses, and that all of it is a pack as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glm_core.checks.golden import read_golden, render
from glm_core.cli.main import main
from glm_core.errors import UsageError
from glm_core.examples import Example
from glm_core.pack import Pack, Settings
from glm_core.plugins import list_packs, using
from glm_core.scaffold.fill import TEMPLATES, as_words, fill
from glm_core.scaffold.markdown import as_markdown
from glm_core.scaffold.names import check_name, fields_in, labels_in, word_of
from glm_core.scaffold.samples import sample_rows
from glm_core.scaffold.scaffold import NewPack, write_pack
from glm_core.templates import parse
from tests.fake_packs import Site, good, site

__all__ = ["site"]

ASKED = {
    "toml": NewPack("scaf-emotion", ("text",), ("joy", "anger", "not sure")),
    "python": NewPack("scaf-nli", ("premise", "hypothesis"), ("yes", "no"), "python"),
    "toml, written": NewPack("scaf-heads", ("article", "date")),
    "python, written": NewPack("scaf-short", ("article",), (), "python"),
    "odd names": NewPack("scaf-odd", ("t", "_2"), ('we"ird', "it's", "{a}", "[MASK]", "ä b", "6", "x\\y"), "python"),
    "odd names in toml": NewPack("scaf-odd-2", ("t",), ('we"ird', "it's", "{a}", "[MASK]", "ä b", "6", "x\\y")),
}


def pack_in(folder: Path) -> Pack:
    """The pack of a folder, loaded."""
    with using(Settings(paths=(str(folder),))):
        (found,) = [one for one in list_packs() if one.distribution == str(folder)]
    return found


@pytest.fixture
def written(request: pytest.FixtureRequest, tmp_path: Path, site: Site) -> tuple[NewPack, Path, Pack]:
    """A pack that was just written, loaded from its folder. (`site` forgets its module afterwards.)"""
    asked = ASKED[request.param]
    write_pack(asked, tmp_path / "here")
    return asked, tmp_path / "here", pack_in(tmp_path / "here")


every = pytest.mark.parametrize("written", ASKED, indirect=True)


# ---- what is written


@every
def test_a_new_pack_loads_with_its_task(written) -> None:
    asked, _, pack = written
    assert (pack.status, pack.name, pack.heavy, pack.message) == ("ok", asked.name, (), "")
    (task,) = pack.tasks.values()
    assert (task.name, task.kind, task.revision) == (asked.name, asked.kind, 1)
    assert task.processor.labels == asked.labels
    assert [(one.name, one.role) for one in task.processor.splits] == [
        ("train", "train"),
        ("dev", "tune"),
        ("test", "final"),
    ]


@every
def test_its_samples_are_rows_of_every_label_and_no_text_comes_twice(written) -> None:
    asked, folder, pack = written
    (task,) = pack.tasks.values()
    samples = pack.samples(task.name)
    assert samples == folder / asked.samples
    texts: list[str] = []
    for split in task.processor.splits:
        examples = task.read(task.processor.open(str(samples)), split)
        if asked.labels:
            assert {one.label for one in examples} == set(asked.labels)
        else:
            assert all(one.target for one in examples)
        texts += [" ".join(one.fields.values()) for one in examples]
        for pvp in task.pvps:
            for one in examples:
                task.cloze(one, pvp.name)
    assert len(set(texts)) == len(texts)


@every
def test_its_golden_prompts_are_what_its_patterns_make(written) -> None:
    """Python and TOML say the same: the file was made from the TOML."""
    asked, folder, pack = written
    (task,) = pack.tasks.values()
    known = read_golden(folder / "tests" / "golden_prompts.txt")[f"{asked.name}/{asked.name}"]
    assert len(known.examples) == 3
    assert known == render(known.task, task, known.examples)
    data = task.processor.open(str(folder / asked.samples))
    read = {one.uid: one for one in task.read(data, "train")}
    assert all(read[one.uid] == one for one in known.examples)


@every
def test_its_readme_shows_every_pattern(written) -> None:
    _, folder, pack = written
    (task,) = pack.tasks.values()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    (example, *_) = task.read(task.processor.open(str(pack.samples(task.name))), "train")
    for pvp in task.pvps:
        assert as_markdown(task, task.cloze(example, pvp.name)) in readme


@every
def test_no_file_has_a_place_that_was_not_filled(written) -> None:
    _, folder, _ = written
    for one in folder.rglob("*"):
        if one.is_file():
            assert "%%" not in one.read_text(encoding="utf-8"), one


@pytest.mark.parametrize("style", ["toml", "python"])
def test_a_pack_has_the_files_of_its_style(style, tmp_path: Path) -> None:
    files = write_pack(NewPack("scaf-a", ("text",), ("x", "y"), style), tmp_path / "a")
    own = (
        ["src/glm_pack_scaf_a/pack.toml"]
        if style == "toml"
        else ["src/glm_pack_scaf_a/py.typed", "src/glm_pack_scaf_a/task.py"]
    )
    assert files == sorted(
        [
            *(".github/workflows/publish.yml", ".github/workflows/test.yml", ".gitignore", "LICENSE", "README.md"),
            *("pyproject.toml", "src/glm_pack_scaf_a/__init__.py", *own),
            *(f"src/glm_pack_scaf_a/samples/{split}.jsonl" for split in ("train", "dev", "test")),
            *("tests/golden_prompts.txt", "tests/test_pack.py"),
        ]
    )


def test_what_git_workflows_write_with_dollars_and_braces_stays(tmp_path: Path) -> None:
    write_pack(ASKED["toml"], tmp_path / "a")
    assert "${{ matrix.python }}" in (tmp_path / "a" / ".github" / "workflows" / "test.yml").read_text()


def test_a_value_that_is_missing_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="pack"):
        fill("test_pack.py", {"samples": "x"})
    assert all(one.suffix == ".tmpl" for one in TEMPLATES.iterdir())


@pytest.mark.parametrize("text", ["{a}", "}{", "[MASK]", "[[sMASK]]", "{{[gMASK]}}", "plain"])
def test_any_label_stands_in_a_pattern_as_it_is(text: str) -> None:
    template = parse(as_words(text))
    assert "".join(one.text for one in template.parts(Example("e", {}))) == text  # type: ignore[union-attr]


# ---- what is refused


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Emotion", "'Emotion' is not a pack name; use 'emotion'"),
        ("film_reviews", "'film_reviews' is not a pack name; use 'film-reviews'"),
        ("a--b-", "'a--b-' is not a pack name; use 'a-b'"),
        ("-a", "'-a' is not a pack name; use 'a'"),
        ("a.b", "'a.b' is not a pack name; use 'a-b'"),
        ("情感", "'情感' is not a pack name; use small letters, digits and -, as in 'film-reviews'"),
        ("", "'' is not a pack name; use small letters, digits and -, as in 'film-reviews'"),
        ("glm-pack-emotion", "'glm-pack-emotion' is the name of a distribution; the pack's is 'emotion'"),
        ("glm_pack_Emotion", "'glm_pack_Emotion' is the name of a distribution; the pack's is 'emotion'"),
    ],
)
def test_a_name_that_cannot_be_gets_one_that_can(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "--labels is missing: the labels as the data spell them, as in --labels joy,anger,fear"),
        (" ", "--labels is missing: the labels as the data spell them, as in --labels joy,anger,fear"),
        ("joy", "--labels joy: to choose takes two labels or more"),
        ("joy,,fear", "--labels joy,,fear: there is nothing between two commas; write --labels joy,anger,fear"),
        ("joy,fear,joy", "--labels: 'joy' is there twice"),
        (
            "joy,Joy",
            "--labels: 'joy' and 'Joy' would be the same word to many a vocabulary; rename one of them",
        ),
        (
            "not_sure,not-sure",
            "--labels: 'not_sure' and 'not-sure' would be the same word to many a vocabulary; rename one of them",
        ),
        ("a\tb,c", "--labels: 'a\\tb' holds a character that cannot be printed; spell it otherwise"),
    ],
)
def test_labels_that_cannot_be_chosen_among_are_refused(labels: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        labels_in(labels)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "--fields is empty: the texts of an example, as in --fields text"),
        ("text,label", "--fields: 'label' has a meaning of its own; name what the text is, as in --fields text"),
        ("soft", "--fields: 'soft' has a meaning of its own; name what the text is, as in --fields text"),
        ("first text", "--fields: 'first text' cannot stand in a pattern; use 'first_text'"),
        ("1st", "--fields: '1st' cannot stand in a pattern; use '_1st'"),
        ("标题", "--fields: '标题' cannot stand in a pattern; use 'text'"),
        ("a,a", "--fields: 'a' is there twice"),
    ],
)
def test_fields_that_a_pattern_could_not_name_are_refused(fields: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        fields_in(fields)
    assert str(caught.value) == message


def test_labels_and_fields_may_have_spaces_around_them() -> None:
    assert labels_in(" joy , not sure ") == ("joy", "not sure")
    assert fields_in("premise, hypothesis") == ("premise", "hypothesis")
    assert [word_of(one) for one in ("not_sure", "not-sure", "-", "7")] == ["not sure", "not sure", "-", "7"]


def test_without_labels_a_row_has_a_target() -> None:
    rows = sample_rows(("article", "head_line"), ())
    assert rows["dev"][0] == {
        "article": "This is the fifth article. Your own text goes here.",
        "head_line": "This is the fifth head line. Your own text goes here.",
        "target": "the fifth article",
    }


# ---- the command


def test_the_command_tells_what_it_wrote_and_what_to_do_next(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-pack", "scaf-emotion", "--labels", "joy,anger"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "glm-pack-scaf-emotion: 13 files"
    assert lines[-4:] == [
        "next",
        "  pip install -e './glm-pack-scaf-emotion[test]'",
        "  glm preview scaf-emotion -n 2",
        "  glm check scaf-emotion",
    ]
    assert (tmp_path / "glm-pack-scaf-emotion" / "pyproject.toml").is_file()


def test_as_json_it_is_one_document(tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "mine")
    assert main(["new-pack", "scaf-e", "--kind", "generation", "--fields", "article", "--out", out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["pack"], said["folder"], said["kind"], len(said["files"])) == ("scaf-e", out, "generation", 13)
    assert said["next"][0] == f"pip install -e '{out}[test]'"


def test_nothing_is_overwritten(tmp_path: Path, capsys) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    assert main(["new-pack", "scaf-e", "--labels", "a,b", "--out", str(tmp_path / "mine")]) == 2
    err = capsys.readouterr().err
    assert err == (
        f"glm: error: {tmp_path}/mine: is there already and not empty; say --out with another folder, or remove it\n"
    )
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("")
    assert main(["new-pack", "scaf-e", "--labels", "a,b", "--out", str(tmp_path / "file")]) == 2
    assert "is a file, and a folder is to be written there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            ["films", "--labels", "a,b"],
            "there is a pack 'films' already (glm-pack-other 1.0), and two packs of one name exclude each other; "
            "choose another, as in 'my-films'",
        ),
        (
            ["reviews", "--labels", "a,b"],
            "there is a task 'reviews' already (glm-pack-other 1.0), and a short name that two packs have works for "
            "neither; choose another, as in 'my-reviews'",
        ),
        (
            ["x", "--kind", "generation", "--labels", "a,b"],
            "--labels: what is written has no labels; leave them out, each row has a 'target' instead",
        ),
    ],
)
def test_a_name_that_is_taken_or_labels_that_are_not_wanted(line, message, site: Site, capsys, tmp_path) -> None:
    site.install("films", good("reviews"), distribution="glm-pack-other")
    assert main(["new-pack", *line, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"glm: error: {message}\n"
    assert not (tmp_path / "out").exists()


def test_ones_own_pack_may_be_written_anew(site: Site, tmp_path: Path) -> None:
    site.install("films", good("films"))
    assert main(["new-pack", "films", "--labels", "a,b", "--out", str(tmp_path / "out")]) == 0
