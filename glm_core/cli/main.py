"""`glm COMMAND …`: the table of commands; every error becomes one line and an exit code.

Exit codes: 0 fine, 1 the run or check failed, 2 usage or data, 3 a pack problem, 130 interrupted.
Only the chosen command's module is imported.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING

from glm_core.errors import GlmError, PackError, RunError, UsageError, did_you_mean
from glm_core.version import __version__

if TYPE_CHECKING:
    from glm_core.pack import Pack, Settings

COMMANDS = {
    "demo": "train and try the bundled model in a minute; no data needed",
    "quick": "try a file of your own: a pattern, a few words, no pack",
    "tasks": "list the tasks, or show one in full",
    "packs": "list the packs; info NAME, doctor, freeze",
    "models": "list the models by name",
    "preview": "show how examples read with their blank",
    "check": "look for mistakes in a pack, its patterns and its data",
    "new-pack": "write a pack of your own that works, to be filled in",
    "tokenizer": "learn a vocabulary from text",
    "corpus": "turn text into a corpus for pretraining; build, info",
    "pretrain": "train a model on plain text by filling blanks",
    "finetune": "train one model on one task",
    "evaluate": "score a model on a task",
    "predict": "answer new examples with a trained run",
    "generate": "write what is missing in a text with blanks",
    "convert": "write a checkpoint in another layout",
    "submit": "write the leaderboard's files from a run's predictions",
}

FLAGS_OF_ALL = """flags of every command:
  --pack PATH        a pack that is not installed: a folder, a .py or a .toml (repeatable)
  --override         let --pack replace an installed pack of the same name
  --no-packs[=a,b]   without these packs; without a value: none but the built-in ones
  --strict           a pack that does not load ends the command with exit code 3
  --debug            the whole traceback of an error"""

_OUT_OF_MEMORY = "out of memory; try a smaller --micro-batch-tokens, --batch-tokens or --max-length, or a smaller model"
_PLACES = {  # errno -> (what is wrong, exit code)
    errno.ENOSPC: ("the disk is full; free some space or write elsewhere", 1),
    errno.EDQUOT: ("the disk quota is used up; free some space or write elsewhere", 1),
    errno.EIO: ("the disk reports an error; use another place", 1),
    errno.EROFS: ("the file system is read-only; write elsewhere", 2),
    errno.EACCES: ("permission denied; change the permissions or use another place", 2),
    errno.EPERM: ("the operation is not permitted; use another place", 2),
    errno.ENOENT: ("no such file or folder", 2),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", 2),
    errno.EISDIR: ("is a folder, a file is wanted", 2),
    errno.EEXIST: ("is there already; remove it or use another place", 2),
    errno.ENAMETOOLONG: ("the name is too long", 2),
}


@dataclasses.dataclass
class Global:
    """The flags that every command knows, wherever on the line they stand."""

    debug: bool = False
    strict: bool = False
    override: bool = False
    packs: list[str] = dataclasses.field(default_factory=list)
    without: list[str] | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Nothing is raised."""
    typed = list(sys.argv[1:] if argv is None else argv)
    # read when torch is first loaded: waiting threads give their core away instead of spinning. On a machine that has other
    # things to do too, spinning made a training step of the tiny model ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _unbreakable_output()
    debug = "--debug" in typed
    try:
        code = _run(typed)
        sys.stdout.flush()
        return code
    except BaseException as error:
        return _report(error, debug)


def _run(typed: list[str]) -> int:
    given, words = _take_global(typed)
    if not words or words[0] in ("-h", "--help", "help"):
        words = ["--help"]
    if words[0] in ("-V", "--version"):
        print(f"glm-core {__version__}")
        return 0
    if not (given.strict or given.override or given.packs or given.without is not None):
        return _command(words, strict=bool(os.environ.get("GLM_STRICT")))
    from glm_core.plugins import using

    with using(_settings(given)):
        return _command(words, strict=given.strict or bool(os.environ.get("GLM_STRICT")))


def _command(words: list[str], *, strict: bool) -> int:
    """Run what stands after the flags of all."""
    name, *rest = words
    if name == "--help":
        print(_help())
        return 0
    module, pack = _module_of(name)
    if strict and name != "packs":  # which shows its table first
        from glm_core.plugins import check_strict

        check_strict()
    from glm_core.cli.flags import Parser

    parser = Parser(
        prog=f"glm {name}",
        description=(module.__doc__ or "").strip().partition("\n\n")[0],
        epilog=FLAGS_OF_ALL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    try:
        module.add_arguments(parser)
        code = module.run(parser.parse_args(rest))
    except Exception as error:
        if pack is None or isinstance(error, (GlmError, OSError)) or _is_out_of_memory(error):
            raise
        from glm_core.packs_import import describe

        raise RunError(f"command '{name}' of pack {pack.name} failed: {describe(error, pack.files)}") from error
    return 0 if code is None else int(code)


def _take_global(typed: Sequence[str]) -> tuple[Global, list[str]]:
    """Pick the flags of every command out of the line, up to a `--`. Raises UsageError."""
    given, rest, words = Global(), [], list(typed)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
            break
        if word in ("--debug", "--strict", "--override"):
            setattr(given, word[2:], True)
        elif flag == "--no-packs":
            given.without = (given.without or []) + [one.strip() for one in value.split(",") if one.strip()]
        elif flag == "--pack":
            path = value if equals else words.pop(0) if words else ""
            if not path:
                raise UsageError("--pack wants a folder, a .py or a .toml file")
            given.packs.append(path)
        else:
            rest.append(word)
    return given, rest


def _settings(given: Global) -> Settings:
    """The environment's word on packs, with the flags laid over it."""
    from glm_core.pack import Settings, same_name

    found = Settings.from_environment()
    disabled = dict(found.disabled)
    for name in given.without or ():
        disabled[same_name(name)] = f"disabled by --no-packs={name}"
    return dataclasses.replace(
        found,
        disabled=disabled,
        no_packs=given.without == [],
        strict=found.strict or given.strict,
        paths=tuple(given.packs),
        override=given.override,
    )


def _module_of(name: str) -> tuple[ModuleType, Pack | None]:
    """The module of a command, and its pack where it is none of the core's.

    Raises UsageError for an unknown command, PackError for one that cannot be imported.
    """
    if name in COMMANDS:
        return importlib.import_module(f"glm_core.cli.{name.replace('-', '_')}"), None
    if name.startswith("-"):
        raise UsageError(f"unknown flag '{name}' before the command (see glm --help)")
    from glm_core import plugins

    try:
        offer = plugins.find_command(name)
    except UsageError as error:
        known = [*COMMANDS, *_pack_commands()]
        near = did_you_mean(name, known)
        missing = str(error).partition(" Not loaded: ")[2]
        rest = f"; not loaded: {missing}" if missing else ""
        raise UsageError(f"no command '{name}'{near}{rest} (see glm --help)") from None
    try:
        module = importlib.import_module(offer.value[1])
        if not (callable(getattr(module, "add_arguments", None)) and callable(getattr(module, "run", None))):
            raise PackError(f"{offer.value[1]} wants add_arguments(parser) and run(args)")
    except Exception as error:
        from glm_core.packs_import import describe

        why = str(error) if isinstance(error, GlmError) else describe(error, offer.pack.files)
        raise PackError(f"command '{name}' of pack {offer.pack.name} cannot be used: {why}") from error
    return module, offer.pack


def _pack_commands() -> dict[str, str]:
    """Commands of packs with their line of help, by the shortest name that works."""
    from glm_core import plugins

    found = plugins.list_commands()
    shorts = [name.partition("/")[2] for name in found]
    return {
        (name if shorts.count(short) > 1 else short): help
        for (name, (help, _)), short in zip(found.items(), shorts, strict=True)
    }


def _help() -> str:
    lines = ["usage: glm COMMAND … (glm COMMAND --help tells more)", ""]
    note = ""
    try:
        more = _pack_commands()
    except GlmError as error:  # the help has to come, whatever is wrong with packs
        more, note = {}, f"\n\npacks were not read: {error}"
    width = max(map(len, (*COMMANDS, *more)))
    lines += [f"  {name.ljust(width)}  {help}" for name, help in COMMANDS.items()]
    if more:
        lines += ["", "commands of packs:", *(f"  {name.ljust(width)}  {help}" for name, help in more.items())]
    return "\n".join([*lines, "", FLAGS_OF_ALL, "  --version          the version of glm-core"]) + note


def _report(error: BaseException, debug: bool) -> int:
    """One line on standard error, and the exit code."""
    if isinstance(error, SystemExit):
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, BrokenPipeError):
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush goes nowhere
        return 141
    if debug:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        print("glm: interrupted", file=sys.stderr)
        return 130
    message, code = _explain(error)
    print(f"glm: error: {message}", file=sys.stderr)
    return code


def _explain(error: BaseException) -> tuple[str, int]:
    if isinstance(error, GlmError):
        return str(error), error.exit_code
    if _is_out_of_memory(error):
        return _OUT_OF_MEMORY, 1
    if isinstance(error, OSError) and error.errno in _PLACES:
        what, code = _PLACES[error.errno]
        return (f"{error.filename}: {what}" if error.filename is not None else what), code
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith("<")]
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""  # noqa: PTH119
    lines = str(error).strip().splitlines()
    said = f": {lines[0]}" if lines else ""
    return f"this is a defect ({type(error).__name__}{said}{place}); run with --debug and report what it shows", 1


def _is_out_of_memory(error: BaseException) -> bool:
    """Of Python, or of torch, which is not imported to find out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(
        text in str(error) for text in ("DefaultCPUAllocator", "not enough memory", "CUDA out of memory")
    )


def _unbreakable_output() -> None:
    """Characters that the terminal's encoding lacks are shown as escapes instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    raise SystemExit(main())
