"""Packs in TOML go the loader's way: installed or given by a path, read when they are collected, broken with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

import glm_core
from glm_core import plugins, toml_pack
from glm_core.cli.main import main
from glm_core.errors import PackError, UsageError
from glm_core.pack import Settings, is_path, task_in_file
from glm_core.runs.manifest import about_pack
from tests.fake_packs import Site, site, the_pack

__all__ = ["site"]

MOOD = """\
[task.mood]
labels = ["good", "bad"]
metrics = ["accuracy"]
fields = { text = "text", label = "label" }
splits.train = { role = "train", files = ["train.jsonl"] }
splits.dev = { role = "tune", files = ["dev.jsonl"] }
words = { good = "great", bad = "terrible" }
patterns = { it-was = "{text} It was [MASK]." }
"""
TWO = MOOD + MOOD.replace("task.mood", "task.tone")
ONE_LINE = "from glm_core import toml_pack\npack = toml_pack(__name__)\n"


def install(site: Site, toml: str | None = MOOD, *, entry: str = "glm_pack_mood:pack") -> Path:
    """A package of one line with its pack.toml, as an installer leaves it; the package's folder."""
    folder = site.folder / "glm_pack_mood"
    folder.mkdir()
    (folder / "__init__.py").write_text(ONE_LINE)
    if toml is not None:
        (folder / "pack.toml").write_text(toml)
    site.announce("glm-pack-mood", {"mood": entry})
    plugins.reload()
    return folder


# ---- installed


def test_a_package_of_one_line_offers_the_tasks_of_its_file(site: Site) -> None:
    folder = install(site, TWO)
    assert plugins.get_task("mood/tone").processor.labels == ("good", "bad")
    pack = the_pack("mood")
    assert (pack.status, pack.offers, pack.folder, pack.heavy) == ("ok", "2 tasks", folder, ())


def test_the_manifest_of_a_pack_changes_with_its_file(site: Site) -> None:
    folder = install(site)
    before = about_pack(the_pack("mood"))["files"]
    (folder / "pack.toml").write_text(MOOD.replace("It was", "It is"))
    assert about_pack(the_pack("mood"))["files"] != before


def test_a_mistake_in_the_file_breaks_the_pack_and_no_other(site: Site) -> None:
    install(site, MOOD.replace("accuracy", "acuracy"))
    pack = the_pack("mood")
    said = "glm_pack_mood/pack.toml:3: unknown metric 'acuracy'; did you mean 'accuracy'?"
    assert (pack.status, pack.message, pack.reason) == ("broken", f"collect: {said}", said)
    with pytest.raises(UsageError, match=r"Not loaded: mood \(broken: glm_pack_mood/pack\.toml:3: unknown metric"):
        plugins.get_task("moot")
    assert plugins.get_task("superglue/rte").name == "rte"


def test_a_pattern_that_does_not_parse_keeps_its_caret(site: Site) -> None:
    install(site, MOOD.replace("{text}", "{text|strp}"))
    assert the_pack("mood").message == (
        "collect: glm_pack_mood/pack.toml:8: pattern 'it-was', column 7: unknown filter 'strp'; did you mean 'strip'?\n"
        "    {text|strp} It was [MASK].\n"
        "          ^^^^"
    )
    assert "\n" not in the_pack("mood").reason


def test_a_file_that_was_left_out_of_the_wheel_is_told(site: Site) -> None:
    install(site, None)
    assert the_pack("mood").message == (
        "collect: glm_pack_mood/pack.toml: is not there; put it beside the module, and into the wheel: "
        '[tool.setuptools.package-data] glm_pack_mood = ["*.toml"]'
    )


def test_an_entry_point_that_forgets_the_object_is_told(site: Site) -> None:
    install(site, entry="glm_pack_mood")
    assert the_pack("mood").message == (
        "hooks: glm_pack_mood has no glm_* hook; its 'pack' has: write glm_pack_mood:pack for the entry point"
    )


def test_the_file_is_read_when_the_pack_is_collected_and_not_before(site: Site) -> None:
    folder = install(site, "this is not TOML")
    import glm_pack_mood  # type: ignore[import-not-found]

    (folder / "pack.toml").write_text(MOOD)
    assert [task.name for task in glm_pack_mood.pack.glm_tasks()] == ["mood"]
    with plugins.isolated_packs(glm_pack_mood.pack) as packs:
        assert list(packs.offers("tasks")) == ["mood/mood"]


def test_a_single_module_may_have_its_file_beside_it(site: Site) -> None:
    site.install("mood", ONE_LINE, entries={"mood": "glm_pack_mood:pack"})
    (site.folder / "pack.toml").write_text(MOOD)
    plugins.reload()
    assert plugins.get_task("mood").name == "mood"


def test_toml_pack_wants_the_name_of_its_module() -> None:
    with pytest.raises(
        glm_core.DataError, match=r"toml_pack\('no_such'\) wants the name .* write toml_pack\(__name__\)"
    ):
        toml_pack("no_such").glm_tasks()


def test_data_in_the_package_come_with_it(site: Site) -> None:
    folder = install(site)
    (folder / "train.jsonl").write_text('{"text": "fine", "label": "good"}\n')
    task = plugins.get_task("mood")
    assert [one["text"] for one in task.read(task.processor.open(), "train")] == ["fine"]


# ---- given by a path


def test_a_file_is_a_pack_by_itself(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "My-mood_2.toml"
    file.write_text(MOOD)
    plugins.reload(Settings(paths=(str(file),)))
    assert plugins.get_task("my-mood-2/mood").name == "mood"
    pack = the_pack("my-mood-2")
    assert (pack.source, pack.label, pack.files, pack.folder) == ("path", str(file), (file,), None)
    assert about_pack(pack)["files"]


def test_a_folder_with_nothing_but_a_pack_toml_is_a_pack_named_after_it(site: Site, tmp_path: Path) -> None:
    (tmp_path / "glm-pack-mood").mkdir()
    (tmp_path / "glm-pack-mood" / "pack.toml").write_text(MOOD.replace("accuracy", "acuracy"))
    plugins.reload(Settings(paths=(f"{tmp_path}/glm-pack-mood/",)))
    said = f"collect: {tmp_path}/glm-pack-mood/pack.toml:3: unknown metric"
    assert the_pack("mood").message.startswith(said)
    (tmp_path / "glm-pack-mood" / "pack.toml").write_text(MOOD)
    plugins.reload(Settings(paths=(f"{tmp_path}/glm-pack-mood/pack.toml",)))
    assert plugins.get_task("mood/mood").name == "mood"


def test_a_project_with_an_entry_point_is_a_pack_by_its_folder(site: Site, tmp_path: Path) -> None:
    source = tmp_path / "glm-pack-mood" / "src" / "glm_pack_mood"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(ONE_LINE)
    (source / "pack.toml").write_text(MOOD)
    (tmp_path / "glm-pack-mood" / "pyproject.toml").write_text(
        '[project]\nname = "glm-pack-mood"\n[project.entry-points."glm.packs"]\nmood = "glm_pack_mood:pack"\n'
    )
    plugins.reload(Settings(paths=(str(tmp_path / "glm-pack-mood"),)))
    assert plugins.get_task("mood/mood").name == "mood"
    assert the_pack("mood").folder == source


def test_a_path_names_the_only_task_of_a_file_or_one_of_several(site: Site, tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(MOOD)
    two.write_text(TWO)
    task = plugins.get_task(str(one))
    assert plugins.get_task(f"{one}:mood") is task
    offer = plugins.find_offer(task)
    assert offer is not None and offer.name == "one/mood"
    assert plugins.find_task(f"{two}:tone").name == "two/tone"
    with pytest.raises(UsageError) as caught:
        plugins.get_task(str(two))
    assert str(caught.value) == f"{two} offers 2 tasks (two/mood, two/tone); name one: {two}:mood"
    with pytest.raises(UsageError) as caught:
        plugins.get_task(f"{two}:tome")
    assert str(caught.value) == f"{two} has no task 'tome' (it has mood, tone); did you mean 'tone'?"


def test_a_mistake_in_a_file_that_is_named_is_the_whole_message(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "mood.toml"
    file.write_text(MOOD.replace("{text}", "{text"))
    with pytest.raises(PackError) as caught:
        plugins.get_task(str(file))
    assert str(caught.value) == (
        f"{file}:8: pattern 'it-was', column 1: this brace is never closed; write {{{{ for a brace itself\n"
        "    {text It was [MASK].\n"
        "    ^"
    )


def test_the_command_line_takes_files(site: Site, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mood.toml").write_text(MOOD)
    Path("bad.toml").write_text(MOOD.replace("labels", "lables"))
    Path("train.jsonl").write_text('{"text": "fine", "label": "goood"}\n')
    assert main(["tasks", "mood.toml"]) == 0
    assert "great" in capsys.readouterr().out
    assert main(["--pack", "mood.toml", "tasks", "mood"]) == 0
    assert "mood/mood" in capsys.readouterr().out
    assert main(["--pack", "mood.toml", "packs", "info", "mood"]) == 0
    assert "  from mood.toml (path)\n" in capsys.readouterr().out
    assert main(["tasks", "./bad.toml"]) == 3
    said = "glm: error: ./bad.toml:2: unknown key 'lables' in task.mood; did you mean 'labels'?\n"
    assert capsys.readouterr().err == said
    assert main(["--pack", "./bad.toml", "--strict", "tasks"]) == 3
    assert "pack bad is broken: collect: ./bad.toml:2: unknown key 'lables'" in capsys.readouterr().err
    assert main(["finetune", "./mood.toml", "--model", "./none", "--out", "run"]) == 2
    assert "train.jsonl:1: unknown label 'goood' (there are good, bad); did you mean 'good'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "path", "task"),
    [
        ("mine.toml", "mine.toml", None),
        ("./a.b/mine.toml:x.y-z", "./a.b/mine.toml", "x.y-z"),
        ("mine.toml:", "mine.toml", ""),
        ("C:\\mine.toml", "C:\\mine.toml", None),
        ("C:\\mine.toml:a", "C:\\mine.toml", "a"),
    ],
)
def test_a_path_may_name_a_task_of_its_file(name: str, path: str, task: str | None) -> None:
    assert task_in_file(name) == (path, task)
    assert is_path(name)


@pytest.mark.parametrize("name", ["mine", "toml", "a/b", "a:b", "mine.tom:l"])
def test_everything_else_is_a_name(name: str) -> None:
    assert not is_path(name)
