"""`glm submit PACK RUN… --out FILE.zip`: the leaderboard's archive from the stored predictions of finished runs."""

from __future__ import annotations

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("pack", metavar="PACK", help="whose leaderboard: superglue (see glm packs)")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="finished runs, evaluated on their test split")
    parser.add_argument("--out", required=True, metavar="FILE.zip", help="the archive; one that is there is replaced")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if int(os.environ.get("RANK", "0")):
        return  # under torchrun the first process does it alone
    from glm_core.cli.output import print_json, print_table
    from glm_core.runs.submission import submit

    made = submit(args.pack, args.runs, args.out)
    if args.json:
        told = {"runs": made.runs, "examples": made.examples, "missing": made.missing}
        print_json({"out": args.out, "pack": args.pack, **told})
        return
    rows = [(name, made.examples[name], made.runs[name]) for name in made.files]
    print_table(("file", "examples", "run"), rows, right=("examples",))
    print(f"\nwritten to {args.out}")
    if made.missing:
        print(f"not a whole submission: {', '.join(made.missing)} not there", file=sys.stderr)
