"""The frame of the command line: which command runs, what an error looks like, which exit code it has."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from glm_core import plugins
from glm_core.cli import main as frame
from glm_core.cli.main import COMMANDS, main
from glm_core.errors import CheckpointError, DataError, PackError, RunError
from tests.fake_packs import Site, good, site

__all__ = ["site"]

ROOT = Path(__file__).parents[2]

COMMAND = """
from glm_core import hookimpl
@hookimpl
def glm_commands():
    return {{"{name}": ("say {name}", "glm_pack_{pack}_work")}}
"""
WORK = """
def add_arguments(parser):
    parser.add_argument("--times", type=int, default=1)
def run(args):
    print("hello " * args.times)
    return {code}
"""


def with_command(site: Site, pack: str = "talk", name: str = "say", work: str = "", code: object = None) -> None:
    site.install(pack, COMMAND.format(name=name, pack=pack))
    (site.folder / f"glm_pack_{pack}_work.py").write_text(work or WORK.format(code=code))
    plugins.reload()


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `glm packs` raise this."""
    from glm_core.cli import packs

    def run(args: object) -> None:
        raise error

    monkeypatch.setattr(packs, "run", run)


# ---- help and unknown words


def test_the_help_lists_every_command_with_one_line(capsys) -> None:
    assert main([]) == main(["--help"]) == main(["-h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, help in COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, help] for line in lines)


def test_the_version_is_one_line(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "glm-core 1.0.0\n"


def test_an_unknown_command_gets_the_nearest_one(capsys) -> None:
    assert main(["fintune", "rte"]) == 2
    assert capsys.readouterr().err == "glm: error: no command 'fintune'; did you mean 'finetune'? (see glm --help)\n"
    assert main(["--versio"]) == 2
    assert "unknown flag '--versio' before the command" in capsys.readouterr().err


def test_an_unknown_flag_gets_the_nearest_one_in_one_line(capsys) -> None:
    assert main(["tasks", "--jsn"]) == 2
    err = capsys.readouterr().err
    assert err == "glm: error: unknown argument '--jsn'; did you mean '--json'? (see glm tasks --help)\n"
    assert main(["convert", "only-one"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_flags_are_never_abbreviated(capsys) -> None:
    assert main(["tasks", "--js"]) == 2


def test_a_commands_help_ends_with_the_flags_of_all(capsys) -> None:
    assert main(["tasks", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: glm tasks") and "--no-packs[=a,b]" in out


# ---- errors and exit codes


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("no label", file="a.jsonl", line=3), 2, "a.jsonl:3: no label"),
        (CheckpointError("cut off"), 2, "cut off"),
        (PackError("clash"), 3, "clash"),
        (RunError("diverged"), 1, "diverged"),
        (MemoryError(), 1, "out of memory; try a smaller --micro-batch-tokens"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 1, "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/out/a"), 1, "/out/a: the disk is full; free some space"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "the disk is full; free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/out/a"), 2, "/out/a: permission denied; change"),
        (OSError(errno.EROFS, "Read-only file system", "/out/a"), 2, "/out/a: the file system is read-only"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.json"), 2, "x.json: no such file or folder"),
        (ZeroDivisionError("division by zero"), 1, "this is a defect (ZeroDivisionError: division by zero at "),
        (KeyError("a"), 1, "this is a defect (KeyError: 'a' at test_cli_main.py:"),
        (AssertionError(), 1, "this is a defect (AssertionError at test_cli_main.py:"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error, code, line, monkeypatch, capsys) -> None:
    raising(monkeypatch, error)
    assert main(["packs"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"glm: error: {line}") and captured.err.count("\n") == 1


def test_a_defect_says_how_to_see_more_and_debug_shows_it(monkeypatch, capsys) -> None:
    raising(monkeypatch, ZeroDivisionError())
    main(["packs"])
    assert "run with --debug" in capsys.readouterr().err
    for line in (["packs", "--debug"], ["--debug", "packs"]):
        assert main(line) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_is_exit_code_130(monkeypatch, capsys) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert main(["packs"]) == 130
    assert capsys.readouterr().err == "glm: interrupted\n"


def test_a_pipe_that_closes_early_is_quiet() -> None:
    script = "import sys\nfrom glm_core.cli.main import main\nsys.exit(main(['tasks', '--json']))"
    command = f'{sys.executable} -c "{script}" | head -c 10 > /dev/null; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout.strip() in ("0", "141")


def test_what_a_terminal_cannot_show_is_escaped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from glm_core.cli.main import main\nmain(['--version'])\nprint('北京 \\ud800')"],
        cwd=ROOT, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "glm-core 1.0.0\n\\u5317\\u4eac \\ud800\n"


# ---- commands of packs


def test_a_packs_command_runs_and_is_in_the_help(site: Site, capsys) -> None:
    with_command(site)
    assert main(["--help"]) == 0
    assert ["say", "say", "say"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert main(["say", "--times", "2"]) == 0
    assert capsys.readouterr().out == "hello hello \n"
    assert main(["talk/say"]) == 0


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (3, 3), (True, 1)])
def test_a_commands_return_value_is_the_exit_code(returned, code, site: Site) -> None:
    with_command(site, code=returned)
    assert main(["say"]) == code


@pytest.mark.parametrize(("value", "code"), [("", 0), ("4", 4), ("'gone wrong'", 1)])
def test_a_command_that_exits_by_itself_keeps_its_code(value, code, site: Site) -> None:
    with_command(site, work=f"def add_arguments(parser): pass\ndef run(args): raise SystemExit({value})\n")
    assert main(["say"]) == code


def test_a_command_of_two_packs_asks_for_the_full_name(site: Site, capsys) -> None:
    with_command(site)
    with_command(site, pack="chat")
    assert main(["say"]) == 3
    assert "'say' is in 2 packs: chat/say" in capsys.readouterr().err
    assert main(["chat/say"]) == 0
    main(["--help"])
    assert "  chat/say" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def run(args): pass\n", "glm_pack_talk_work wants add_arguments(parser) and run(args)"),
    ],
)
def test_a_command_whose_module_is_broken_is_a_pack_problem(work, message, site: Site, capsys) -> None:
    with_command(site, work=work)
    assert main(["say"]) == 3
    assert f"command 'say' of pack talk cannot be used: {message}" in capsys.readouterr().err


def test_a_command_that_fails_is_the_packs_defect(site: Site, capsys) -> None:
    table = COMMAND.format(name="say", pack="talk").replace("_work", "")
    site.install("talk", table + "def add_arguments(parser): pass\ndef run(args):\n    return 1 / 0\n")
    plugins.reload()
    assert main(["say"]) == 1
    line = "command 'say' of pack talk failed: ZeroDivisionError: division by zero [glm_pack_talk.py:8]\n"
    assert capsys.readouterr().err == f"glm: error: {line}"


def test_the_help_comes_whatever_is_wrong_with_packs(site: Site, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GLM_PACKS", "nobody")
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "  finetune" in out and "packs were not read: GLM_PACKS names 'nobody'" in out


# ---- flags of every command


def test_flags_of_all_may_stand_anywhere(site: Site, tmp_path, capsys) -> None:
    (tmp_path / "glm_pack_mine.py").write_text(good("mine"))
    path = str(tmp_path / "glm_pack_mine.py")
    for line in (["--pack", path, "tasks", "mine/mine"], ["tasks", f"--pack={path}", "mine/mine"]):
        assert main(line) == 0
        assert capsys.readouterr().out.startswith("mine/mine")


def test_no_packs_never_swallows_the_next_word(site: Site, capsys) -> None:
    site.install("a", good("a"))
    assert main(["--no-packs", "tasks", "--json"]) == 0
    assert {one["pack"] for one in json.loads(capsys.readouterr().out)} == _built_in()
    assert main(["--no-packs=a,superglue", "packs"]) == 0
    out = capsys.readouterr().out
    assert "disabled by --no-packs=a" in out and "disabled by --no-packs=superglue" in out
    assert main(["--no-packs=superglu", "packs"]) == 2
    assert "--no-packs names 'superglu', which is not installed; did you mean 'superglue'?" in capsys.readouterr().err


def test_strict_ends_any_command_with_exit_code_3(site: Site, capsys) -> None:
    site.install("boom", "raise RuntimeError('no licence file')\n")
    assert main(["--strict", "tasks"]) == 3
    assert "pack boom is broken: import: RuntimeError: no licence file" in capsys.readouterr().err
    assert main(["packs", "--strict"]) == 3
    assert "no licence file" in capsys.readouterr().out
    assert main(["packs"]) == 0


def test_pack_wants_a_path(capsys) -> None:
    assert main(["tasks", "--pack"]) == main(["tasks", "--pack="]) == 2
    assert "--pack wants a folder, a .py or a .toml file" in capsys.readouterr().err
    assert main(["tasks", "--pack", "./nowhere"]) == 2
    assert "./nowhere: does not exist" in capsys.readouterr().err


def test_words_after_two_dashes_are_the_commands_own() -> None:
    given, rest = frame._take_global(["say", "--debug", "--", "--strict"])
    assert given.debug and not given.strict and rest == ["say", "--", "--strict"]


# ---- tasks, packs, models


def test_tasks_are_listed_for_people_and_programs(site: Site, capsys) -> None:
    site.install("news", good("headlines"))
    site.install("boom", "raise RuntimeError('no licence file')\n")
    plugins.reload()
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["task", "pack", "kind", "patterns", "summary"]
    assert "headlines" in out and out.endswith("Not loaded: boom (broken: no licence file)\n")
    assert main(["tasks", "--json"]) == 0
    (found,) = [one for one in json.loads(capsys.readouterr().out) if one["pack"] == "news"]
    assert found == {
        "name": "news/headlines", "pack": "news", "kind": "cloze", "patterns": ["it-was"], "summary": "",
    }  # fmt: skip


def test_one_task_is_shown_in_full(site: Site, capsys) -> None:
    source = good("x").replace("task('x')", "task('x', license='CC', recipes={'small': {'epochs': 2}})")
    site.install("news", source)
    plugins.reload()
    assert main(["tasks", "news/x"]) == 0
    out = capsys.readouterr().out
    for line in ("  train  train", "0 it-was", "{text} It was [MASK].", "bad: terrible · good: great", "recipe small"):
        assert line in out
    assert main(["tasks", "x", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["splits"] == [{"name": "train", "role": "train", "files": ["train.jsonl"], "labelled": True}]
    assert found["patterns"][0]["words"] == {"bad": ["terrible"], "good": ["great"]}
    assert found["recipes"] == {"small": {"epochs": 2}}


def test_packs_tell_status_offers_and_reasons(site: Site, capsys) -> None:
    site.install("news", good("headlines"))
    site.install("boom", "raise RuntimeError('no licence file')\n")
    plugins.reload()
    assert main(["packs"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "1 task" in lines["news"] and "ok" in lines["news"]
    assert "import: RuntimeError: no licence file [glm_pack_boom.py:1]" in lines["boom"]
    assert main(["packs", "info", "news"]) == 0
    assert "from glm-pack-news 1.0 (installed), entry point glm_pack_news" in capsys.readouterr().out
    assert main(["packs", "info", "nws", "--json"]) == 2
    assert "no pack 'nws'; did you mean 'news'?" in capsys.readouterr().err
    assert main(["packs", "freeze"]) == 0
    assert capsys.readouterr().out.splitlines() == ["glm-core==1.0.0", "glm-pack-news==1.0"]
    assert main(["packs", "doctor"]) == 3
    assert capsys.readouterr().out.startswith("error: boom: broken: import: RuntimeError")
    assert main(["packs", "info"]) == main(["packs", "list", "news"]) == main(["packs", "lits"]) == 2


def test_models_tell_their_sizes_and_where_their_files_come_from(capsys) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    line = next(one for one in out.splitlines() if one.startswith("large "))
    assert line.split() == ["large", "334.7", "M", "24x1024", "512", "bert-wordpiece", "[MASK]", "yours"]
    assert out.endswith("yours: pass the published files with --model ./folder --preset NAME\n")
    assert main(["models", "large-chinese"]) == 0
    assert "  masks       [MASK], [sMASK], [gMASK]" in capsys.readouterr().out
    assert main(["models", "2b", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["masks"] == ["[MASK]", "[sMASK]", "[gMASK]"] and found["positions"] == 1024
    assert main(["models", "larg"]) == 2
    assert "no model 'larg'. Did you mean large?" in capsys.readouterr().err


def _built_in() -> set[str]:
    return {pack.name for pack in plugins.list_packs() if pack.source == "built-in" and pack.tasks}
