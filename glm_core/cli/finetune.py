"""`glm finetune TASK --model M --data DIR`: train one model on one task; all about it lies in one folder."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.runs.result import Result
    from glm_core.tasks import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_config, add_json, add_model
    from glm_core.config import EvalConfig, TrainConfig
    from glm_core.generation_config import GenerationConfig

    parser.add_argument("task", help="a task's name, as in `glm tasks`")
    add_model(parser)
    add_data(parser)
    parser.add_argument("--out", metavar="FOLDER", help="the run's folder [out/TASK/PATTERN-sSEED]")
    parser.add_argument("--pattern", help="by name or number (default: the task's advice)")
    parser.add_argument("--recipe", metavar="NAME", help="a named set of options that the task brings")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides all that is drawn [1]")
    parser.add_argument(
        "--method", choices=("cloze", "classifier"), default="cloze", help="fill a blank, or a new head"
    )
    parser.add_argument("--pool", choices=("cls", "sop", "last"), default="cls", help="what a classifier's head reads")
    parser.add_argument("--head", metavar="MODULE:CLASS", help="a classifier's head of your own")
    parser.add_argument("--train-split", metavar="NAME", help="what to learn from (default: the task's)")
    parser.add_argument("--split", metavar="NAME", help="what to choose the best parameters on (default: the task's)")
    parser.add_argument("--allow-final", action="store_true", help="choose on a final split; the result is marked")
    parser.add_argument("--overwrite", action="store_true", help="begin anew where the folder holds a run")
    add_json(parser)
    add_config(parser, TrainConfig, EvalConfig, GenerationConfig)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.flags import backbone_from, config_from, refuse_options
    from glm_core.cli.output import print_json
    from glm_core.config import EvalConfig, TrainConfig
    from glm_core.generation_config import GenerationConfig
    from glm_core.plugins import get_task
    from glm_core.runs.finetune import finetune
    from glm_core.runs.run_dir import RunDir

    task = get_task(args.task)
    advice = task.advice(args.recipe)
    config, origin = config_from(args, TrainConfig, advice)
    evaluation, its_origin = config_from(args, EvalConfig, advice)
    generation = None
    if task.kind == "generation" and args.method == "cloze":
        generation, how = config_from(args, GenerationConfig, advice)
        its_origin = {**how, **its_origin}
    else:
        known = (TrainConfig, EvalConfig)
        refuse_options(args, f"task {task.name}, which writes nothing", (GenerationConfig,), known)
    pattern = args.pattern if args.pattern is not None else advice.get("pattern", 0)
    way = task.pvp(pattern).name if args.method == "cloze" else args.method
    out = args.out or os.path.join("out", task.name, f"{way}-s{args.seed}")  # noqa: PTH118  (as it is typed)
    done_before = RunDir(out).state == "done" and not args.overwrite
    result = finetune(
        task,
        lambda: backbone_from(args),
        data_folders(args, task),
        out,
        pattern=pattern,
        seed=args.seed,
        method=args.method,
        config=config,
        evaluation=evaluation,
        generation=generation,
        train_split=args.train_split,
        tune_split=args.split,
        allow_final=args.allow_final,
        overwrite=args.overwrite,
        pool=args.pool,
        head=args.head,
        model=args.model,
        model_options=_model_options(args),
        origin={**its_origin, **origin},
    )
    if int(os.environ.get("RANK", "0")):
        return  # under torchrun the first process speaks for all
    if args.json:
        print_json({**result.as_dict(), "run": str(out), "done_before": done_before})
    else:
        _print(result, task, done_before)


def _model_options(args: argparse.Namespace) -> dict[str, str]:
    """What was said about the model besides its name."""
    given = {name: getattr(args, name) for name in ("preset", "vocab", "backbone", "device")}
    return {name: value for name, value in given.items() if value not in (None, "auto")}


def add_data(parser: argparse.ArgumentParser) -> None:
    """`--data`, which may be given several times: the first folder that has a file wins."""
    parser.add_argument(
        "--data", action="append", default=[], metavar="FOLDER", help="the data set's files (repeatable)"
    )


def data_folders(args: argparse.Namespace, task: Task) -> list[str]:
    """The folders of `--data`, or the data that come with the task. Raises UsageError where there are none."""
    from glm_core.errors import UsageError

    if args.data:
        return list(args.data)
    bundled = getattr(task.processor, "bundled", None)
    if bundled is None:
        files = ", ".join(name for split in task.processor.splits[:2] for name in split.files) or "the data set"
        raise UsageError(f"--data is missing: the folder that holds {files}")
    return [str(bundled)]


def _print(result: Result, task: Task, done_before: bool) -> None:
    from glm_core.cli.evaluate import health_lines, print_measured
    from glm_core.plugins import path_of

    done = " (done before; this is the stored result)" if done_before else ""
    print(f"{result.task} · {result.pattern} · seed {result.seed} · split {result.split}{done}\n")
    columns = {"majority": result.majority, "before": result.before, "after": result.metrics}
    print_measured(columns)
    training = result.training
    print()
    _line(
        "trained", f"{training['steps']} steps in {training['seconds']:.0f} s, the best after {training['best_step']}"
    )
    for name, text in health_lines(result.health.as_dict()):
        _line(name, text)
    for warning in training.get("warnings", ()):
        _line("warning", warning)
    if _no_better(result, task):
        _line("warning", f"{result.metric} is no better than that of always answering '{result.health.majority_label}'")
    if result.chosen_on_final:
        _line("warning", f"chosen on the final split '{result.split}': these numbers are too good")
    print()
    _line("run", str(result.run))
    pack = path_of(task)
    glm = f"glm --pack {pack}" if pack else "glm"
    finals = [split.name for split in task.processor.splits if split.role == "final" and split.name != result.split]
    if finals:
        _line("next", f"{glm} evaluate --run {result.run} --split {finals[0]}")
    _line("" if finals else "next", f"{glm} predict {result.run} FILE")


def _no_better(result: Result, task: Task) -> bool:
    """Whether the metric that chose the parameters is no better than guessing."""
    guessed, found = result.majority.get(result.metric), result.metrics.get(result.metric)
    if guessed is None or found is None:
        return False
    lower_is_better = getattr(next(iter(task.metrics.values())), "lower_is_better", False)
    return found >= guessed if lower_is_better else found <= guessed


def _line(name: str, text: Any) -> None:
    print(f"{name:<9}{text}")
