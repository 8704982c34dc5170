"""`glm evaluate`: score a finished run (`--run RUN --split test`), or a model as it is (`TASK --model M --data DIR`)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.finetune import add_data
    from glm_core.cli.flags import add_config, add_json, add_model
    from glm_core.config import EvalConfig
    from glm_core.generation_config import GenerationConfig

    parser.add_argument("task", nargs="?", help="a task's name (with --run: by default the run's own)")
    parser.add_argument("--run", metavar="FOLDER", help="a finished run; its predictions stay in its folder")
    add_model(parser, default="")
    add_data(parser)
    parser.add_argument("--split", metavar="NAME", help="which split (default: the one to choose on)")
    parser.add_argument("--pattern", help="by name or number, or 'all' (default: the task's advice); not with --run")
    parser.add_argument("--out", metavar="FILE.jsonl.gz", help="keep the predictions; not with --run")
    add_json(parser)
    add_config(parser, EvalConfig, GenerationConfig)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.output import print_json
    from glm_core.errors import UsageError

    if bool(args.run) == bool(args.model):
        raise UsageError("give either --run FOLDER, a finished run, or --model with a task")
    for flag in ("pattern", "out"):
        if args.run and getattr(args, flag) is not None:
            raise UsageError(f"--{flag} does not go with --run, whose pattern and place are settled")
    found = _of_run(args) if args.run else _of_model(args)
    if int(os.environ.get("RANK", "0")):
        return
    if args.json:
        print_json(found[0] if args.run else found)
        return
    for number, one in enumerate(found):
        if number:
            print()
        _print(one)


def _of_run(args: argparse.Namespace) -> list[dict[str, Any]]:
    from glm_core.cli.flags import config_from, refuse_options
    from glm_core.config import EvalConfig
    from glm_core.generation_config import GenerationConfig
    from glm_core.plugins import get_task
    from glm_core.runs.bundle import read_bundle
    from glm_core.runs.evaluate_run import evaluate_run

    about = read_bundle(args.run)[1]
    config, _ = config_from(args, EvalConfig, about.get("evaluation"))
    written = about.get("generation")
    refuse_options(args, "a run that chooses", () if written else (GenerationConfig,), (EvalConfig,))
    _, told = evaluate_run(
        args.run,
        args.split,
        other=None if args.task is None else get_task(args.task),
        data=args.data,
        config=config,
        generation=config_from(args, GenerationConfig, written)[0] if written else None,
        device=args.device,
    )
    return [{**told, "run": args.run}]


def _of_model(args: argparse.Namespace) -> list[dict[str, Any]]:
    from pathlib import Path

    from glm_core.cli.finetune import data_folders
    from glm_core.cli.flags import backbone_from, config_from, refuse_options
    from glm_core.config import EvalConfig
    from glm_core.errors import UsageError
    from glm_core.generation_config import GenerationConfig
    from glm_core.plugins import get_task
    from glm_core.runs.evaluate import evaluate
    from glm_core.runs.evaluate_run import about_predictions
    from glm_core.runs.predictions import write_predictions
    from glm_core.runs.progress import evaluation_bar
    from glm_core.runs.splits import default_split

    if args.task is None:
        raise UsageError("which task? glm evaluate TASK --model NAME (see glm tasks)")
    task = get_task(args.task)
    config, _ = config_from(args, EvalConfig, task.advice())
    writes = task.kind == "generation"
    refuse_options(
        args, f"task {task.name}, which writes nothing", () if writes else (GenerationConfig,), (EvalConfig,)
    )
    generation = config_from(args, GenerationConfig, task.advice())[0] if writes else None
    wanted = args.pattern if args.pattern is not None else task.recommended.get("pattern", 0)
    pvps = list(task.pvps) if wanted == "all" else [task.pvp(wanted)]
    if args.out and len(pvps) > 1:
        raise UsageError(f"--out keeps the predictions of one pattern, and this task has {len(pvps)}; name one")
    split = task.processor.split(args.split) if args.split else default_split(task)
    examples = task.read(task.processor.open(*data_folders(args, task)), split)
    backbone = backbone_from(args)
    found = []
    for pvp in pvps:
        with evaluation_bar(f"evaluating {split.name}, pattern {pvp.name}") as bar:
            predictions = evaluate(
                task, backbone, examples, pattern=pvp.name, config=config, generation=generation, progress=bar
            )
        told = about_predictions(task, split, predictions, pattern=pvp.name, evaluation=config, generation=generation)
        if args.out:
            write_predictions(Path(args.out), predictions)
            told["predictions"] = args.out
        found.append({**told, "model": args.model})
    return found


def print_measured(columns: Mapping[str, Mapping[str, float]]) -> None:
    """A table of metrics, one line each, one column per way of answering."""
    from glm_core.cli.output import print_table

    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [(name, *(_number(column.get(name)) for column in columns.values())) for name in names]
    print_table(("metric", *columns), rows, right=tuple(columns))


def health_lines(health: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The health numbers as short lines with their names."""
    bare = f", {health['unlabelled']} of them without a label" if health["unlabelled"] else ""
    lines = [("examples", f"{health['n']}{bare}")]
    if health["majority"] is not None:
        lines.append(("majority", f"'{health['majority_label']}', {health['majority']:.1%} of the gold labels"))
    if health["prior"] and len(health["prior"]) <= 8:
        lines.append(("prior", ", ".join(f"{label} {share:.1%}" for label, share in health["prior"].items())))
    lost = ", ".join(f"{field} {n} tokens" for field, n in health["cut_tokens"].items())
    lines.append(("cut", f"{health['cut_examples']:.1%} of the examples ({lost})" if lost else "nothing"))
    if health["ties"]:
        lines.append(("ties", f"{health['ties']} (the first label was taken)"))
    return lines


def _print(told: Mapping[str, Any]) -> None:
    trained = f"run {told['run']}" if "run" in told else f"model {told['model']}, not trained here"
    print(f"{told['task']} · {told['pattern']} · split {told['split']} · {trained}\n")
    if told["metrics"]:
        print_measured({"majority": told["majority"], "found": told["metrics"]})
    else:
        print("This split has no labels: there are predictions and no metric.")
    print()
    for name, text in health_lines(told["health"]):
        print(f"{name:<9}{text}")
    if not told.get("kept", True):
        print(f"{'kept':<9}no: options or data are not those of the run")
    if "predictions" in told:
        print(f"{'kept in':<9}{told['predictions']}")


def _number(value: float | None) -> str:
    return "–" if value is None or value != value or abs(value) == float("inf") else f"{value:.4f}"
