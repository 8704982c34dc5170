"""The flags of a fresh model: sizes of a published one or your own, over a vocabulary."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_core.runs.pretrain_model import Sizes

SIZES = ("layers", "width", "heads", "positions")


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """`--preset` or `--layers --width …`, and `--vocab`; `sizes_from` reads them."""
    group = parser.add_argument_group("fresh model", "sizes of a published model, or your own, over a vocabulary")
    group.add_argument("--preset", metavar="NAME", help="sizes of a published model (glm models)")
    group.add_argument("--layers", type=int, metavar="N", help="transformer layers")
    group.add_argument("--width", type=int, metavar="N", help="width of a state")
    group.add_argument("--heads", type=int, metavar="N", help="attention heads [one per 64 of width]")
    group.add_argument("--positions", type=int, metavar="N", help="the longest row it will read [512]")
    group.add_argument("--no-block-positions", action="store_true", help="one table of positions only")
    group.add_argument("--vocab", metavar="FOLDER", help="its vocabulary (glm tokenizer train)")


def sizes_from(args: argparse.Namespace, preset: str | None = None) -> Sizes:
    """What is asked of a fresh model. Raises UsageError where neither sizes nor a preset are given, or no vocabulary."""
    from glm_core.errors import UsageError
    from glm_core.runs.pretrain_model import Sizes

    preset = preset or args.preset
    if preset is None and (args.layers is None or args.width is None):
        raise UsageError("how large is the model to be? give --preset NAME, or --layers and --width")
    if args.vocab is None:
        raise UsageError(
            "a fresh model needs a vocabulary: give its folder with --vocab (glm tokenizer train makes one)"
        )
    for name in SIZES:
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise UsageError(f"--{name} is at least 1; got {getattr(args, name)}")
    return Sizes(preset, args.layers, args.width, args.heads, args.positions, not args.no_block_positions)


def given_sizes(args: argparse.Namespace) -> list[str]:
    """The flags of sizes that were typed, as words of a command line."""
    words = []
    for name in ("preset", *SIZES, "vocab"):
        if getattr(args, name) is not None:
            words += [f"--{name}", str(getattr(args, name))]
    return [*words, "--no-block-positions"] if args.no_block_positions else words
