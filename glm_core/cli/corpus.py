"""`glm corpus build TEXT… --vocab V --out DIR`: text as tokens on disk; `glm corpus info DIR…` tells of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.tokens.corpus import Corpus
    from glm_core.tokens.tokenizer import Tokenizer

ACTIONS = ("build", "info")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    what = "build: tokenize text files and folders of them into --out; info: what lies in corpora"
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=what)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="build: .jsonl or .txt, also .xz, .gz …; info: corpora"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="build: where the corpus goes; gone on with if it was broken off"
    )
    parser.add_argument("--vocab", metavar="FOLDER", help="build: the vocabulary, as `glm tokenizer train` writes one")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="build: or the model whose vocabulary it is")
    parser.add_argument(
        "--plain",
        choices=("line", "paragraph", "file"),
        default="line",
        help="build: what a document of a .txt file is [line]",
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="build: so many tokenize [1]")
    parser.add_argument(
        "--skip-broken", action="store_true", help="build: pass over lines that cannot be read, and count"
    )
    parser.add_argument("--verify", action="store_true", help="info: read everything and compare hashes")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from glm_core.errors import UsageError

    if args.action == "info":
        if args.out or args.vocab or args.model:
            raise UsageError("glm corpus info takes folders and --verify only")
        _info(args)
    else:
        _build(args)


def _build(args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.cli.running import counting
    from glm_core.errors import UsageError
    from glm_core.tokens.shards import BuildProgress, build_shards

    if not args.out:
        raise UsageError("--out is missing: the folder that the corpus is written into")
    tokenizer = _tokenizer(args)
    with counting(shown=not args.json) as show:

        def told(now: BuildProgress) -> None:
            show(f"{now.file.name} line {now.line:,}: {now.n_documents:,} documents, {now.n_tokens:,} tokens")

        corpus = build_shards(
            args.paths,
            tokenizer,
            args.out,
            plain=args.plain,
            processes=args.processes,
            skip_broken=args.skip_broken,
            progress=told,
        )
    if args.json:
        print_json(_about(args.out, corpus))
    else:
        _print_one(_about(args.out, corpus))
        print(f"\nnext     glm pretrain {args.out} --layers 4 --width 128 --vocab {args.vocab or 'VOCAB'} --out RUN")


def _tokenizer(args: argparse.Namespace) -> Tokenizer:
    from glm_core.errors import UsageError
    from glm_core.tokens import load_tokenizer
    from glm_core.tokens.of_model import tokenizer_of

    if args.model is not None:
        return tokenizer_of(args.model, vocab=args.vocab)[0]
    if args.vocab is None:
        raise UsageError("which vocabulary? give its folder with --vocab, or a model with --model")
    return load_tokenizer(args.vocab)


def _info(args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.tokens.corpus import Corpus

    found = []
    for path in args.paths:
        corpus = Corpus(path)
        if args.verify:
            corpus.verify()
        found.append({**_about(path, corpus), **({"verified": True} if args.verify else {})})
    if args.json:
        print_json(found)
        return
    for number, one in enumerate(found):
        if number:
            print()
        _print_one(one)


def _about(path: str, corpus: Corpus) -> dict[str, Any]:
    """What `corpus.json` tells, without the list of shards."""
    import json
    from pathlib import Path

    from glm_core.tokens.corpus import CORPUS

    told = json.loads((Path(path) / CORPUS).read_text(encoding="utf-8"))
    size = sum(one.stat().st_size for one in Path(path).glob("*/*") if one.is_file())
    return {
        "corpus": str(path),
        "documents": told["n_documents"],
        "tokens": corpus.n_tokens,
        "mean_length": round(corpus.n_tokens / max(told["n_documents"], 1), 1),
        "shards": len(told["shards"]),
        "bytes": size,
        "vocabulary": f"{told['vocabulary']['kind']}, {told['vocabulary']['n_text_tokens']} tokens",
        "fingerprint": told["vocabulary"]["fingerprint"],
        "sources": [one["name"] for one in told["sources"]],
        "empty": told.get("n_empty", 0),
        "broken": told.get("n_broken", 0),
        "broken_lines": told.get("broken", []),
    }


def _print_one(told: dict[str, Any]) -> None:
    print(told["corpus"])
    print(
        f"  documents   {told['documents']:,} ({told['mean_length']:,} tokens each; {told['empty']:,} empty left out)"
    )
    print(f"  tokens      {told['tokens']:,} in {told['shards']} shards, {told['bytes'] / 1e6:,.1f} MB")
    print(f"  vocabulary  {told['vocabulary']}, {told['fingerprint'][:12]}")
    print(f"  sources     {', '.join(told['sources'])}")
    if told["broken"]:
        print(f"  broken      {told['broken']:,} lines were passed over")
        for line in told["broken_lines"]:
            print(f"              {line}")
    if told.get("verified"):
        print("  verified    every file is as it was written")
