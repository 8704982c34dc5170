"""`glm convert SOURCE TARGET`: a checkpoint in another layout, precision, number of shards or size of tables."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

LAYOUTS = ("native", "original", "hf", "flagai")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("source", metavar="SOURCE", help="a checkpoint's folder or file, in any layout")
    parser.add_argument("target", metavar="TARGET", help="the folder to write")
    parser.add_argument("--layout", default="native", choices=LAYOUTS, help="how it shall lie there [native]")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="parallel shards, original and flagai [1]")
    parser.add_argument("--dtype", choices=("fp32", "fp16", "bf16"), help="precision of the numbers [as stored]")
    parser.add_argument("--preset", metavar="NAME", help="the published checkpoint it is, where its files do not tell")
    parser.add_argument("--heads", type=int, metavar="N", help="attention heads, where neither files nor preset tell")
    parser.add_argument("--vocab", metavar="FOLDER", help="a published vocabulary, to be put beside the checkpoint")
    parser.add_argument("--base", metavar="FOLDER", help="what a checkpoint of changed weights only is laid over")
    parser.add_argument("--stretch-positions", type=int, metavar="N", help="longer position tables, new rows fresh")
    parser.add_argument("--stretch-vocab", type=int, metavar="N", help="a longer token table, new rows fresh")
    parser.add_argument("--seed", type=int, default=1234, help="of the fresh rows [1234]")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--safetensors", action="store_true", help="hf: model.safetensors (default)")
    form.add_argument("--bin", action="store_true", help="hf: pytorch_model.bin")
    parser.add_argument("--overwrite", action="store_true", help="replace a TARGET that is there already")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError
    from glm_core.model.convert import convert

    if (args.bin or args.safetensors) and args.layout != "hf":
        raise UsageError(f"--bin and --safetensors belong to --layout hf; got {args.layout}")
    done = convert(
        args.source,
        args.target,
        layout="hf-bin" if args.bin else args.layout,
        n_shards=args.shards,
        dtype=args.dtype,
        base=args.base,
        preset=args.preset,
        n_heads=args.heads,
        max_positions=args.stretch_positions,
        vocab_size=args.stretch_vocab,
        seed=args.seed,
        beside=_vocabulary(args.vocab, args.preset, args.layout) if args.vocab else None,
        overwrite=args.overwrite,
    )
    if args.json:
        print_json(asdict(done))
    else:
        print(done)


def _vocabulary(folder: str, preset_name: str | None, layout: str) -> dict[str, Any]:
    """The vocabulary's files by name; in the native layout with our description of it."""
    from glm_core.model.glm_files import vocabulary_files
    from glm_core.presets import preset
    from glm_core.tokens import load_tokenizer
    from glm_core.tokens.of_model import tokenizer_options

    tokenizer = load_tokenizer(folder, **(tokenizer_options(preset(preset_name)) if preset_name else {}))
    return vocabulary_files(tokenizer) if layout == "native" else dict(tokenizer.files)
