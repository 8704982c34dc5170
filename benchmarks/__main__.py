"""`python -m benchmarks [eval|train|encode|startup|all]`: ours against the plain path, in one process, in turns."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from glm_core.cli.output import plain, print_table


def main(argv: Sequence[str] | None = None) -> int:
    """0; 1 where a column was not exact; 2 for a wrong flag."""
    args = _parser().parse_args(argv)
    import torch

    from benchmarks import encoding, evaluation, jobs, machine, memory, report, startup, training

    torch.set_num_threads(args.threads)
    wanted = ("eval", "train", "encode", "startup") if args.what == "all" else (args.what,)
    found: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "asked": {key: value for key, value in vars(args).items() if key not in ("json", "markdown")},
    }
    tables: list[report.Table] = []
    config = jobs.SIZES[args.size]
    other = "naive" if args.against == "naive" else "ours in fp32"

    def rate() -> float:
        measured = machine.multiplication_rate(config, torch.bfloat16 if args.dtype == "bf16" else torch.float32)
        rates = found.setdefault("multiplication_rate", measured)
        found["multiplication_rate"] = {name: max(rates[name], value) for name, value in measured.items()}
        return max(found["multiplication_rate"].values())

    def keep() -> None:
        if args.json:
            args.json.write_text(json.dumps(plain(found), indent=1) + "\n", encoding="utf-8")

    try:
        columns = {
            "eval": jobs.pick_jobs(jobs.JOBS, args.task) if "eval" in wanted else [],
            "train": jobs.pick_jobs(jobs.TRAINING_JOBS, args.task) if "train" in wanted else [],
        }
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    for what, some in columns.items():
        measured = []
        for job in some:
            _tell(f"{what} {job.name}")
            backbone = jobs.make_backbone(args.size)
            rate()
            if what == "eval":
                one: Any = evaluation.measure(
                    backbone,
                    job,
                    examples=args.examples,
                    naive_examples=min(args.examples, args.naive_examples if job.pad_to == 256 else 2),
                    pairs=args.pairs,
                    dtype=args.dtype,
                    against=args.against,
                )
            else:
                one = training.measure(
                    backbone,
                    job,
                    examples=args.examples,
                    batch_size=args.batch_size,
                    pairs=args.pairs,
                    precision=args.dtype,
                    against=args.against,
                    recompute=args.recompute,
                )
            measured.append(one)
            peak = rate()
            found[what] = [
                report.evaluation_values(one, peak=peak, dtype=args.dtype, size=args.size)
                if what == "eval"
                else report.training_values(one, peak=peak, size=args.size)
                for one in measured
            ]
            keep()
            _tell(f"   {found[what][-1]['ratio']:.2f} times")
        if some:
            title = f"{'Evaluation' if what == 'eval' else 'Fine-tuning'}, {args.dtype}, {args.size}"
            tables.append(report.comparison_table(title, found[what], other=other))
        if what == "eval" and some:
            tables.append(report.counter_table(found[what]))
    if args.memory:
        found["memory"] = [
            {"what": what, "job": job.name, "side": side, "mib": memory.peak(what, side, job.name, args.size)}
            for what, some in columns.items()
            for job in some
            if job.name in memory.JOBS[what]
            for side in memory.SIDES[what]
        ]
        if found["memory"]:
            tables.append(report.memory_table(found["memory"]))
    if "encode" in wanted:
        encoded = [one for task in ("rte", "boolq") for one in encoding.measure(task)]
        found["encode"] = encoded
        tables.append(report.encoding_table(encoded))
    if "startup" in wanted:
        found["startup"] = startup.measure()
        tables.append(report.startup_table(found["startup"]))
    keep()
    head = _head(found)
    print(head)
    for table in tables:
        print(f"\n{table.title}")
        print_table(table.columns, table.rows, right=table.columns[1:])
        if table.note:
            print(table.note)
    if args.markdown:
        args.markdown.write_text("\n".join([head, "", *(one.markdown() for one in tables)]), encoding="utf-8")
    exact = all(one["exact"] for what in ("eval", "train") for one in found.get(what, ()))
    return 0 if exact else 1


def _head(found: dict[str, Any]) -> str:
    about = found["machine"]
    line = (
        f"{found['date']} · torch {about['torch']} · Python {about['python']} · {about['processor']} "
        f"({about['instructions']}) · {about['threads']} thread(s) of {about['cores']}"
    )
    rates = found.get("multiplication_rate")
    return line + (
        "" if not rates else " · " + ", ".join(f"{name} {value:.0f} GFLOP/s" for name, value in rates.items())
    )


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=("eval", "train", "encode", "startup", "all"))
    parser.add_argument("--task", help="columns, comma-separated: rte, boolq-multi, copa, … (all)")
    parser.add_argument("--against", default="naive", choices=("naive", "fp32"), help="the other side (naive)")
    parser.add_argument("--pairs", type=int, default=5, help="how often both sides are measured (5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    parser.add_argument("--dtype", default="fp32", choices=("fp32", "bf16"), help="arithmetic of our side (fp32)")
    parser.add_argument("--size", default="base", choices=("base", "tiny"), help="size of the network (base)")
    parser.add_argument("--examples", type=int, default=32, help="examples of our side (32)")
    parser.add_argument("--naive-examples", type=int, default=16, help="examples of the naive side (16; ReCoRD 2)")
    parser.add_argument("--batch-size", type=int, default=8, help="examples of a training step (8)")
    parser.add_argument(
        "--recompute",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the naive side recomputes activations, as the original's scripts do (yes)",
    )
    parser.add_argument(
        "--memory", action=argparse.BooleanOptionalAction, default=True, help="whether peak memory is measured (yes)"
    )
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
