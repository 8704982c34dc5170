"""`glm tasks`: what can be learned here; `glm tasks rte` shows one task in full."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.plugins import Offer
    from glm_core.pvp import PVP
    from glm_core.tasks import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("task", nargs="?", help="one task, in full")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json, print_table
    from glm_core.plugins import find_task, list_packs, list_tasks

    if args.task is not None:
        found = describe(find_task(args.task))
        if args.json:
            print_json(found)
        else:
            _print_task(found)
        return
    tasks = list_tasks()
    if args.json:
        print_json([_line(name, task) for name, task in tasks.items()])
        return
    shorts = [name.partition("/")[2] for name in tasks]
    rows = []
    for (name, task), short in zip(tasks.items(), shorts, strict=True):
        pack = name.partition("/")[0]
        rows.append((short if shorts.count(short) == 1 else name, pack, task.kind, len(task.pvps), task.summary))
    print_table(("task", "pack", "kind", "patterns", "summary"), rows, right=("patterns",))
    missing = [pack.why_not for pack in list_packs() if pack.status != "ok"]
    if missing:
        print(f"\nNot loaded: {', '.join(missing)}")


def describe(offer: Offer[Task]) -> dict[str, Any]:
    """Everything about a task that its pack says."""
    task = offer.value
    return {
        **_line(offer.name, task),
        "from": offer.pack.label,
        "revision": task.revision,
        "languages": task.languages,
        "labels": task.processor.labels,
        "metrics": list(task.metrics),
        "splits": [vars(split) for split in task.processor.splits],
        "patterns": [_pattern(one) for one in task.pvps],
        "recommended": dict(task.recommended),
        "recipes": {name: dict(recipe) for name, recipe in task.recipes.items()},
        "license": task.license,
        "citation": task.citation,
    }


def _line(name: str, task: Task) -> dict[str, Any]:
    pack = name.partition("/")[0]
    names = [one.name for one in task.pvps]
    return {"name": name, "pack": pack, "kind": task.kind, "patterns": names, "summary": task.summary}


def _pattern(pvp: PVP) -> dict[str, Any]:
    words: Any = None
    if isinstance(pvp.verbalizer, Mapping):
        words = {label: [one] if isinstance(one, str) else list(one) for label, one in pvp.verbalizer.items()}
    elif callable(pvp.verbalizer):
        words = f"{_name(pvp.verbalizer)}(example)"
    return {
        "name": pvp.name,
        "template": pvp.pattern if isinstance(pvp.pattern, str) else None,
        "function": None if isinstance(pvp.pattern, str) else _name(pvp.pattern),
        "words": words,
        "combine": pvp.combine,
        "summary": pvp.summary,
    }


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _print_task(found: Mapping[str, Any]) -> None:
    print(f"{found['name']}  {found['summary']}".rstrip())
    print(
        f"  from {found['from']}, kind {found['kind']}, revision {found['revision']}, {', '.join(found['languages'])}"
    )
    if found["labels"]:
        print(f"  labels   {', '.join(found['labels'])}")
    print(f"  metrics  {', '.join(found['metrics'])}")
    for title in ("license", "citation"):
        if found[title]:
            print(f"  {title.ljust(8)} {' '.join(found[title].split())}")
    print("\nsplits")
    width = max((len(split["name"]) for split in found["splits"]), default=0)
    for split in found["splits"]:
        unlabelled = "" if split["labelled"] else ", without labels"
        print(f"  {split['name'].ljust(width)}  {split['role'].ljust(9)}  {', '.join(split['files'])}{unlabelled}")
    print("\npatterns")
    for index, one in enumerate(found["patterns"]):
        print(f"  {index} {one['name']}{': ' + one['summary'] if one['summary'] else ''}")
        text = one["template"] if one["template"] is not None else f"{one['function']}(example)"
        print("      " + text.replace("\n", "\n      "))
        if isinstance(one["words"], Mapping):
            print("      " + " · ".join(f"{label}: {', '.join(words)}" for label, words in one["words"].items()))
        else:
            print(f"      words: {one['words'] or 'the choices or the target of the example'}")
    for name, options in (("recommended", found["recommended"]), *found["recipes"].items()):
        if options:
            title = name if name == "recommended" else f"recipe {name}"
            print(f"\n{title}\n  " + ", ".join(f"{key} = {value}" for key, value in options.items()))
