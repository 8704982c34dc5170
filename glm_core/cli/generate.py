"""`glm generate`: write what is missing in a text: `[MASK]` a few words, `[sMASK]` a sentence, `[gMASK]` a long ending.

A text without a blank is continued. Without a text, and without --file, texts are asked for one by one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from random import Random

    from glm_core.backbone import Backbone, Filled
    from glm_core.generation_config import GenerationConfig
    from glm_core.pvp import Cloze

_AT_ONCE = 256  # texts of a file that are handed over together
_SHOWN = 160  # characters of a filling in the list under the text, which holds all of it
_LONGEST_FIRST = ("[gMASK]", "[sMASK]", "[MASK]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_config, add_json, add_model
    from glm_core.generation_config import GenerationConfig

    parser.add_argument("text", nargs="?", help='"Paris is the [MASK] of France."')
    parser.add_argument("--file", metavar="FILE", help='a text per line; or .jsonl: {"text": …, "candidates": [ … ]}')
    parser.add_argument(
        "--out", metavar="FILE.jsonl", help="write here instead of standard output, whole or not at all"
    )
    parser.add_argument("--candidates", metavar="A|B|C", help="write one of these into every blank, nothing else")
    add_model(parser, default="tiny")
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="arithmetic of the model [fp32]; bf16 halves it"
    )
    add_json(parser)
    add_config(parser, GenerationConfig)


def run(args: argparse.Namespace) -> None:
    from random import Random

    from glm_core.cli.flags import backbone_from, config_from
    from glm_core.errors import UsageError
    from glm_core.generation_config import GenerationConfig

    config, _ = config_from(args, GenerationConfig)
    if args.text is not None and args.file:
        raise UsageError("give either a text or --file, not both")
    asks = args.text is None and not args.file and sys.stdin.isatty()
    if asks and (args.out or args.json):
        raise UsageError("--out and --json want a text or --file")
    rows = [] if asks else list(_rows(args))
    backbone = backbone_from(args)
    if args.precision == "bf16":
        import torch

        backbone.module.to(torch.bfloat16)
    rng = Random(config.seed)
    if asks:
        _converse(args, backbone, config, rng)
    elif args.text is not None and not args.out and not args.json:
        _show(rows[0], backbone, config, rng)
    else:
        _fill_file(args, rows, backbone, config, rng)


class _Row(NamedTuple):
    """A text to fill: where it stands, and what else its line holds."""

    text: str
    place: str = ""
    candidates: Sequence[str] | None = None
    rest: dict[str, Any] = {}  # noqa: RUF012  (never written to)


def _rows(args: argparse.Namespace) -> Iterable[_Row]:
    from glm_core.data import DataDir
    from glm_core.errors import UsageError

    common = args.candidates.split("|") if args.candidates is not None else None
    if args.text is not None:
        yield _Row(args.text, candidates=common)
        return
    if not args.file:
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                yield _Row(line.rstrip("\n"), f"line {number}: ", common)
        return
    path = Path(args.file)
    if not path.is_file():
        raise UsageError(f"--file {path}: no such file")
    data = DataDir(path.parent)
    if path.suffix != ".jsonl":
        for number, line in enumerate(data.lines(path.name), 1):
            if line.strip():
                yield _Row(line, f"{path}:{number}: ", common)
        return
    for row in data.jsonl(path.name):
        rest = dict(row)
        text, own = rest.pop("text", None), rest.pop("candidates", None)
        if not isinstance(text, str):
            raise data.error('wants "text": "…" with the text to fill')
        if own is not None and not (isinstance(own, list) and own and all(isinstance(one, str) for one in own)):
            raise data.error('"candidates" is a list of texts')
        place = str(data.error(""))  # file:line:
        yield _Row(text, place, own or common, rest)


def cloze_of(text: str, masks: frozenset[str], candidates: Sequence[str] | None = None) -> Cloze:
    """The text as a cloze whose answers are the candidates, with the space that the blank follows.

    A text without a blank gets one at its end, the longest that the model was trained on. Raises UsageError for a blank
    that it was not trained on.
    """
    from glm_core.errors import UsageError
    from glm_core.examples import Example
    from glm_core.parts import Blank
    from glm_core.pvp import PVP
    from glm_core.templates import parse

    if not text.strip():
        raise UsageError('the text is empty; write one, with [MASK] where something is missing: "Paris is the [MASK]."')
    template = text.replace("{", "{{").replace("}", "}}")
    used = [one.mask for one in parse(template).blanks]
    known = [mask for mask in _LONGEST_FIRST if mask in masks]
    for mask in used:
        if mask not in masks:
            nearest = known[0] if mask == "[gMASK]" else known[-1]
            raise UsageError(f"this model was not trained on {mask}; the nearest blank that it knows is {nearest}")
    if not used:
        template = f"{template.rstrip()} {known[0]}"
    cloze = PVP("", template, lambda example: list(candidates or [])).cloze(Example("text", {}))
    assert any(isinstance(part, Blank) for part in cloze.parts)
    return cloze


def _fill(
    rows: Sequence[_Row], backbone: Backbone, config: GenerationConfig, rng: Random, watch: Any = None
) -> list[Filled]:
    from glm_core.errors import GlmError, UsageError

    clozes = []
    for row in rows:
        try:
            clozes.append(cloze_of(row.text, backbone.masks, row.candidates))
        except GlmError as error:
            raise UsageError(f"{row.place}{error}") from error
    candidates = [cloze.answers or None for cloze in clozes]
    return backbone.fill(clozes, config, rng=rng, candidates=candidates, watch=watch)


def _show(row: _Row, backbone: Backbone, config: GenerationConfig, rng: Random) -> None:
    """Fill one text; on a terminal it appears as it is written."""
    live = sys.stdout.isatty()

    def watch(chunk: Any) -> None:
        shown = chunk.text if chunk.blank is None else f"\033[1m{chunk.text}\033[22m"
        sys.stdout.write(shown)
        sys.stdout.flush()

    (filled,) = _fill([row], backbone, config, rng, watch if live else None)
    print() if live else print(filled.text)
    print()
    for line in _fillings(row, filled, backbone):
        print(line)


def _fillings(row: _Row, filled: Filled, backbone: Backbone) -> list[str]:
    """One line per blank: its number, its mask, what was written."""
    from glm_core.parts import Blank

    masks = [part.mask for part in cloze_of(row.text, backbone.masks).parts if isinstance(part, Blank)]
    lines = []
    told = zip(masks, filled.texts, filled.finished, filled.ids, strict=True)
    for number, (mask, text, finished, ids) in enumerate(told, 1):
        note = "" if finished else f"  (stopped after {len(ids)} tokens)"
        text = " ".join(text.split()) or "(nothing)"
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        lines.append(f"{number}  {mask.ljust(7)}  {shown}{note}")
    return lines


def _converse(args: argparse.Namespace, backbone: Backbone, config: GenerationConfig, rng: Random) -> None:
    from glm_core.errors import GlmError

    known = ", ".join(mask for mask in reversed(_LONGEST_FIRST) if mask in backbone.masks)
    print(f"Write a text with blanks ({known}); an empty line or Ctrl-D ends.", file=sys.stderr)
    candidates = args.candidates.split("|") if args.candidates is not None else None
    while True:
        print("\n> ", end="", flush=True)
        text = sys.stdin.readline()
        if not text.strip():
            print()
            return
        try:
            _show(_Row(text.rstrip("\n"), candidates=candidates), backbone, config, rng)
        except GlmError as error:
            print(f"glm: error: {error}", file=sys.stderr)


def _fill_file(
    args: argparse.Namespace, rows: Sequence[_Row], backbone: Backbone, config: GenerationConfig, rng: Random
) -> None:
    from glm_core.atomic import write_text
    from glm_core.cli.output import plain
    from glm_core.runs.progress import evaluation_bar

    found: list[Filled] = []
    with evaluation_bar(f"writing {len(rows)} texts", shown=len(rows) > 1) as bar:
        for start in range(0, len(rows), _AT_ONCE):
            found += _fill(rows[start : start + _AT_ONCE], backbone, config, rng)
            if bar is not None:
                bar(len(found), len(rows))
    told = plain(
        [
            {
                **row.rest,
                "text": row.text,
                "filled": filled.text,
                "fillings": filled.texts,
                "finished": filled.finished,
            }
            for row, filled in zip(rows, found, strict=True)
        ]
    )
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)
    if args.out:
        write_text(args.out, lines)
        print(f"{len(told)} texts in {args.out}", file=sys.stderr)
    elif args.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for number, (row, filled) in enumerate(zip(rows, found, strict=True)):
            print("\n" * bool(number) + filled.text, "", *_fillings(row, filled, backbone), sep="\n")
