"""`glm check NAME [--data DIR]`: look for what is wrong with a pack or a task before anybody trains with it.

Findings are numbered: E mend it (exit code 1), W look at it, I good to know. `--explain CODE` tells what a code means, what
to do, and how to silence it. `glm --pack . check` checks a pack that is not installed, `--wheel` a built one.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_core.checks.run import Report
    from glm_core.checks.subject import Model
    from glm_core.pack import Pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json, add_model

    parser.add_argument("name", nargs="*", help="packs or tasks (default: those of --pack)")
    parser.add_argument(
        "--data", action="append", default=[], metavar="DIR", help="folder of the data set (repeatable)"
    )
    add_model(parser, default="tiny")
    parser.add_argument("--wheel", metavar="FILE.whl", help="check the packs of a built wheel")
    parser.add_argument("--explain", metavar="CODE", help="print the page of a code; 'all': the list of codes")
    parser.add_argument("--write", metavar="DIR", help="with --explain all: write every page into a folder")
    parser.add_argument(
        "--update-golden", action="store_true", help="write tests/golden_prompts.txt of the pack's project anew"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from glm_core.errors import UsageError

    if args.explain or args.write:
        return _explain(args)
    if args.wheel:
        if args.name:
            raise UsageError("--wheel goes without a name: all packs of the wheel are checked")
        from glm_core.checks.wheel import check_wheel

        return _tell(check_wheel(Path(args.wheel), model=_model(args)), args)
    from glm_core.checks.run import Report, check_pack
    from glm_core.plugins import list_packs

    report, others = Report(), list_packs()
    model = _model(args)
    for pack, tasks in _chosen(args.name, others):
        report += check_pack(
            pack, tasks=tasks, data={"": args.data}, model=model, others=others, update=args.update_golden
        )
    return _tell(report, args)


def _chosen(names: Sequence[str], packs: Sequence[Pack]) -> list[tuple[Pack, list[str] | None]]:
    """What is to be checked: packs, whole or only some of their tasks. Raises UsageError."""
    from glm_core.errors import UsageError
    from glm_core.pack import is_path
    from glm_core.plugins import find_task

    if not names:
        given = [(pack, None) for pack in packs if pack.source == "path"]
        if not given:
            raise UsageError("name a pack or a task, as in glm check emotion; or give a folder: glm --pack . check")
        return list(given)
    chosen: list[tuple[Pack, list[str] | None]] = []
    for name in names:
        if is_path(name):
            raise UsageError(f"{name} is a path; write glm --pack {name} check")
        found = [pack for pack in packs if name == pack.name]
        if found:
            chosen += [(pack, None) for pack in found]
        else:
            offer = find_task(name)
            chosen.append((offer.pack, [offer.value.name]))
    return chosen


def _model(args: argparse.Namespace) -> Model:
    """The vocabulary now, the model when a check asks for it."""
    from glm_core.checks.subject import Model
    from glm_core.cli.flags import backbone_from
    from glm_core.tokens.of_model import tokenizer_of

    tokenizer, masks = tokenizer_of(args.model, vocab=args.vocab, preset=args.preset)
    return Model(tokenizer, masks, lambda: backbone_from(args), args.model)


def _tell(report: Report, args: argparse.Namespace) -> int:
    """Print what was found; the exit code."""
    from glm_core.cli.output import print_json

    if args.json:
        told = {
            "findings": [one.as_dict() for one in report.findings],
            "silenced": [one.as_dict() for one in report.silenced],
            "notes": report.notes,
            "errors": [str(one) for one in report.errors],
        }
        print_json(told)
        return report.exit_code
    about = ""
    for one in report.findings:
        if one.about != about:
            about = one.about
            print(about)
        print(f"  {one.level[0].upper()} " + str(one).replace("\n", "\n    "))
    for text, names in _together(report.notes).items():
        print(f"note: {', '.join(names)}: {text}")
    for error in report.errors:
        print(f"error: {error}")
    print(_summary(report))
    return report.exit_code


def _together(notes: Sequence[str]) -> dict[str, list[str]]:
    """What notes say -> what they say it about."""
    told: dict[str, list[str]] = {}
    for note in notes:
        about, _, text = note.partition(": ")
        told.setdefault(text, []).append(about)
    return told


def _summary(report: Report) -> str:
    """`1 error, 2 warnings (3 silenced); glm check --explain D202 tells more`"""
    words = {"error": "error", "warning": "warning", "information": "remark"}
    counts = [(sum(one.level == level for one in report.findings), word) for level, word in words.items()]
    told = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n)
    told = told or ("nothing else was found" if report.errors else "nothing wrong")
    silent = f" ({len(report.silenced)} silenced)" if report.silenced else ""
    more = f"; glm check --explain {report.findings[0].code} tells more" if report.findings else ""
    return f"{told}{silent}{more}"


def _explain(args: argparse.Namespace) -> int:
    from glm_core.checks.pages import page, pages, write_pages
    from glm_core.cli.output import print_json, print_table
    from glm_core.errors import UsageError

    if args.write:
        if args.explain != "all":
            raise UsageError("--write goes with --explain all")
        print(f"{len(write_pages(args.write))} pages written to {args.write}")
        return 0
    if args.explain != "all":
        found = page(args.explain)
        if args.json:
            print_json(found)
        else:
            print(found.as_markdown(), end="")
        return 0
    if args.json:
        print_json(list(pages().values()))
    else:
        print_table(("code", "level", "what"), [(one.code, one.level, one.title) for one in pages().values()])
    return 0
