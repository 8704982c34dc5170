"""One broken pack per line of the loader's table: found by its status and message, and harmless to all others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from glm_core import plugins
from tests.fake_packs import TASK, Site, good, site, the_pack

__all__ = ["site"]


@dataclass(frozen=True)
class Exhibit:
    """What lies in the pack's module, and what the loader has to say about it."""

    source: str
    message: str
    reason: str = ""
    status: str = "broken"


def _task(call: str) -> str:
    return f"{TASK}\n\n@hookimpl\ndef glm_tasks():\n    yield {call}\n"


def _hook(hook: str, value: str) -> str:
    return f"from glm_core import ModelSource, hookimpl\n@hookimpl\ndef {hook}():\n    return {value}\n"


EXHIBITS = {
    "raises-at-import": Exhibit(
        "'''A pack.'''\nraise RuntimeError('no licence file')\n",
        "import: RuntimeError: no licence file [glm_pack_m.py:2]",
        "no licence file",
    ),
    "exits": Exhibit("import sys\nsys.exit(3)\n", "import: SystemExit: 3 [glm_pack_m.py:2]"),
    "calls-exit": Exhibit("exit('bye')\n", "import: SystemExit: bye [glm_pack_m.py:1]"),
    "lacks-a-library": Exhibit(
        "import glm_core\nimport no_such_library\n",
        "import: ModuleNotFoundError: No module named 'no_such_library' [glm_pack_m.py:2]",
    ),
    "syntax": Exhibit("x = 1\ndef (:\n", "import: SyntaxError: invalid syntax [glm_pack_m.py:2]"),
    "deep-error": Exhibit(
        "import json\ndef read():\n    return json.loads('{')\nread()\n",
        "import: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
        "[glm_pack_m.py:3]",
    ),
    "long-error": Exhibit(
        "raise ValueError('one\\ntwo\\nthree')\n", "import: ValueError: one [glm_pack_m.py:1]", "one"
    ),
    "recursion": Exhibit(
        "import glm_core\nglm_core.get_task('rte')\n",
        "import: PackError: packs are being loaded; look tasks up inside a function, not while a pack is imported "
        "[glm_pack_m.py:2]",
    ),
    "unknown-hook": Exhibit(
        "from glm_core import hookimpl\n@hookimpl\ndef glm_task():\n    return []\n",
        "hooks: unknown hook glm_task(); did you mean glm_tasks()? (or it needs a newer glm-core) [glm_pack_m.py:2]",
    ),
    "no-mark": Exhibit(
        "def glm_tasks():\n    return []\n", "hooks: glm_tasks() lacks the @hookimpl mark [glm_pack_m.py:1]"
    ),
    "foreign-mark": Exhibit(
        "import pluggy\n@pluggy.HookimplMarker('pytest')\ndef glm_tasks():\n    return []\n",
        "hooks: glm_tasks() lacks the @hookimpl mark [glm_pack_m.py:2]",
    ),
    "a-list-for-a-hook": Exhibit(
        "glm_tasks = []\n", "hooks: glm_tasks is of type list, wanted a function with the @hookimpl mark"
    ),
    "unknown-argument": Exhibit(
        "from glm_core import hookimpl\n@hookimpl\ndef glm_record(results):\n    pass\n",
        "hooks: glm_record() asks for 'results'; it may ask for 'row' [glm_pack_m.py:2]",
    ),
    "argument-of-none": Exhibit(
        "from glm_core import hookimpl\n@hookimpl\ndef glm_tasks(config):\n    return []\n",
        "hooks: glm_tasks() asks for 'config'; it may ask for nothing [glm_pack_m.py:2]",
    ),
    "wrapper": Exhibit(
        "from glm_core import hookimpl\n@hookimpl(wrapper=True)\ndef glm_tasks():\n    return (yield)\n",
        "hooks: glm_tasks() is a wrapper; return values instead [glm_pack_m.py:2]",
    ),
    "no-hook": Exhibit("import glm_core\n", "hooks: glm_pack_m has no glm_* hook"),
    "half-way": Exhibit(
        TASK + "\n\n@hookimpl\ndef glm_tasks():\n    yield task('first')\n    yield {}['data table']\n",
        "collect: KeyError: 'data table' in glm_tasks() [glm_pack_m.py:28]",
    ),
    "second-hook-raises": Exhibit(
        TASK + "\n\n@hookimpl\ndef glm_tasks():\n    yield task('first')\n"
        "@hookimpl\ndef glm_commands():\n    raise OSError('gone')\n",
        "collect: OSError: gone in glm_commands() [glm_pack_m.py:30]",
    ),
    "exits-in-a-hook": Exhibit(
        "from glm_core import hookimpl\n@hookimpl\ndef glm_tasks():\n    raise SystemExit\n",
        "collect: SystemExit in glm_tasks() [glm_pack_m.py:4]",
    ),
    "text-for-tasks": Exhibit(_hook("glm_tasks", "['rte']"), "validate: glm_tasks() gave str, wanted Task"),
    "nothing-for-tasks": Exhibit(
        _hook("glm_tasks", "None"), "validate: glm_tasks() gave NoneType, wanted an iterable of Task"
    ),
    "one-task-unwrapped": Exhibit(
        TASK + "\n\n@hookimpl\ndef glm_tasks():\n    return task()\n",
        "validate: glm_tasks() gave Task, wanted an iterable of Task",
    ),
    "bad-name": Exhibit(
        _task("task('My Task')"), "validate: 'My Task' is not a task name; use small letters, digits, . and -"
    ),
    "repeated-name": Exhibit(_task("from_two()").replace("yield from_two()", "yield task()\n    yield task()"),
        "validate: task 'reviews' is given twice"),
    "class-for-processor": Exhibit(
        _task("task(processor=Reader)"),
        "validate: task 'reviews': its processor is the class Reader, wanted an instance of a DataProcessor",
    ),
    "bad-kind": Exhibit(
        _task("task(kind='choice')"), "validate: task 'reviews': kind 'choice' is none of cloze, generation, lm"
    ),
    "bad-revision": Exhibit(
        _task("task(revision='2')"), "validate: task 'reviews': revision '2' is not a whole number from 1 on"
    ),
    "bad-role": Exhibit(
        _task("task()").replace('Split("train", "train"', 'Split("train", "dev"'),
        "validate: task 'reviews': split 'train' has the role 'dev', none of train, tune, final, unlabeled",
    ),
    "repeated-split": Exhibit(
        _task("task()").replace('splits = (', 'splits = (Split("train", "train"),'),
        "validate: task 'reviews': split 'train' is given twice",
    ),
    "no-metric": Exhibit(
        _task("task(metrics={})"), "validate: task 'reviews' has no metric; the first one chooses the best checkpoint"
    ),
    "number-for-metric": Exhibit(
        _task("task(metrics={'share': 1.0})"),
        "validate: task 'reviews': metric 'share' is of type float, wanted a function of predictions",
    ),
    "no-pattern": Exhibit(_task("task(pvps=())"), "validate: task 'reviews' has no pattern; give at least one PVP"),
    "one-pattern-unwrapped": Exhibit(
        _task("task(pvps=PVP('it-was', '{text} [MASK]', WORDS))"),
        "validate: task 'reviews': pvps are of type PVP, wanted a tuple of PVP",
    ),
    "repeated-pattern": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', WORDS),) * 2)"),
        "validate: task 'reviews': pattern 'it-was' is given twice",
    ),
    "number-for-pattern": Exhibit(
        _task("task(pvps=(PVP('it-was', 3, WORDS),))"),
        "validate: task 'reviews': pattern 'it-was' is of type int, wanted a template or a function",
    ),
    "unknown-combine": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', WORDS, 'men'),))"),
        "validate: task 'reviews': combine of pattern 'it-was' is 'men', none of mean, max, logsumexp, first",
    ),
    "unknown-filter": Exhibit(
        _task("task(pattern='{text|strp} It was [MASK].')"),
        "validate: pattern 'it-was' of reviews, column 7: unknown filter 'strp'; did you mean 'strip'?\n"
        "    {text|strp} It was [MASK].\n"
        "          ^^^^",
        "pattern 'it-was' of reviews, column 7: unknown filter 'strp'; did you mean 'strip'?",
    ),
    "open-brace": Exhibit(
        _task("task(pattern='Review {text It was [MASK].')"),
        "validate: pattern 'it-was' of reviews, column 8: this brace is never closed; write {{ for a brace itself\n"
        "    Review {text It was [MASK].\n"
        "           ^",
    ),
    "two-blanks": Exhibit(
        _task("task(pattern='Just [MASK], [MASK]! {text}')"),
        "validate: pattern 'it-was' of reviews, column 14: a cloze has one blank; this is the second\n"
        "    Just [MASK], [MASK]! {text}\n"
        "                 ^^^^^^",
    ),
    "two-blanks-beside-plain-ones": Exhibit(
        _task("""task(pattern='{text|default="[MASK]"} [[MASK]] {{[MASK]}} [gMASK]')"""),
        "validate: pattern 'it-was' of reviews, column 45: a cloze has one blank; this is the second\n"
        '    {text|default="[MASK]"} [[MASK]] {{[MASK]}} [gMASK]\n'
        "    " + " " * 44 + "^^^^^^^",
    ),
    "no-blank": Exhibit(
        _task("task(pattern='{text} It was fine.')"),
        "validate: pattern 'it-was' of reviews: a cloze pattern needs a blank; write [MASK]\n    {text} It was fine.",
    ),
    "label-without-words": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', {'god': 'great', 'bad': 'terrible'}),))"),
        "validate: task 'reviews': label 'good' has no words in pattern 'it-was'; did you mean 'god'?",
    ),
    "label-with-no-word-at-all": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', {'good': [], 'bad': 'terrible'}),))"),
        "validate: task 'reviews': label 'good' has no words in pattern 'it-was'",
    ),
    "number-for-words": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', {'good': 1, 'bad': 'terrible'}),))"),
        "validate: task 'reviews': the words of 'good' in pattern 'it-was' are 1, wanted text",
    ),
    "list-for-words": Exhibit(
        _task("task(pvps=(PVP('it-was', '{text} [MASK]', ['great', 'terrible']),))"),
        "validate: task 'reviews': the words of pattern 'it-was' are of type list, wanted a mapping, a function or None",
    ),
    "list-for-backbones": Exhibit(
        _hook("glm_backbones", "['a:B']"), "validate: glm_backbones() gave list, wanted a mapping"
    ),
    "backbone-without-class": Exhibit(
        _hook("glm_backbones", "{'hf': 'glm_pack_m.bert'}"),
        "validate: backbone 'hf' is 'glm_pack_m.bert', wanted \"module:Class\"",
    ),
    "text-for-model": Exhibit(
        _hook("glm_models", "{'mine': 'pack:models'}"), "validate: glm_models() gave str for 'mine', wanted ModelSource"
    ),
    "model-without-folder": Exhibit(
        _hook("glm_models", "{'mine': ModelSource('pack:models/mine')}"),
        "validate: model 'mine': no folder models/mine in HERE",
    ),
    "model-outside": Exhibit(
        _hook("glm_models", "{'mine': ModelSource('pack:..')}"), "validate: model 'mine': no folder .. in HERE"
    ),
    "hub-id-without-owner": Exhibit(
        _hook("glm_models", "{'mine': ModelSource('hub:bert')}"),
        "validate: model 'mine': 'hub:bert' is not a hub id, wanted hub:owner/name",
    ),
    "model-from-nowhere": Exhibit(
        _hook("glm_models", "{'mine': ModelSource('')}"),
        "validate: model 'mine': '' is neither pack:FOLDER nor hub:OWNER/NAME, and it has no preset",
    ),
    "core-command": Exhibit(
        _hook("glm_commands", "{'tasks': ('list', 'glm_pack_m')}"),
        "validate: command 'tasks' has the name of a core command; choose another",
    ),
    "command-without-help": Exhibit(
        _hook("glm_commands", "{'zip': 'glm_pack_m'}"),
        "validate: command 'zip' is 'glm_pack_m', wanted (one line of help, \"module\")",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_broken_pack_is_named_with_its_reason_and_leaves_nothing_behind(name: str, site: Site) -> None:
    before = dict(plugins.list_tasks())
    exhibit = EXHIBITS[name]
    site.install("m", exhibit.source)
    site.install("sound", good("sound"))
    plugins.reload()

    pack = the_pack("m")
    assert pack.status == exhibit.status
    assert pack.message.replace(str(site.folder), "HERE") == exhibit.message
    assert not exhibit.reason or pack.reason == exhibit.reason
    assert not (pack.tasks or pack.models or pack.backbones or pack.commands)
    assert "reviews" not in {full.partition("/")[2] for full in plugins.list_tasks()}
    assert "first" not in {full.partition("/")[2] for full in plugins.list_tasks()}

    assert the_pack("sound").status == "ok"
    after = dict(plugins.list_tasks())
    assert list(after) == [*before, "sound/sound"]
    assert plugins.get_task("sound").name == "sound"
    for full, task in before.items():
        assert plugins.get_task(full).name == task.name


def test_two_distributions_of_one_pack_name_are_both_in_conflict_and_neither_is_imported(site: Site) -> None:
    boom = "raise AssertionError('imported')\n"
    site.install("dup", boom, distribution="glm-pack-dup-a")
    site.install("dup", boom, distribution="glm-pack-dup-b", version="2.0")
    plugins.reload()
    found = [pack for pack in plugins.list_packs() if pack.name == "dup"]
    assert [pack.status for pack in found] == ["conflict", "conflict"]
    message = "pack name 'dup' is claimed by glm-pack-dup-a 1.0 and glm-pack-dup-b 2.0; uninstall or disable one"
    assert {pack.message for pack in found} == {message}


def test_disabling_one_of_two_distributions_ends_the_conflict(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("dup", good("a"), distribution="glm-pack-dup-a")
    site.install("dup", good("b"), distribution="glm-pack-dup-b")
    monkeypatch.setenv("GLM_DISABLE_PACKS", "glm_pack_dup_a")
    plugins.reload()
    assert [pack.status for pack in plugins.list_packs() if pack.name == "dup"] == ["disabled", "ok"]
    assert "dup/b" in plugins.list_tasks() and "dup/a" not in plugins.list_tasks()


def test_a_distribution_found_twice_is_one_and_the_first_on_the_path_wins(
    site: Site, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("twice", good("new"), version="2.0")
    older = Site(tmp_path / "older")
    older.announce("glm_pack.Twice", {"twice": "glm_pack_gone"}, version="1.0")
    monkeypatch.syspath_prepend(str(older.folder))
    monkeypatch.syspath_prepend(str(site.folder))
    plugins.reload()
    assert the_pack("twice").status == "ok" and the_pack("twice").version == "2.0"


@pytest.mark.parametrize(
    ("pin", "status"),
    [
        ("glm-core<1.0", "incompatible"),
        ("GLM_Core (<1.0)", "incompatible"),
        ("glm-core[test]>=99", "incompatible"),
        ("glm-core>=1.0,<2", "ok"),
        ('glm-core>=99; extra == "dev"', "ok"),
        ('glm-core>=99; python_version < "3"', "ok"),
        ("glm-core-extras<1.0", "ok"),
    ],
)
def test_a_pin_that_does_not_fit_keeps_the_pack_from_being_imported(pin: str, status: str, site: Site) -> None:
    site.install("old", good("old"), version="0.3", requires=["numpy", pin])
    plugins.reload()
    pack = the_pack("old")
    assert pack.status == status
    if pin == "glm-core<1.0":
        assert pack.message == "glm-pack-old 0.3 needs glm-core<1.0, found 1.0.0"


def test_a_pin_that_cannot_be_read_is_incompatible(site: Site) -> None:
    site.install("old", good("old"), requires=["glm-core >="])
    plugins.reload()
    assert the_pack("old").status == "incompatible"
    assert "the requirement 'glm-core >=' cannot be read; write glm-core>=1.0,<2" in the_pack("old").message


def test_a_name_that_is_not_a_packs_and_an_entry_that_is_no_module_are_broken_before_any_import(site: Site) -> None:
    site.announce("glm-pack-a", {"Emotion_2": "glm_pack_a"})
    site.announce("glm-pack-b", {"emotion": "glm-pack-b"})
    plugins.reload()
    assert the_pack("Emotion_2").message == "find: 'Emotion_2' is not a pack name; use 'emotion-2'"
    wrong = 'find: entry point \'emotion = glm-pack-b\' is neither "module" nor "module:object"'
    assert the_pack("emotion").message == wrong


def test_a_module_or_object_that_is_not_there_is_broken(site: Site) -> None:
    site.announce("glm-pack-a", {"a": "glm_pack_missing"})
    site.install("b", "x = 1\n", entries={"b": "glm_pack_b:pack"})
    plugins.reload()
    assert the_pack("a").message == "import: ModuleNotFoundError: No module named 'glm_pack_missing'"
    assert the_pack("b").message.startswith("import: AttributeError: module 'glm_pack_b' has no attribute 'pack'")


def test_metadata_that_cannot_be_read_stop_nobody(site: Site) -> None:
    broken = site.folder / "glm_pack_torn-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[glm.packs]\nx \xff\xfe")
    site.install("sound", good("sound"))
    plugins.reload()
    assert the_pack("sound").status == "ok"
