"""`glm models`: the models that have a name, their sizes, and where their files come from.

`glm models new PRESET OUT --vocab V`, or sizes of your own, writes one with fresh weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm_core.backbone import ModelSource
    from glm_core.config import ModelConfig
    from glm_core.plugins import Offer


YOURS = "yours"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from glm_core.cli.flags import add_json
    from glm_core.cli.sizes import add_sizes

    what = "NAME: one model only; new OUT, or new PRESET OUT: write a model with fresh weights"
    parser.add_argument("words", nargs="*", metavar="NAME", help=what)
    add_json(parser)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="new: decides the weights [1]")
    parser.add_argument("--overwrite", action="store_true", help="new: replace a folder that is there already")
    add_sizes(parser)


def run(args: argparse.Namespace) -> None:
    from glm_core.cli.sizes import given_sizes
    from glm_core.errors import UsageError

    if args.words[:1] == ["new"]:
        _new(args)
        return
    if len(args.words) > 1 or given_sizes(args) or args.overwrite:
        raise UsageError("glm models NAME shows one model; glm models new OUT --layers … writes a fresh one")
    _show(args, *args.words)


def _new(args: argparse.Namespace) -> None:
    """Write a model with the weights that a seed gives."""
    from glm_core.cli.output import print_json
    from glm_core.cli.sizes import sizes_from
    from glm_core.errors import UsageError
    from glm_core.presets import count_parameters
    from glm_core.runs.pretrain_model import fresh_model

    if len(args.words) not in (2, 3):
        raise UsageError(
            "glm models new OUT, or glm models new PRESET OUT: the folder to write is missing or not alone"
        )
    out = Path(args.words[-1])
    if not args.overwrite and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out}: is there already; choose another folder, or --overwrite to replace it")
    sizes = sizes_from(args, args.words[1] if len(args.words) == 3 else None)
    model = fresh_model(sizes, args.vocab, seed=args.seed, device="cpu")
    model.save(out)
    config = model.module.config
    told = {"model": str(out), "seed": args.seed, "parameters": count_parameters(config), "config": config}
    if args.json:
        print_json(told)
        return
    shape = f"{config.n_layers} layers of width {config.hidden_size}, {config.n_heads} heads"
    print(f"{out}: {count_parameters(config) / 1e6:,.1f} M fresh parameters, {shape}, seed {args.seed}")


def _show(args: argparse.Namespace, name: str | None = None) -> None:
    from glm_core.cli.output import print_json, print_table
    from glm_core.plugins import find_model, list_models

    names = [find_model(name).name] if name is not None else list(list_models())
    found = [describe(find_model(one)) for one in names]
    if args.json:
        print_json(found)
        return
    if name is not None:
        _print_one(found[0])
        return
    shorts = [one["name"].partition("/")[2] for one in found]
    rows = [
        (
            short if shorts.count(short) == 1 else one["name"],
            "" if one["parameters"] is None else f"{one['parameters'] / 1e6:,.1f} M",
            f"{one['layers']}x{one['width']}" if one["layers"] else "",
            one["positions"],
            one["tokenizer"],
            " ".join(one["masks"]),
            one["where"],
        )
        for one, short in zip(found, shorts, strict=True)
    ]
    columns = ("model", "parameters", "size", "positions", "tokenizer", "blanks", "files")
    print_table(columns, rows, right=("parameters", "size", "positions"))
    if any(one["where"] == YOURS for one in found):
        print(f"\n{YOURS}: pass the published files with --model ./folder --preset NAME")


def describe(offer: Offer[ModelSource]) -> dict[str, Any]:
    """What can be said about a named model without loading it; None where its files do not tell."""
    from glm_core.presets import count_parameters, preset

    source = offer.value
    config: ModelConfig | None
    tokenizer: str | None
    if source.preset is not None:
        known = preset(source.preset)
        config, tokenizer, masks = known.config, known.tokenizer, _ordered(known.masks)
        aliases = list(known.aliases)
    else:
        (config, tokenizer, masks), aliases = _read_folder(offer), []
    return {
        "name": offer.name,
        "backbone": source.backbone,
        "preset": source.preset,
        "aliases": aliases,
        "layers": config and config.n_layers,
        "width": config and config.hidden_size,
        "heads": config and config.n_heads,
        "positions": config and config.max_positions,
        "vocabulary": config and config.vocab_size,
        "parameters": count_parameters(config) if config else None,
        "tokenizer": tokenizer,
        "masks": masks,
        "where": _where(offer),
        "license": source.license,
        "summary": source.summary,
    }


def _where(offer: Offer[ModelSource]) -> str:
    kind, _, place = offer.value.where.partition(":")
    if kind == "pack":
        return f"in {offer.pack.label}"
    return f"hub {place}" if kind == "hub" else YOURS


def _read_folder(offer: Offer[ModelSource]) -> tuple[ModelConfig | None, str | None, list[str]]:
    """Sizes, vocabulary and blanks of a model inside a pack, from its small files alone."""
    from glm_core.config import ModelConfig, resolve
    from glm_core.errors import GlmError
    from glm_core.model_sources import locate_model

    if not offer.value.where.startswith("pack:"):
        return None, None, []
    folder, _ = locate_model(offer.name)
    sizes, vocabulary, manifest = (
        _json(folder / name) for name in ("config.json", "tokenizer_config.json", "manifest.json")
    )
    try:
        config = resolve(ModelConfig, file=sizes)[0] if sizes else None
    except GlmError:  # another backbone's config
        config = None
    facts = manifest.get("facts", {})
    return config, vocabulary.get("kind"), _ordered(facts.get("masks", ()))


def _ordered(masks: Iterable[str]) -> list[str]:
    return sorted(masks, key=lambda one: (len(one), one != "[sMASK]"))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _print_one(found: Mapping[str, Any]) -> None:
    print(f"{found['name']}  {found['summary']}".rstrip())
    for name, value in found.items():
        if name not in ("name", "summary") and value not in (None, "", []):
            shown = ", ".join(value) if isinstance(value, list) else f"{value:,}" if name == "parameters" else value
            print(f"  {name.ljust(10)}  {shown}")
