"""`glm tokenizer train TEXT… --out DIR`: learn a vocabulary from text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.tokens.sources import TextDocument

ACTIONS = ("train",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help="train: learn pieces from text")
    parser.add_argument(
        "paths", nargs="+", metavar="TEXT", help="files (.jsonl, .txt, also .xz, .gz …) and folders of them"
    )
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the vocabulary goes")
    parser.add_argument("--size", type=int, default=8000, metavar="N", help="pieces, special ones included [8000]")
    parser.add_argument(
        "--kind",
        choices=("bert-wordpiece", "gpt2-bpe"),
        default="bert-wordpiece",
        help="words and their pieces, or bytes [bert-wordpiece]",
    )
    parser.add_argument("--min-count", type=int, default=2, metavar="N", help="rarer pairs are not merged [2]")
    parser.add_argument("--cased", action="store_true", help="bert-wordpiece: keep capitals (gpt2-bpe always does)")
    parser.add_argument("--no-task-masks", action="store_true", help="without [sMASK] and [gMASK]")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N documents only")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder that is there already")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    import os

    from glm_core.cli.output import print_json
    from glm_core.cli.running import counting
    from glm_core.errors import UsageError
    from glm_core.tokens.train_vocabulary import train_vocabulary

    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit is at least 1; got {args.limit}")
    if not args.overwrite and os.path.isdir(args.out) and os.listdir(args.out):  # noqa: PTH112, PTH208
        raise UsageError(f"{args.out}: is there already; choose another folder, or --overwrite to replace it")
    with counting(shown=not args.json) as show:
        tokenizer = train_vocabulary(
            _Texts(args.paths, args.limit, show),
            args.out,
            kind=args.kind,
            size=args.size,
            min_count=args.min_count,
            lowercase=not args.cased,
            task_mask=not args.no_task_masks,
        )
    told: dict[str, Any] = {
        "vocabulary": args.out,
        "kind": tokenizer.kind,
        "pieces": tokenizer.n_text_tokens,
        "tokens": tokenizer.n_tokens,
        "fingerprint": tokenizer.fingerprint,
    }
    if args.json:
        print_json(told)
        return
    print(f"{args.out}: {told['kind']}, {told['tokens']} tokens, {told['fingerprint'][:12]}")
    print(f"\nnext     glm corpus build {' '.join(args.paths)} --vocab {args.out} --out CORPUS")


class _Texts:
    """Prompts and texts of the documents in these files, read anew whenever they are gone through."""

    def __init__(self, paths: list[str], limit: int | None, show: Callable[[str], None]) -> None:
        self.paths, self.limit, self.show = paths, limit, show

    def __iter__(self) -> Iterator[str]:
        for n, one in enumerate(islice(self._documents(), self.limit), 1):
            if n % 1000 == 0:
                self.show(f"{n:,} documents read")
            yield from (text for text in one if text)
        self.show("merging …")

    def _documents(self) -> Iterator[TextDocument]:
        from glm_core.tokens.sources import find_sources, read_documents, read_units, text_and_prompt

        for source in find_sources(self.paths):
            for unit in read_units(source, "line"):
                yield from read_documents(source, unit, text_and_prompt)
