"""`glm predict RUN FILE`: answer new examples, in the data set's own format and without labels, with a finished run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("run", metavar="RUN", help="the folder of a finished run, or its bundle")
    parser.add_argument("file", metavar="FILE", help="examples in the data set's own format; labels may be missing")
    parser.add_argument(
        "--out", metavar="FILE.jsonl", help="write here instead of standard output, whole or not at all"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 … [auto]")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if int(os.environ.get("RANK", "0")):
        return  # under torchrun the first process does it alone
    from glm_core.atomic import write_text
    from glm_core.cli.output import plain
    from glm_core.runs.predictor import Predictor
    from glm_core.runs.progress import evaluation_bar

    predictor = Predictor.load(args.run, device=args.device)
    examples = predictor.read(args.file)
    with evaluation_bar(f"predicting {args.file}") as bar:
        predictions = predictor.predict(examples, progress=bar)
    rows = [
        {"uid": one.example.uid, "label": one.label, "scores": dict(one.scores), "text": one.text}
        for one in predictions
    ]
    text = _document(plain(rows)) if args.json else _lines(plain(rows))
    if args.out is None:
        sys.stdout.write(text)
        return
    write_text(args.out, text)
    print(f"{len(rows)} predictions in {args.out}", file=sys.stderr)


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _document(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
