"""`glm quick FILE --pattern P --words LABEL=WORD`: try a file of labelled rows, without a pack.

    glm quick reviews.tsv --pattern '{text} It was [MASK].' --words pos=great --words neg=terrible
    glm quick reviews.tsv … --train --epochs 5 --save reviews.toml

A share of the rows is held out; the model is measured on them as it came and, with --train, after it learnt from the
others. --save writes the same as a pack in TOML, with its data beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.runs.draft import Draft
    from glm_core.runs.quick import Measured
    from glm_core.tasks import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_config, add_json, add_model
    from glm_core.config import EvalConfig, TrainConfig

    parser.add_argument("file", metavar="FILE", help="a .tsv or .csv with a header row, or a .jsonl")
    parser.add_argument("--pattern", required=True, help="'{text} It was [MASK].', with the names of columns in braces")
    parser.add_argument(
        "--words", action="append", required=True, metavar="LABEL=WORD[,WORD]", help="what fills the blank (repeatable)"
    )
    parser.add_argument("--label-column", default="label", metavar="NAME", help="which column has the labels [label]")
    parser.add_argument("--test", metavar="FILE", help="further rows, to measure on only")
    parser.add_argument("--dev-share", type=float, default=0.2, metavar="X", help="share of the rows held out [0.2]")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides all that is drawn [1]")
    parser.add_argument("--train", action="store_true", help="fine-tune on the rows that are not held out")
    parser.add_argument("--save", metavar="FILE.toml", help="write the task as a pack, and its data beside it")
    parser.add_argument("--out", metavar="FOLDER", help="keep the training's run; wants --train and --save")
    add_model(parser, default="tiny")
    add_json(parser)
    add_config(parser, TrainConfig, EvalConfig)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.flags import backbone_from, config_from
    from glm_core.cli.output import print_json
    from glm_core.config import EvalConfig, TrainConfig
    from glm_core.errors import UsageError
    from glm_core.runs.draft import draft

    if args.out and not (args.train and args.save):
        raise UsageError("--out keeps a run of a task that stays: add --train, and --save FILE.toml")
    training, origin = config_from(args, TrainConfig)
    evaluation, its_origin = config_from(args, EvalConfig)
    settled = {**vars(evaluation), **vars(training)}
    made = draft(
        args.file,
        args.pattern,
        words_from(args.words),
        label_column=args.label_column,
        test=args.test,
        dev_share=args.dev_share,
        seed=args.seed,
        recommended={key: settled[key] for key, who in {**its_origin, **origin}.items() if who in ("file", "flags")},
    )
    with _written(made, args.save) as task:
        backbone = backbone_from(args)
        from glm_core.runs.quick import measure_splits  # torch, once all that was typed is known to be right

        def train() -> int:
            from tempfile import TemporaryDirectory

            from glm_core.runs.finetune import finetune

            with TemporaryDirectory(prefix="glm-quick-") as passing:
                result = finetune(
                    task,
                    backbone,
                    [str(task.processor.bundled)],
                    args.out or Path(passing, "run"),
                    seed=args.seed,
                    config=training,
                    evaluation=evaluation,
                    model=args.model,
                    origin={**its_origin, **origin},
                    progress=not args.json,
                )
            return result.health.steps

        found = measure_splits(task, backbone, evaluation, train=train if args.train else None, progress=not args.json)
        sample = task.cloze(task.read(task.processor.open(), "dev", limit=1)[0])
        space = " " if str(sample.answers[0]).startswith(" ") else ""  # which the answers bring along
        reads = str(sample).replace("[MASK]", f"{space}[MASK]")
    if args.json:
        print_json(_told(made, found, args))
    else:
        _print(made, found, reads, args)


def words_from(typed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`["pos=great,good", "neg=bad"]` as words by label. Raises UsageError for a piece that is neither."""
    from glm_core.errors import UsageError

    words: dict[str, tuple[str, ...]] = {}
    for one in typed:
        label, _, several = one.partition("=")
        answers = tuple(word for word in several.split(",") if word.strip())
        if not label or not answers:
            raise UsageError(f"--words {one}: write LABEL=WORD, as in --words pos=great or --words pos=great,good")
        words[label] = tuple(dict.fromkeys((*words.get(label, ()), *answers)))
    return words


@contextmanager
def _written(made: Draft, save: str | None) -> Iterator[Task]:
    """The task, read back from the pack that the draft was written to: the one to be saved, or one that passes."""
    from tempfile import TemporaryDirectory

    from glm_core.errors import UsageError
    from glm_core.packs_find import toml_file
    from glm_core.plugins import get_task
    from glm_core.tomlpack import read_tasks

    if save is None:
        with TemporaryDirectory(prefix="glm-quick-") as folder:
            path = Path(folder, "quick.toml")
            made.write(path)
            (task,) = read_tasks(path.read_bytes(), path.name, path.parent)
            yield task
        return
    path = Path(save).expanduser()
    if path.suffix != ".toml":
        raise UsageError(f"--save {save}: wants the name of a .toml file")
    toml_file(save, path)  # a name that no pack can have is refused before anything is written
    made.write(path)
    yield get_task(save)


def _told(made: Draft, found: Sequence[Measured], args: argparse.Namespace) -> dict[str, Any]:
    return {
        "file": args.file,
        "task": made.name,
        "pattern": made.pattern,
        "words": made.words,
        "model": args.model,
        "seed": args.seed,
        "rows": made.counts,
        "trained": args.train,
        "results": found,
        "saved": args.save,
        "run": args.out,
    }


def _print(made: Draft, found: Sequence[Measured], reads: str, args: argparse.Namespace) -> None:
    from glm_core.cli.evaluate import health_lines
    from glm_core.cli.output import print_table

    shares = ", ".join(f"{split} {sum(labels.values())}" for split, labels in made.counts.items())
    print(f"{args.file} · model {args.model} · seed {args.seed} · {shares}\n")
    totals = {label: sum(of_split[label] for of_split in made.counts.values()) for label in made.words}
    words = [f"{label}: {', '.join(answers)}" for label, answers in made.words.items()]
    print(f"reads    {reads}")
    print(f"words    {' · '.join(words)}")
    print(f"labels   {', '.join(f'{label} {n}' for label, n in totals.items())}\n")
    ways = ("majority", "before", "after") if args.train else ("majority", "model")
    rows = [
        (one.split, one.n, metric, *(_number(values, metric) for values in _columns(one)))
        for one in found
        for metric in one.before
    ]
    print_table(("split", "examples", "metric", *ways), rows, right=("examples", *ways))
    print()
    for name, text in health_lines(found[0].health):
        if name in ("prior", "cut", "ties"):
            print(f"{name:<9}{text}")
    _print_next(found, args)


def _print_next(found: Sequence[Measured], args: argparse.Namespace) -> None:
    first = found[0]
    metric = next(iter(first.before))
    if first.after is not None and first.after[metric] <= max(first.before[metric], first.majority[metric]):
        print("hint     little was learnt: try more --epochs or --steps; a small model wants --learning-rate 1e-3")
    if args.save is None:
        more = "--save FILE.toml keeps the task as a pack"
        print(f"next     {more if args.train else f'--train learns from the other rows; {more}'}")
        return
    print(f"saved    {args.save}")
    if args.out:
        print(f"next     glm --pack {args.save} predict {args.out} FILE")
    else:
        path = args.save if args.save.startswith((".", "/", "~")) else f"./{args.save}"
        print(f"next     glm finetune {path} --model {args.model}")


def _columns(one: Measured) -> tuple[Mapping[str, float], ...]:
    return (one.majority, one.before) if one.after is None else (one.majority, one.before, one.after)


def _number(values: Mapping[str, float], metric: str) -> str:
    return f"{values[metric]:.4f}" if metric in values else "–"
