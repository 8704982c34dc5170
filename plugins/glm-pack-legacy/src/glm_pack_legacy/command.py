"""`glm port my_tasks.py --data DIR --out glm-pack-NAME`: a PVP and a DataProcessor of PET or the original GLM become a pack.

Each pattern is tried on samples of the data. Where a template renders the same tokens it is written into the pack, else
a Python pattern that asks the original class. No other code is run than the files that are named.
"""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("files", nargs="+", metavar="FILE.py", help="the files with the classes; they are run")
    parser.add_argument(
        "--data", required=True, metavar="DIR", help="folder of the data set, as the processor reads it"
    )
    parser.add_argument("--out", required=True, metavar="glm-pack-NAME", help="where the pack is written; names it too")
    parser.add_argument("--pvp", metavar="CLASS", help="which PVP, where there are several (or its task's name)")
    parser.add_argument("--processor", metavar="CLASS", help="which processor, where there are several")
    parser.add_argument("--pattern-ids", metavar="0,1,…", help="these patterns only [all that there are]")
    parser.add_argument("--samples", type=int, default=20, metavar="N", help="examples of each split to try [20]")
    parser.add_argument(
        "--spaces",
        choices=("each-part", "as-written"),
        help="between the parts of a pattern: one before each, as PET has it, or none but those written, as GLM",
    )
    parser.add_argument("--choices", metavar="KEY,…", help="keys of an example's meta that hold its answers")
    parser.add_argument(
        "--arg", action="append", default=[], metavar="NAME=VALUE", help="an option the classes ask for (repeatable)"
    )
    parser.add_argument("--model", metavar="NAME|FOLDER", help="whose vocabulary decides [two learnt from the samples]")
    parser.add_argument("--vocab", metavar="FOLDER", help="the published vocabulary's files, where the model has none")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError
    from glm_core.scaffold.names import check_free, check_name
    from glm_pack_legacy.forms import choose_form, in_names_of
    from glm_pack_legacy.porting import port, watching
    from glm_pack_legacy.report import as_text, as_values, counted
    from glm_pack_legacy.writing import write_port

    folder, data = Path(args.out), Path(args.data)
    name = folder.resolve().name.removeprefix("glm-pack-")
    check_name(name)
    check_free(name)
    if args.samples < 1:
        raise UsageError(f"--samples {args.samples}: wants a number from 1 on")
    if not data.is_dir():
        raise UsageError(f"--data {data}: there is no such folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out {folder}: is there already and not empty; choose another folder or remove it")
    found = port(
        _original(args), data, pattern_ids=_numbers(args.pattern_ids), n_samples=args.samples, model=_model(args)
    )
    form, files = None, []
    if found.done:
        with watching():
            form = choose_form(found, name, data)
        found = in_names_of(form, found)
        files = write_port(found, form, name, folder, data, n_lines=args.samples)
    if args.json:
        print_json(as_values(found, form, pack=name, folder=str(folder), files=files))
        return 0 if form else 1
    print(as_text(found))
    for note in found.notes:
        print(f"note: {note}")
    if form is None:
        print(f"nothing was ported, and {folder} was not written")
        return 1
    reader = "a TOML file" if form.kind == "toml" else f"the original class: {form.why_python}"
    print(f"\n{folder}: {counted(len(files), 'file')}; its reader is {reader}. PORT.md tells more\n\nnext")
    place = str(folder) if str(folder).startswith(("/", ".", "~")) else f"./{folder}"
    for line in (f"pip install -e '{place}[test]'", f"glm preview {name} -n 2", f"glm check {name}"):
        print(f"  {line}" + (f" --data {data}" if line.startswith("glm") and not _has_samples(files) else ""))
    return 0


def _original(args: argparse.Namespace) -> Any:
    """Where the classes are. Raises UsageError for a file that is not there."""
    from pathlib import Path

    from glm_core.errors import UsageError
    from glm_pack_legacy.importing import name_of
    from glm_pack_legacy.original import Original

    files: dict[str, str] = {}
    for one in args.files:
        path = Path(one)
        if not path.is_file() or path.suffix != ".py":
            what = "is not a Python file" if path.exists() else "does not exist"
            raise UsageError(f"{one}: {what}; name the .py file that has the PVP")
        other = files.setdefault(name_of(path), str(path.resolve()))
        if other != str(path.resolve()):
            raise UsageError(f"{one} and {other} would both be imported as '{name_of(path)}'; rename one of them")
    return Original(
        "",
        tuple(files.items()),
        pvp=args.pvp or "",
        processor=args.processor or "",
        spaces=args.spaces,
        args=tuple(_setting(one) for one in args.arg),
        choices=tuple(one.strip() for one in (args.choices or "").split(",") if one.strip()),
    )


def _setting(text: str) -> tuple[str, Any]:
    from glm_core.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--arg {text}: wants NAME=VALUE, as in --arg few_superglue=true")
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    return name, tuple(found) if isinstance(found, list) else found if not isinstance(found, dict) else value


def _numbers(text: str | None) -> list[int] | None:
    from glm_core.errors import UsageError

    if text is None:
        return None
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(f"--pattern-ids {text}: wants numbers, as in --pattern-ids 0,1") from None


def _model(args: argparse.Namespace) -> Any:
    """The vocabulary of --model; None without one."""
    if args.model is None:
        return None
    from glm_core.tokens.of_model import tokenizer_of
    from glm_pack_legacy.verifying import Vocabulary

    return Vocabulary(args.model, tokenizer_of(args.model, vocab=args.vocab)[0])


def _has_samples(files: list[str]) -> bool:
    return any("/samples/" in one for one in files)
