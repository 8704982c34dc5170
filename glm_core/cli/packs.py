"""`glm packs`: what is installed and what became of it; `info NAME`, `doctor`, `freeze`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.pack import Pack

ACTIONS = ("list", "info", "doctor", "freeze")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    what = (
        "list (default); info NAME: one pack in full; doctor: what is wrong and what to do; freeze: names and versions"
    )
    parser.add_argument("action", nargs="?", default="list", choices=ACTIONS, metavar="ACTION", help=what)
    parser.add_argument("name", nargs="?", help="a pack's name, for info")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from glm_core.errors import UsageError
    from glm_core.plugins import list_packs, settings

    packs = list_packs()
    if (args.action == "info") != (args.name is not None):
        raise UsageError("glm packs info NAME shows one pack; the other actions take no name")
    wrong = [pack for pack in packs if pack.status not in ("ok", "disabled")]
    if args.action == "doctor":
        return _doctor(packs, args.json)
    {"list": _list, "info": _info, "freeze": _freeze}[args.action](packs, args)
    return 3 if settings().strict and wrong else 0


def as_row(pack: Pack) -> dict[str, Any]:
    """A pack as plain values."""
    return {
        "name": pack.name,
        "distribution": pack.distribution,
        "version": pack.version,
        "source": pack.source,
        "status": pack.status,
        "message": pack.message,
        "tasks": list(pack.tasks),
        "models": list(pack.models),
        "backbones": list(pack.backbones),
        "commands": list(pack.commands),
        "entry": pack.entry,
        "files": pack.files,
        "milliseconds": round(1000 * pack.seconds, 1),
        "heavy": pack.heavy,
    }


def _list(packs: tuple[Pack, ...], args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json, print_table

    if args.json:
        print_json([as_row(pack) for pack in packs])
        return
    rows = []
    for pack in packs:
        source = f" ({pack.source})" if pack.source in ("editable", "path", "built-in") else ""
        told = pack.offers + _heavy(pack) if pack.status == "ok" else pack.message.partition("\n")[0]
        time = f"{1000 * pack.seconds:.0f} ms" if pack.status == "ok" else ""
        rows.append((pack.name, pack.status, pack.distribution + source, pack.version, time, told))
    print_table(("pack", "status", "distribution", "version", "time", "offers"), rows, right=("time",))


def _heavy(pack: Pack) -> str:
    return f"; heavy: {', '.join(pack.heavy)} ({1000 * pack.seconds:.0f} ms)" if pack.heavy else ""


def _info(packs: tuple[Pack, ...], args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError, did_you_mean

    found = [pack for pack in packs if args.name in (pack.name, pack.distribution)]
    if not found:
        near = did_you_mean(args.name, [pack.name for pack in packs])
        raise UsageError(f"no pack '{args.name}'{near} (see glm packs)")
    if args.json:
        print_json([as_row(pack) for pack in found])
        return
    for pack in found:
        print(f"{pack.name}  {pack.status}{_heavy(pack)}")
        if pack.message:
            print("  " + pack.message.replace("\n", "\n  "))
        print(f"  from {pack.label} ({pack.source}){'' if pack.is_toml else f', entry point {pack.entry}'}")
        for file in pack.files:
            print(f"  code in {file}")
        for name, task in pack.tasks.items():
            print(f"  task {pack.name}/{name}  {task.summary}".rstrip())
        for name, source in pack.models.items():
            print(f"  model {name}  {source.summary}".rstrip())
        for name, target in pack.backbones.items():
            print(f"  backbone {name}  {target}")
        for name, (help, _) in pack.commands.items():
            print(f"  command {name}  {help}")


def _freeze(packs: tuple[Pack, ...], args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.version import __version__

    used = [pack for pack in packs if pack.status == "ok" and pack.source != "built-in"]
    if args.json:
        rows = [{key: as_row(pack)[key] for key in ("name", "distribution", "version", "source")} for pack in used]
        print_json([{"distribution": "glm-core", "version": __version__}, *rows])
        return
    lines = [f"glm-core=={__version__}"]
    for pack in used:
        if pack.source == "path":
            lines.append(f"# --pack {pack.distribution}")
        elif pack.source == "editable":
            lines.append(f"-e {pack.root}  # {pack.label}")
        else:
            lines.append(f"{pack.distribution}=={pack.version}")
    print("\n".join(dict.fromkeys(lines)))


def _doctor(packs: tuple[Pack, ...], as_json: bool) -> int:
    from glm_core.cli.output import print_json
    from glm_core.packs_doctor import examine

    findings = examine(packs)
    if as_json:
        print_json([{"level": one.level, "pack": one.pack, "message": one.message} for one in findings])
    else:
        for one in findings:
            print(f"{one.level}: {one.pack}: {one.message}" if one.pack else f"{one.level}: {one.message}")
        if not findings:
            print(f"{len(packs)} packs, nothing wrong")
    return 3 if any(one.level == "error" for one in findings) else 0
