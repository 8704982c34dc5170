"""The loader on sound packs: what is found under which name, what the user's word changes, and what hooks are told."""

from __future__ import annotations

import json
import logging
import sys
import types

import pytest

from glm_core import hookimpl, plugins
from glm_core.errors import PackError, UsageError
from glm_core.pack import Settings, is_path
from glm_core.packs_doctor import examine
from tests.fake_packs import TASK, Site, good, site, the_pack

__all__ = ["site"]

RECORD = """
from glm_core import hookimpl
seen = []
@hookimpl
def glm_record(row):
    seen.append(row)
"""


def _with(**options) -> None:
    plugins.reload(Settings(**options))


# ---- names


def test_a_task_has_a_full_name_and_a_short_one(site: Site) -> None:
    site.install("news", good("headlines"))
    plugins.reload()
    assert plugins.get_task("news/headlines") is plugins.get_task("headlines")
    offer = plugins.find_task("headlines")
    assert (offer.name, offer.pack.name, offer.pack.label) == ("news/headlines", "news", "glm-pack-news 1.0")
    found = plugins.find_offer(offer.value)
    assert found is not None and found.name == "news/headlines"


def test_a_short_name_in_two_packs_asks_for_the_full_one(site: Site) -> None:
    site.install("agnews", good("agnews"))
    site.install("news", good("agnews"), version="0.3")
    plugins.reload()
    with pytest.raises(PackError) as caught:
        plugins.get_task("agnews")
    assert str(caught.value) == (
        "'agnews' is in 2 packs: agnews/agnews (glm-pack-agnews 1.0), news/agnews (glm-pack-news 0.3); use the full name"
    )
    assert plugins.get_task("news/agnews") is not plugins.get_task("agnews/agnews")


def test_a_built_in_task_has_no_precedence(site: Site) -> None:
    site.install("mine", good("rte"))
    plugins.reload()
    with pytest.raises(PackError, match=r"'rte' is in 2 packs: superglue/rte .*, mine/rte"):
        plugins.get_task("rte")


def test_an_unknown_task_gets_the_nearest_name_and_the_packs_that_did_not_load(site: Site) -> None:
    site.install("agnews", good("agnews"))
    site.install("boom", "raise RuntimeError('no licence file')\n")
    plugins.reload()
    with pytest.raises(UsageError) as caught:
        plugins.get_task("agnwes")
    assert str(caught.value) == "no task 'agnwes'. Did you mean agnews? Not loaded: boom (broken: no licence file)"
    with pytest.raises(UsageError, match="Did you mean agnews"):
        plugins.get_task("AGNews")


def test_a_task_of_a_pack_that_did_not_load_says_why(site: Site) -> None:
    site.install("boom", "raise RuntimeError('no licence file')\n")
    plugins.reload()
    with pytest.raises(PackError, match=r"boom/x: pack 'boom' is broken: import: RuntimeError: no licence file \["):
        plugins.get_task("boom/x")


def test_a_folder_never_changes_what_a_name_means(site: Site, tmp_path, monkeypatch) -> None:
    (tmp_path / "here" / "reviews").mkdir(parents=True)
    (tmp_path / "here" / "qqqq").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    site.install("r", good("reviews"))
    plugins.reload()
    assert plugins.get_task("reviews").name == "reviews"
    with pytest.raises(UsageError, match=r"no task 'qqqq'\. A folder of this name is here: write \./qqqq"):
        plugins.get_task("qqqq")


@pytest.mark.parametrize("text", ["./a", "../a", ".", "/a/b", "~/a", "qqqq.toml", "a.py"])
def test_what_begins_like_a_path_or_ends_like_code_is_one(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize("text", ["rte", "superglue/rte", "wikitext-103", "a.b", "owner/name", "tiny"])
def test_everything_else_is_a_name(text: str) -> None:
    assert not is_path(text)


# ---- the user's word


def test_a_disabled_pack_is_never_imported_and_stays_visible(site: Site, monkeypatch) -> None:
    site.install("boom", "raise AssertionError('imported')\n")
    monkeypatch.setenv("GLM_DISABLE_PACKS", "boom, other")
    plugins.reload()
    assert (the_pack("boom").status, the_pack("boom").message) == ("disabled", "disabled by GLM_DISABLE_PACKS")
    with pytest.raises(UsageError, match=r"Not loaded: boom \(disabled by GLM_DISABLE_PACKS\)"):
        plugins.get_task("nothing-like-it")


def test_glm_packs_leaves_only_those_and_the_built_in_ones(site: Site, monkeypatch) -> None:
    site.install("a", good("a"))
    site.install("b", good("b"))
    monkeypatch.setenv("GLM_PACKS", "a")
    plugins.reload()
    assert the_pack("a").status == "ok"
    assert (the_pack("b").status, the_pack("b").message) == ("disabled", "not named in GLM_PACKS")
    assert the_pack("superglue").status == "ok"
    monkeypatch.setenv("GLM_PACKS", "")
    plugins.reload()
    assert the_pack("a").status == "disabled"


def test_a_name_in_glm_packs_that_nobody_offers_is_an_error_and_is_tried_again(site: Site, monkeypatch) -> None:
    site.install("emotion", good("emotion"))
    monkeypatch.setenv("GLM_PACKS", "emotoin")
    plugins.reload()
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            plugins.list_tasks()
        assert str(caught.value) == "GLM_PACKS names 'emotoin', which is not installed; did you mean 'emotion'?"
        assert caught.value.exit_code == 2
    monkeypatch.setenv("GLM_PACKS", "emotion")
    assert "emotion/emotion" in plugins.list_tasks()


def test_no_packs_leaves_the_built_in_ones_and_those_given_by_path(site: Site, tmp_path) -> None:
    site.install("a", good("a"))
    (tmp_path / "glm_pack_mine.py").write_text(good("mine"))
    _with(no_packs=True, paths=(str(tmp_path / "glm_pack_mine.py"),))
    assert the_pack("a").message == "disabled by --no-packs"
    assert the_pack("superglue").status == the_pack("mine").status == "ok"


def test_a_built_in_pack_goes_when_it_is_named(site: Site, monkeypatch) -> None:
    monkeypatch.setenv("GLM_DISABLE_PACKS", "superglue")
    plugins.reload()
    assert the_pack("superglue").status == "disabled"
    assert not any(name.startswith("superglue/") for name in plugins.list_tasks())


def test_strict_ends_with_a_pack_error_that_names_what_is_wrong(site: Site, monkeypatch) -> None:
    site.install("boom", "raise RuntimeError('no licence file')\n")
    monkeypatch.setenv("GLM_STRICT", "1")
    plugins.reload()
    with pytest.raises(PackError, match=r"pack boom is broken: import: RuntimeError: no licence file .* \(--strict\)"):
        plugins.get_task("rte")
    assert the_pack("boom").status == "broken"
    monkeypatch.setenv("GLM_DISABLE_PACKS", "boom")
    plugins.reload()
    assert plugins.get_task("superglue/rte").name == "rte"


def test_hook_calls_are_told_on_standard_error(site: Site, monkeypatch, capsys) -> None:
    site.install("a", good("a"))
    monkeypatch.setenv("GLM_TRACE_HOOKS", "1")
    plugins.reload()
    plugins.list_tasks()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("glm: a.glm_tasks() ")]
    assert len(lines) == 1 and lines[0].endswith(" ms")


def test_other_settings_hold_only_inside_their_block(site: Site) -> None:
    site.install("a", good("a"))
    plugins.reload()
    task = plugins.get_task("a/a")
    with plugins.using(Settings(no_packs=True)):
        assert the_pack("a").status == "disabled"
    assert plugins.get_task("a/a") is task


# ---- packs by path


def test_a_file_and_a_package_and_a_project_are_packs_by_path(site: Site, tmp_path) -> None:
    (tmp_path / "glm_pack_one.py").write_text(good("one"))
    (tmp_path / "glm_pack_two").mkdir()
    (tmp_path / "glm_pack_two" / "__init__.py").write_text("from .inner import *\nfrom .inner import glm_tasks\n")
    (tmp_path / "glm_pack_two" / "inner.py").write_text(good("two"))
    project = tmp_path / "three"
    (project / "src" / "glm_pack_three").mkdir(parents=True)
    (project / "src" / "glm_pack_three" / "__init__.py").write_text(good("three"))
    (project / "pyproject.toml").write_text(
        '[project]\nname = "glm-pack-three"\nversion = "0.1"\ndependencies = ["glm-core>=1.0,<2"]\n'
        '[project.entry-points."glm.packs"]\nthird = "glm_pack_three"\n'
    )
    paths = tuple(str(tmp_path / name) for name in ("glm_pack_one.py", "glm_pack_two", "three"))
    path = list(sys.path)
    _with(paths=paths)
    assert {"one/one", "two/two", "third/three"} <= set(plugins.list_tasks())
    third = the_pack("third")
    assert (third.source, third.distribution, third.version) == ("path", paths[2], "0.1")
    assert third.files == (project / "src" / "glm_pack_three",)
    assert sys.path == path


def test_a_project_may_say_its_entry_points_in_setup_cfg(site: Site, tmp_path) -> None:
    (tmp_path / "glm_pack_old.py").write_text(good("old"))
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = glm-pack-old\nversion = 0.2\n[options]\ninstall_requires =\n    glm-core<1\n"
        "[options.entry_points]\nglm.packs =\n    old = glm_pack_old\n"
    )
    _with(paths=(str(tmp_path),))
    assert the_pack("old").status == "incompatible"
    assert the_pack("old").message == f"{tmp_path} needs glm-core<1, found 1.0.0"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone", None, "does not exist"),
        ("mine.txt", "", r"is neither a folder nor a \.py"),
        ("empty/readme", "", "holds no pack; wants a pyproject.toml with entry points in the group glm.packs"),
        ("torn/pyproject.toml", "[glm.packs", "pyproject.toml: "),
        ("3rd-pack.py", "", "'3rd-pack' cannot name a pack"),
    ],
)
def test_a_path_without_a_pack_is_a_usage_error(name, content, message, site: Site, tmp_path) -> None:
    place = tmp_path / name
    if content is not None:
        place.parent.mkdir(exist_ok=True)
        place.write_text(content)
    given = place.parent if "/" in name else place
    _with(paths=(str(given),))
    with pytest.raises(UsageError, match=message):
        plugins.list_tasks()


def test_a_broken_pack_by_path_names_its_place(site: Site, tmp_path) -> None:
    (tmp_path / "glm_pack_bad.py").write_text("x = 1\nraise RuntimeError('no')\n")
    _with(paths=(str(tmp_path / "glm_pack_bad.py"),))
    assert the_pack("bad").message == "import: RuntimeError: no [glm_pack_bad.py:2]"


def test_a_path_and_an_installed_pack_of_one_name_clash_where_they_are_looked_up(site: Site, tmp_path) -> None:
    site.install("emotion", good("emotion"), version="0.1")
    place = tmp_path / "emotion.py"
    place.write_text(good("emotion"))
    _with(paths=(str(place),))
    for name in ("emotion", "emotion/emotion"):
        with pytest.raises(PackError) as caught:
            plugins.get_task(name)
        assert str(caught.value) == (
            f"emotion/emotion is offered by {place} and glm-pack-emotion 0.1; uninstall, disable, or say --override"
        )
    assert plugins.get_task("superglue/rte").name == "rte"


def test_override_lets_the_path_win_and_is_remembered(site: Site, tmp_path) -> None:
    site.install("emotion", good("installed"), version="0.1")
    place = tmp_path / "emotion.py"
    place.write_text(good("given"))
    _with(paths=(str(place),), override=True)
    assert plugins.get_task("emotion/given").name == "given"
    installed, given = sorted((p for p in plugins.list_packs() if p.name == "emotion"), key=lambda p: p.source)
    assert (installed.status, installed.message) == ("disabled", f"replaced by --pack {place} (--override)")
    assert given.replaces == "glm-pack-emotion 0.1"


def test_disabling_the_installed_pack_leaves_the_one_given_by_path(site: Site, tmp_path) -> None:
    site.install("emotion", good("installed"))
    place = tmp_path / "emotion.py"
    place.write_text(good("given"))
    _with(paths=(str(place),), disabled={"emotion": "disabled by GLM_DISABLE_PACKS"})
    assert plugins.get_task("given").name == "given"


def test_an_editable_install_and_its_own_folder_are_one_pack(site: Site, tmp_path) -> None:
    project = tmp_path / "emotion"
    project.mkdir()
    (project / "glm_pack_emotion.py").write_text(good("emotion"))
    (project / "pyproject.toml").write_text('[project.entry-points."glm.packs"]\nemotion = "glm_pack_emotion"\n')
    url = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    site.announce("glm-pack-emotion", {"emotion": "glm_pack_emotion"}, direct_url=url)
    _with(paths=(str(project),))
    assert plugins.get_task("emotion").name == "emotion"
    found = {pack.source: pack.status for pack in plugins.list_packs() if pack.name == "emotion"}
    assert found == {"path": "ok", "editable": "disabled"}


def test_two_paths_of_one_name_are_a_usage_error(site: Site, tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(good("mine"))
    _with(paths=(str(tmp_path / "a" / "mine.py"), str(tmp_path / "b" / "mine.py")))
    with pytest.raises(UsageError, match="both offer a pack 'mine'"):
        plugins.list_tasks()


def test_a_path_names_the_only_task_of_its_pack(site: Site, tmp_path) -> None:
    (tmp_path / "one.py").write_text(good("one"))
    (tmp_path / "two.py").write_text(good("one") + "    yield task('other')\n")
    (tmp_path / "bad.py").write_text("raise RuntimeError('no')\n")
    task = plugins.get_task(str(tmp_path / "one.py"))
    assert task.name == "one" and plugins.get_task(str(tmp_path / "one.py")) is task
    offer = plugins.find_offer(task)
    assert offer is not None and offer.name == "one/one"
    with pytest.raises(UsageError, match=r"offers 2 tasks \(two/one, two/other\); say --pack .* and name one"):
        plugins.get_task(str(tmp_path / "two.py"))
    with pytest.raises(PackError, match="pack 'bad' is broken: import: RuntimeError: no"):
        plugins.get_task(str(tmp_path / "bad.py"))


# ---- loading


def test_an_entry_point_may_name_an_object_whose_methods_are_the_hooks(site: Site) -> None:
    source = TASK + (
        "\n\nclass Pack:\n    @hookimpl\n    def glm_tasks(self):\n        return [task('mine')]\n\n\npack = Pack()\n"
    )
    site.install("mine", source, entries={"mine": "glm_pack_mine:pack"})
    plugins.reload()
    assert plugins.get_task("mine/mine").name == "mine"


def test_one_distribution_may_bring_several_packs(site: Site) -> None:
    site.install("a", good("a"), distribution="glm-pack-both", entries={"a": "glm_pack_both", "b": "glm_pack_both"})
    plugins.reload()
    assert {"a/a", "b/a"} <= set(plugins.list_tasks())


def test_what_a_pack_prints_while_it_loads_does_not_reach_standard_output(site: Site, capsys) -> None:
    site.install("loud", "print('hello')\n" + good("loud") + "    print('there')\n")
    plugins.reload()
    assert the_pack("loud").status == "ok"
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == "hello\nthere\n"


def test_a_pack_that_is_mended_loads_after_reload(site: Site) -> None:
    file = site.install("mine", "import glm_pack_mine_parts\nraise RuntimeError('no')\n")
    (site.folder / "glm_pack_mine_parts.py").write_text("x = 1\n")
    plugins.reload()
    assert the_pack("mine").status == "broken"
    file.write_text(good("mine") + "# longer, so that no cached bytecode fits\n")
    assert the_pack("mine").status == "broken"
    plugins.reload()
    assert the_pack("mine").status == "ok"


def test_an_interrupt_while_packs_load_is_an_interrupt(site: Site) -> None:
    site.install("mine", "raise KeyboardInterrupt\n")
    plugins.reload()
    with pytest.raises(KeyboardInterrupt):
        plugins.list_packs()


def test_a_heavy_import_is_named_with_its_time(site: Site, monkeypatch) -> None:
    (site.folder / "pandas.py").write_text("")
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    site.install("heavy", "import pandas\n" + good("heavy"))
    plugins.reload()
    assert (the_pack("heavy").status, the_pack("heavy").heavy) == ("ok", ("pandas",))
    (finding,) = [one for one in examine(plugins.list_packs()) if one.pack == "heavy"]
    assert finding.level == "warning" and "brings in pandas" in finding.message


def test_modules_whose_name_begins_with_glm_are_no_hooks(site: Site) -> None:
    site.install("mine", "import glm_core\nimport glm_tasks\nglm_version = '1'\n" + RECORD)
    plugins.reload()
    assert the_pack("mine").status == "ok"


# ---- the record hook


def test_every_pack_sees_a_row_of_its_own(site: Site) -> None:
    file = site.install("first", RECORD.replace("seen.append(row)", "seen.append(row); row['step'] = 'changed'"))
    site.install("second", RECORD)
    plugins.reload()
    row = {"step": 1}
    plugins.record_hooks(row)
    assert row == {"step": 1}
    assert sys.modules["glm_pack_second"].seen == [{"step": 1}]
    assert file.stem in sys.modules


def test_a_record_hook_that_fails_is_one_warning_per_run_and_the_others_still_see_the_row(site: Site, caplog) -> None:
    site.install("first", RECORD.replace("seen.append(row)", "1 / 0"))
    site.install("second", RECORD)
    site.install("third", RECORD.replace("seen.append(row)", "raise SystemExit(2)"))
    plugins.reload()
    with caplog.at_level(logging.WARNING):
        for step in range(3):
            plugins.record_hooks({"step": step}, run="one")
        plugins.record_hooks({"step": 0}, run="two")
    lines = [record.getMessage() for record in caplog.records]
    zero = "pack first: glm_record failed: ZeroDivisionError: division by zero [glm_pack_first.py:6]"
    assert lines.count(zero) == 2 and len(lines) == 4
    assert len(sys.modules["glm_pack_second"].seen) == 4


def test_a_run_goes_on_where_packs_cannot_be_read_at_all(site: Site, monkeypatch, caplog) -> None:
    monkeypatch.setenv("GLM_PACKS", "nobody")
    plugins.reload()
    for step in range(2):
        plugins.record_hooks({"step": step})
    (record,) = caplog.records
    assert record.getMessage().startswith("no pack sees the log: GLM_PACKS names 'nobody'")


# ---- for tests of packs


def test_isolated_packs_sees_only_what_it_was_given_and_restores_the_rest(site: Site) -> None:
    module = types.ModuleType("glm_pack_alone")
    exec(compile(good("alone"), "alone.py", "exec"), module.__dict__)
    before = list(plugins.list_tasks())
    with plugins.isolated_packs(module) as packs:
        assert list(plugins.list_tasks()) == ["alone/alone"]
        assert packs.packs[0].source == "test"
    assert list(plugins.list_tasks()) == before
    with plugins.isolated_packs(other_name=module):
        assert list(plugins.list_tasks()) == ["other-name/alone"]


def test_isolated_packs_does_not_hide_a_broken_plugin() -> None:
    class Broken:
        def glm_tasks(self):
            return []

    with pytest.raises(PackError, match="pack 'broken' is broken: hooks: glm_tasks\\(\\) lacks the @hookimpl mark"):
        plugins.isolated_packs(Broken()).__enter__()


def test_a_backbone_may_be_offered_by_a_plain_object() -> None:
    class Fake:
        @hookimpl
        def glm_backbones(self):
            return {"fake": "glm_pack_fake:Fake"}

    with plugins.isolated_packs(Fake()):
        assert plugins.find_backbone("fake").value == "glm_pack_fake:Fake"
        assert plugins.list_tasks() == {}


# ---- the doctor


def test_the_doctor_names_stale_metadata_missing_bounds_and_duplicates(site: Site, tmp_path, monkeypatch) -> None:
    project = tmp_path / "stale"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project.entry-points."glm.packs"]\nstale = "glm_pack_other"\n')
    url = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    site.install("stale", good("stale"), requires=["glm-core>=1.0"], direct_url=url)
    older = Site(tmp_path / "older")
    older.announce("glm-pack-stale", {"stale": "glm_pack_gone"}, version="0.9")
    site.install("boom", "raise RuntimeError('no')\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older.folder)])
    plugins.reload()
    found = [(one.level, one.pack, one.message) for one in examine(plugins.list_packs())]
    assert found[0] == ("error", "boom", "broken: import: RuntimeError: no [glm_pack_boom.py:1]")
    text = "\n".join(message for _, _, message in found)
    assert "'glm-core>=1.0' has not both bounds; write glm-core>=1.0,<2" in text
    assert f"entry points changed since it was installed; run pip install -e {project} again" in text
    assert f"glm-pack-stale is found twice: 1.0 in {site.folder} and 0.9 in {older.folder}; the first counts" in text
