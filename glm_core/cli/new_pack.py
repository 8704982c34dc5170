"""`glm new-pack NAME --labels joy,anger --fields text`: a pack that works, to be filled in."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("name", help="the pack's name, and its task's: emotion, film-reviews")
    parser.add_argument("--labels", metavar="A,B,…", help="the labels as the data spell them")
    parser.add_argument("--fields", metavar="A,B,…", default="text", help="the texts of an example [text]")
    parser.add_argument(
        "--style", choices=("toml", "python"), default="toml", help="a TOML file, or Python with a reader [toml]"
    )
    parser.add_argument(
        "--kind", choices=("cloze", "generation"), default="cloze", help="choose a label, or write a text [cloze]"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where the pack is written [glm-pack-NAME]")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError
    from glm_core.scaffold.names import check_free, check_name, distribution_of, fields_in, labels_in
    from glm_core.scaffold.scaffold import NewPack, write_pack

    check_name(args.name)
    if args.kind == "generation" and args.labels is not None:
        raise UsageError("--labels: what is written has no labels; leave them out, each row has a 'target' instead")
    fields = fields_in(args.fields)
    labels = labels_in(args.labels) if args.kind == "cloze" else ()
    check_free(args.name)
    asked = NewPack(args.name, fields, labels, args.style)
    folder = args.out or distribution_of(args.name)
    files = write_pack(asked, Path(folder))
    commands = _next(asked.name, folder)
    if args.json:
        print_json({"pack": asked.name, "folder": folder, "kind": asked.kind, "files": files, "next": commands})
        return
    print(f"{folder}: {len(files)} files")
    for name in files:
        print(f"  {name}")
    print("\nnext")
    for line in commands:
        print(f"  {line}")


def _next(name: str, folder: str) -> list[str]:
    """Install it, look at it, check it, all on its samples; the rest stands in its README."""
    import shlex

    place = folder if folder.startswith(("/", ".", "~")) else f"./{folder}"
    return [
        f"pip install -e {shlex.quote(f'{place}[test]')}",
        f"glm preview {name} -n 2",
        f"glm check {name}",
    ]
