"""`glm pretrain CORPUS… --out RUN`: train a model by filling blanks in plain text, from nothing or from any checkpoint."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.model.glm_backbone import GLMBackbone
    from glm_core.runs.pretrain_run import PretrainResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_config, add_json
    from glm_core.cli.sizes import add_sizes
    from glm_core.config import TrainConfig
    from glm_core.pretrain_config import ADVICE, PretrainConfig

    parser.add_argument("corpora", nargs="+", metavar="CORPUS", help="folders written by `glm corpus build`")
    parser.add_argument("--out", required=True, metavar="RUN", help="the run's folder; its model is RUN/bundle/model")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="go on from this checkpoint instead of fresh weights")
    add_sizes(parser)
    parser.add_argument("--weights", metavar="X,X", help="how often each corpus is drawn from [by its tokens]")
    parser.add_argument("--dev", action="append", default=[], metavar="CORPUS", help="held-out text (repeatable)")
    parser.add_argument("--dev-share", type=float, default=0.005, metavar="X", help="without --dev: held out [0.005]")
    parser.add_argument("--dev-rows", type=int, default=256, metavar="N", help="held-out rows measured [256]")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides all that is drawn [1]")
    parser.add_argument(
        "--processes", type=int, default=0, metavar="N", help="processes that make rows ahead [0: a thread of this one]"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 … [auto]")
    parser.add_argument("--overwrite", action="store_true", help="begin anew where the folder holds a run")
    add_json(parser)
    usual = ", ".join(f"{key.replace('_', '-')} {value}" for key, value in ADVICE.items())
    parser.add_argument_group("defaults of pretraining", f"{usual}; the others as told below")
    add_config(parser, TrainConfig, PretrainConfig)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.flags import config_from
    from glm_core.cli.output import print_json
    from glm_core.config import TrainConfig
    from glm_core.pretrain_config import ADVICE, PretrainConfig
    from glm_core.runs.pretrain import pretrain
    from glm_core.runs.run_dir import RunDir

    config, origin = config_from(args, TrainConfig, ADVICE)
    infilling, its_origin = config_from(args, PretrainConfig)
    done_before = RunDir(args.out).state == "done" and not args.overwrite
    words = _model_words(args)
    result = pretrain(
        args.corpora,
        lambda: _model(args),
        args.out,
        weights=_weights(args.weights),
        dev=args.dev,
        dev_share=args.dev_share,
        dev_rows=args.dev_rows,
        seed=args.seed,
        config=config,
        infilling=infilling,
        processes=args.processes,
        overwrite=args.overwrite,
        model_words=words,
        origin={**its_origin, **origin},
    )
    if int(os.environ.get("RANK", "0")):
        return  # under torchrun the first process speaks for all
    if args.json:
        print_json({**result.as_dict(), "run": str(args.out), "done_before": done_before})
    else:
        _print(result, done_before)


def _weights(text: str | None) -> list[float] | None:
    from glm_core.errors import UsageError

    try:
        return None if text is None else [float(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights wants numbers with commas between them, one per corpus; got '{text}'") from None


def _model(args: argparse.Namespace) -> GLMBackbone:
    """The checkpoint that is gone on with, or a fresh one of the asked sizes."""
    if args.model is None:
        from glm_core.cli.sizes import sizes_from
        from glm_core.runs.pretrain_model import fresh_model

        return fresh_model(sizes_from(args), args.vocab, seed=args.seed, device=args.device)
    from glm_core.model_sources import load_backbone

    found: Any = load_backbone(args.model, device=args.device, preset=args.preset, vocab=args.vocab)
    return found


def _model_words(args: argparse.Namespace) -> list[str]:
    """The flags that name the model. Raises UsageError for sizes beside a checkpoint, which has its own."""
    from glm_core.cli.sizes import SIZES, given_sizes, sizes_from
    from glm_core.errors import UsageError

    if args.model is None:
        sizes_from(args)
        return given_sizes(args)
    own = [one for one in SIZES if getattr(args, one) is not None]
    if own or args.no_block_positions:
        flag = own[0] if own else "no-block-positions"
        raise UsageError(f"--model brings its own sizes; leave out --{flag}, or --model for a fresh one")
    return ["--model", args.model, *given_sizes(args)]


def _print(result: PretrainResult, done_before: bool) -> None:
    from glm_core.cli.output import print_table

    done = " (done before; this is the stored result)" if done_before else ""
    print(f"{result.n_parameters / 1e6:.1f} M parameters · seed {result.seed}{done}\n")
    rows = [
        (name, f"{result.before.get(name, float('nan')):.4f}", f"{value:.4f}") for name, value in result.metrics.items()
    ]
    print_table(("held out", "before", "after"), rows, right=("before", "after"))
    training = result.training
    speed = training["tokens"] / max(training["seconds"], 1e-9)
    print(
        f"\ntrained  {training['steps']} steps, {training['tokens']:,} tokens in {training['seconds']:.0f} s "
        f"({speed:,.0f} a second), the best after {training['best_step']}"
    )
    for warning in training["warnings"]:
        print(f"warning  {warning}")
    print(f"curve    {result.run / 'curve.svg'}")
    where = result.model if result.model.is_absolute() else os.path.join(".", result.model)  # noqa: PTH118
    print(f'next     glm generate --model {where} "…"')
