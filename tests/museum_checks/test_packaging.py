"""Packs that are broken as packages are found by exactly their code: P101 to P106, P108 and P109."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from glm_core import plugins
from glm_core.checks.run import Report, check_pack
from glm_core.errors import PackError
from glm_core.pack import Pack
from glm_core.packs_load import load_pack
from tests.fake_packs import Site, good, site, the_pack
from tests.museum_checks.museum import SOUND, examine, line_of, reads

__all__ = ["site"]

PIN = ("glm-core>=1.0,<2",)


def checked(name: str) -> Report:
    """What the checks find in an installed pack, without its tasks' own findings (there are no data)."""
    plugins.reload()
    return check_pack(the_pack(name), others=plugins.list_packs())


def only(report: Report) -> str:
    """The one finding, with its place, from the site's folder on."""
    assert not report.errors
    assert len(report.findings) == 1, "\n".join(map(str, report.findings))
    return re.sub(r"/\S*/site/", "", str(report.findings[0]))


def test_sound_as_a_package(site: Site) -> None:
    site.install("m", good("reviews"), requires=PIN)
    assert not checked("m").findings


def test_p101_a_name_that_is_none(site: Site) -> None:
    site.install("Emotion", good("reviews"), distribution="glm-pack-emotion", requires=PIN)
    assert only(checked("Emotion")) == "P101 'Emotion' is not a pack name; use 'emotion'"


def test_p101_a_name_unlike_its_distribution(site: Site) -> None:
    site.install("emo", good("reviews"), distribution="glm-pack-moods", requires=PIN)
    assert only(checked("emo")) == "P101 'emo' comes from glm-pack-moods; call the entry point 'moods'"


def test_two_packs_of_one_distribution_choose_their_names(site: Site) -> None:
    entries = {"emo": "glm_pack_moods", "tion": "glm_pack_moods"}
    site.install("emo", good("reviews"), distribution="glm-pack-moods", entries=entries, requires=PIN)
    assert [one.code for one in checked("emo").findings] == ["P106"]


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        (("glm-core>=1.0",), "P102 glm-core>=1.0 has no upper bound; write glm-core>=1.0,<2"),
        (("glm-core<2",), "P102 glm-core<2 has no lower bound; write glm-core>=1.0,<2"),
        (("glm-core",), "P102 glm-core has no bounds; write glm-core>=1.0,<2"),
        (("numpy",), "P102 does not require glm-core; write glm-core>=1.0,<2"),
        ((), "P102 does not require glm-core; write glm-core>=1.0,<2"),
    ],
)
def test_p102_a_pin_without_both_bounds(requires: tuple[str, ...], message: str, site: Site) -> None:
    site.install("m", good("reviews"), requires=requires)
    assert only(checked("m")) == message


@pytest.mark.parametrize("pin", ["glm-core~=1.0", "glm-core==1.0.0", "glm-core<2,>=1", "glm_core[test]>=1.0,<2"])
def test_pins_that_have_both(pin: str, site: Site) -> None:
    site.install("m", good("reviews"), requires=(pin,))
    assert not checked("m").findings


def test_p103_a_heavy_import(site: Site) -> None:
    site.install("m", f"'''A pack.'''\nimport numpy\n{good('reviews')}", requires=PIN)
    assert only(checked("m")) == "P103 glm_pack_m.py:2: importing glm_pack_m loads numpy (glm_pack_m.py:2)"


def test_p103_is_silenced_on_the_line_of_the_import(site: Site) -> None:
    site.install("m", f"import numpy  # glm: ignore P103\n{good('reviews')}", requires=PIN)
    report = checked("m")
    assert not report.findings and [one.code for one in report.silenced] == ["P103"]


def test_p103_a_heavy_import_inside_a_hook(site: Site) -> None:
    source = good("reviews").replace("def glm_tasks():\n", "def glm_tasks():\n    import numpy\n")
    site.install("m", source, requires=PIN)
    assert only(checked("m")).startswith("P103 glm_pack_m.py:27: glm_tasks() imports numpy")


def test_p103_a_file_read_while_importing(site: Site) -> None:
    (site.folder / "words.txt").write_text("good")
    reads_a_file = "import os\nopen(os.path.join(os.path.dirname(__file__), 'words.txt')).close()\n"
    site.install("m", reads_a_file + good("reviews"), requires=PIN)
    found = only(checked("m"))
    assert found == "P103 glm_pack_m.py:2: importing glm_pack_m reads the file words.txt (glm_pack_m.py:2)"


def test_a_file_may_be_read_by_a_hook_and_an_optional_library_may_be_missing(site: Site) -> None:
    (site.folder / "words.txt").write_text("good")
    source = good("reviews").replace(
        "def glm_tasks():\n", "def glm_tasks():\n    open(__file__.replace('glm_pack_m.py', 'words.txt')).close()\n"
    )
    site.install("m", f"try:\n    import jax\nexcept ImportError:\n    jax = None\n{source}", requires=PIN)
    assert not checked("m").findings


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def glm_task():\n    return []\n",
            "P104 glm_pack_m.py:2: unknown hook glm_task(); did you mean glm_tasks()? (or it needs a newer glm-core)",
        ),
        (
            "def glm_record(results):\n    pass\n",
            "P104 glm_pack_m.py:2: glm_record() asks for 'results'; it may ask for 'row'",
        ),
    ],
)
def test_p104_a_hook_that_is_none(source: str, message: str, site: Site) -> None:
    site.install("m", f"from glm_core import hookimpl\n@hookimpl\n{source}", requires=PIN)
    assert only(checked("m")) == message


def test_p104_a_hook_without_its_mark(site: Site) -> None:
    site.install("m", "def glm_tasks():\n    return []\n", requires=PIN)
    assert only(checked("m")) == "P104 glm_pack_m.py:1: glm_tasks() lacks the @hookimpl mark"


@pytest.mark.parametrize(
    ("hook", "value", "message"),
    [
        (
            "glm_backbones",
            "{'hf': 'json:JSONDecoder'}",
            "P105 glm_pack_m.py:4: backbone 'hf' names json:JSONDecoder, which is not a Backbone",
        ),
        (
            "glm_backbones",
            "{'hf': 'json:Bert'}",
            "P105 glm_pack_m.py:4: backbone 'hf' names json:Bert, which cannot be imported (AttributeError: module 'json' "
            "has no attribute 'Bert')",
        ),
        (
            "glm_commands",
            "{'zip': ('make a zip', 'zipfile')}",
            "P105 glm_pack_m.py:4: command 'zip' names zipfile, which has no add_arguments() and no run()",
        ),
        ("glm_backbones", "{'hf': 'json'}", "P105 backbone 'hf' is 'json', wanted \"module:Class\""),
        (
            "glm_models",
            "{'mine': ModelSource('hub:bert')}",
            "P105 model 'mine': 'hub:bert' is not a hub id, wanted hub:owner/name",
        ),
    ],
)
def test_p105_what_a_hook_names_is_not_there(hook: str, value: str, message: str, site: Site) -> None:
    source = f"from glm_core import ModelSource, hookimpl\n@hookimpl\ndef {hook}():\n    return {value}\n"
    site.install("m", source, requires=PIN)
    assert only(checked("m")) == message


def test_p106_a_short_name_that_two_packs_offer(site: Site) -> None:
    site.install("m", good("reviews"), requires=PIN)
    site.install("n", good("reviews"), requires=PIN)
    found = only(checked("m"))
    assert found == "P106 glm_pack_m.py:5: task 'reviews' is also offered by n; the short name will not work"


def test_p106_two_distributions_of_one_name(site: Site) -> None:
    site.install("dup", good("a"), distribution="glm-pack-dup-a", requires=PIN)
    site.install("dup", good("b"), distribution="glm-pack-dup-b", requires=PIN)
    plugins.reload()
    packs = [one for one in plugins.list_packs() if one.name == "dup"]
    told = "P106 pack name 'dup' is claimed by glm-pack-dup-a 1.0 and glm-pack-dup-b 1.0; uninstall or disable one"
    assert [only(check_pack(one)) for one in packs] == [told, told]


def test_p108_entry_points_that_changed_since_installation(site: Site, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    direct = f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}'
    site.install("m", good("reviews"), requires=PIN, direct_url=direct)
    for text, found in (("m = 'glm_pack_m'", []), ("m = 'glm_pack_m'\nn = 'glm_pack_n'", ["P108"])):
        (project / "pyproject.toml").write_text(
            f"[project]\nname = 'glm-pack-m'\n[project.entry-points.'glm.packs']\n{text}\n"
        )
        report = checked("m")
        assert [one.code for one in report.findings] == found
    assert report.findings[0].message == f"entry points changed since install; run pip install -e {project} again"


GUARDED = """\
try:
    {}
except OSError:
    pass
"""


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("import socket; socket.getaddrinfo('localhost', 80)", "opened a socket to localhost"),
        ("open('/nowhere-at-all/cache.txt', 'w')", "wanted to write /nowhere-at-all/cache.txt"),
        ("import os; os.mkdir('/nowhere-at-all/cache')", "wanted to write /nowhere-at-all/cache"),
    ],
)
def test_p109_the_network_or_the_disk_while_loading(does: str, message: str, site: Site) -> None:
    source = GUARDED.format(does) + good("reviews")
    site.install("m", source, requires=PIN)
    assert only(checked("m")) == f"P109 glm_pack_m.py:2: importing glm_pack_m {message} (glm_pack_m.py:2)"

    inside = "".join(f"    {line}\n" for line in GUARDED.format(does).splitlines())
    source = good("reviews").replace("def glm_tasks():\n", f"def glm_tasks():\n{inside}")
    site.install("n", source, requires=PIN)
    line = line_of(source, does)
    assert f"P109 glm_pack_n.py:{line}: glm_tasks() {message} (glm_pack_n.py:{line})" in [
        re.sub(r"/\S*/site/", "", str(one)) for one in checked("n").findings
    ]


def test_files_in_the_temporary_folder_may_be_written(site: Site) -> None:
    source = "import tempfile\nwith tempfile.NamedTemporaryFile('w') as file:\n    file.write('x')\n" + good("reviews")
    site.install("m", source, requires=PIN)
    assert not checked("m").findings


def test_p109_the_network_while_reading(tmp_path: Path) -> None:
    source = SOUND.replace(
        'fields = {"text"', 'import socket; socket.create_connection(("example.org", 80))\n        fields = {"text"'
    )
    report = examine(tmp_path, source, {}, reads())
    assert [one.code for one in report.findings] == ["P109"]
    assert "reading train opened a socket to example.org" in report.findings[0].message


def test_a_pack_that_does_not_load_for_a_reason_of_its_own_is_an_error(site: Site) -> None:
    site.install("m", "raise RuntimeError('no licence file')\n", requires=PIN)
    report = checked("m")
    assert not report.findings and report.exit_code == 3
    assert str(report.errors[0]) == "pack 'm' is broken: import: RuntimeError: no licence file [glm_pack_m.py:1]"
    assert isinstance(report.errors[0], PackError)


def test_an_object_with_hooks_has_no_module_to_look_at() -> None:
    class Hooks:
        __name__ = "hooks"

    pack = load_pack(Pack("hooks", "hooks", source="test", entry="hooks"), Hooks())
    assert check_pack(pack).codes == ("P104",)
