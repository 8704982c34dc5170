"""`glm demo`: the real pipeline, once through, on the small data and the tiny model that ship with the package."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.runs.result import Result
    from glm_core.tasks import Task

MODEL = "tiny"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json

    parser.add_argument("--out", default="glm-demo", metavar="DIR", help="where the runs go (default: glm-demo)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the training (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto (default)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from glm_core.cli.output import print_json
    from glm_core.plugins import list_tasks

    began = time.monotonic()
    say = _silent if args.json else _say
    tasks = {name: task for name, task in list_tasks().items() if _bundled(task)}
    say(
        "Everything in GLM is a text with a blank. A pattern turns an example into such a text, a verbalizer names the\n"
        "words that may fill it, and the model weighs them. This runs the whole way, on data that ship with the package."
    )
    results: dict[str, dict[str, Any]] = {}
    for name, task in tasks.items():
        _show_prompt(task, name, say)
        result = _train(task, Path(args.out) / task.name, args)
        results[name] = _row(task, result, _on_test(task, result, args))
    seconds = time.monotonic() - began
    if args.json:
        print_json({"model": MODEL, "seconds": round(seconds, 1), "tasks": results})
        return 0
    _print_table(results)
    first = next(iter(tasks))
    run_folder = Path(args.out) / tasks[first].name
    say(
        f"\nDone in {seconds:.0f} seconds. The model has {_n_parameters():.1f} million parameters, pretrained from a\n"
        "seed by this package's own code, for an hour on one processor core; a published GLM has 109 million and more.\n"
        f"Each run is a folder: {run_folder}/ holds its predictions, its log and its model.\n"
        "\nTry next:\n"
        '  echo \'{"text": "A slow start, but I loved the ending."}\' > mine.jsonl'
        f" && glm predict {run_folder} mine.jsonl\n"
        f"  glm preview {first} --tokens\n"
        "  glm finetune superglue/rte --model tiny --data path/to/RTE --out out/rte"
    )
    return 0


def _bundled(task: Task) -> bool:
    """A task that brings its data along, with all three splits, can be shown without asking for anything."""
    roles = {split.role for split in task.processor.splits if split.labelled}
    return task.kind == "cloze" and task.processor.bundled is not None and roles >= {"train", "tune", "final"}


def _show_prompt(task: Task, name: str, say: Any) -> None:
    from glm_core.tokens.encode import encode
    from glm_core.tokens.of_model import tokenizer_of

    example = task.read(task.processor.open(), task.processor.splits[0], limit=1)[0]
    cloze = task.cloze(example)
    tokenizer, masks = tokenizer_of(MODEL)
    instance = encode(cloze, tokenizer, max_length=task.recommended.get("max_length", 256), masks=masks)
    pieces = " ".join("soft" if one < 0 else tokenizer.token(one) for one in instance.row.ids.tolist())
    text = str(cloze).replace("[MASK]", " [MASK]")
    words = ", ".join(
        f"{str(answer).strip()} = {label}" for answer, label in zip(cloze.answers, cloze.labels, strict=True)
    )
    fields = "  ".join(f"{key}: {value}" for key, value in example.fields.items())
    say(
        f"\n{name}: {task.summary}\n"
        f"  example   {fields}  ({example.label})\n"
        f"  reads     {text}\n"
        f"  words     {words}\n"
        f"  tokens    {pieces}"
    )


def _train(task: Task, out: Any, args: argparse.Namespace) -> Result:
    from glm_core import load_backbone
    from glm_core.runs.finetune import finetune

    return finetune(
        task,
        lambda: load_backbone(MODEL, device=args.device),
        (),
        out,
        seed=args.seed,
        overwrite=True,
        model=MODEL,
        progress=not args.json,
    )


def _on_test(task: Task, result: Result, args: argparse.Namespace) -> dict[str, float]:
    """The trained model and the untrained one on the final split, which chose nothing."""
    from glm_core import load_backbone
    from glm_core.config import EvalConfig
    from glm_core.runs.evaluate import evaluate
    from glm_core.runs.health import measure, measure_majority
    from glm_core.runs.predictor import Predictor

    final = next(one for one in task.processor.splits if one.role == "final")
    examples = task.read(task.processor.open(), final)
    config = EvalConfig(max_length=task.recommended.get("max_length", 256))
    found = {}
    for when, backbone in (
        ("before", load_backbone(MODEL, device=args.device)),
        ("after", Predictor.load(result.run, device=args.device).backbone),
    ):
        predictions = evaluate(task, backbone, examples, config=config)
        found[when] = measure(task, predictions)[result.metric]
        found["majority"] = measure_majority(task, predictions)[result.metric]
    return found


def _row(task: Task, result: Result, on_test: dict[str, float]) -> dict[str, Any]:
    n_test = len(task.read(task.processor.open(), next(s for s in task.processor.splits if s.role == "final")))
    return {"metric": result.metric, "test_examples": n_test, "steps": result.training.get("steps"), **on_test}


def _print_table(results: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="accuracy on the test split", title_justify="left")
    table.add_column("task")
    for name in ("examples", "majority", "before training", "after training"):
        table.add_column(name, justify="right")
    for name, row in results.items():
        shares = (f"{100 * row[key]:.1f} %" for key in ("majority", "before", "after"))
        table.add_row(name, str(row["test_examples"]), *shares)
    console = Console()
    console.print()
    console.print(table)


def _n_parameters() -> float:
    """Millions of parameters of the bundled model, read from its config."""
    from glm_core.model.layouts import read_config
    from glm_core.model_sources import locate_model
    from glm_core.presets import count_parameters

    folder, _ = locate_model(MODEL)
    return count_parameters(read_config(folder / "config.json")) / 1e6


def _say(text: str) -> None:
    print(text, flush=True)


def _silent(text: str) -> None:
    pass
