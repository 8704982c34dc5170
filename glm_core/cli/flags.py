"""Options as flags: each field of a config becomes `--its-name`, and flags, file and task become a config again.

A flag is collected only when it was typed, so that the task's advice and the file can win over defaults. A field that
several configs have (`max_length`) is one flag that sets it in all of them.
"""

from __future__ import annotations

import argparse
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, NoReturn, TypeVar

from glm_core.config import Origin, read_config_file, resolve, unknown_keys
from glm_core.errors import UsageError, did_you_mean

Config = TypeVar("Config")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the nearest flag, raised as UsageError."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            typed = unknown[0].partition("=")[0]
            near = did_you_mean(typed, flags) if typed.startswith("-") else ""
            self.error(f"unknown argument '{unknown[0]}'{near}")
        return found

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def add_config(parser: argparse.ArgumentParser, *kinds: type) -> None:
    """A flag for every field of these configs, and `--config FILE`; a flag that the command has already serves for both."""
    hidden: dict[str, Any] = {"default": argparse.SUPPRESS}
    own = {action.dest for action in parser._actions}
    done = set(own)
    for kind in kinds:
        group = parser.add_argument_group(kind.__name__, (kind.__doc__ or "").partition("\n")[0])
        hints = typing.get_type_hints(kind)
        for one in fields(kind):
            if one.name in done:
                continue
            done.add(one.name)
            flag = "--" + one.name.replace("_", "-")
            text = f"{one.metadata.get('help', '')} [{one.default}]".replace("%", "%%")
            if hints[one.name] is bool:
                group.add_argument(flag, dest=one.name, action=argparse.BooleanOptionalAction, help=text, **hidden)
            else:
                group.add_argument(flag, dest=one.name, metavar=_metavar(hints[one.name]), help=text, **hidden)
    parser.add_argument("--config", metavar="FILE", help="a TOML or JSON file of options, or a run's run.json")
    parser.set_defaults(config_kinds=kinds, config_flags=frozenset(done - own))


def config_from(
    args: argparse.Namespace, kind: type[Config], advice: Mapping[str, Any] | None = None
) -> tuple[Config, dict[str, Origin]]:
    """The config that flags, `--config` file and the task's advice make, and who set each value.

    Raises UsageError for a value of the wrong type or out of range, and for a key of the file that no config of this
    command has.
    """
    kinds: tuple[type, ...] = args.config_kinds
    file = from_file(args)
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    given = {
        name: value for name, value in vars(args).items() if name in names and any(_has(one, name) for one in kinds)
    }
    return resolve(kind, task=advice, file=file, flags=given)


def refuse_options(args: argparse.Namespace, what: str, without: Sequence[type], having: Sequence[type] = ()) -> None:
    """Raise UsageError for the first typed flag that only configs in `without` have: `what` has no use for it."""
    for name in sorted(args.config_flags & vars(args).keys()):
        if any(_has(one, name) for one in without) and not any(_has(one, name) for one in having):
            raise UsageError(f"--{name.replace('_', '-')} does not go with {what}")


def from_file(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the `--config` file; empty without one. Raises UsageError for a key that this command lacks."""
    if not args.config:
        return {}
    found = read_config_file(args.config)
    unknown_keys(found, *args.config_kinds, where=f"--config {args.config}")
    return found


def add_model(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """`--model` and what may have to be said about it; `backbone_from` loads it."""
    text = "a name from `glm models`, or a folder: ./checkpoint" + (f" [{default}]" if default else "")
    parser.add_argument("--model", default=default, required=default is None, metavar="NAME|FOLDER", help=text)
    parser.add_argument("--preset", metavar="NAME", help="the published checkpoint it is, where its files do not tell")
    parser.add_argument("--vocab", metavar="FOLDER", help="the published vocabulary's files, where the model has none")
    parser.add_argument("--backbone", metavar="NAME", help="what kind of model it is, where its name does not tell")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 … [auto]")


def backbone_from(args: argparse.Namespace) -> Any:
    """The backbone that the flags of `add_model` name, loaded."""
    from glm_core.model_sources import load_backbone

    return load_backbone(args.model, backbone=args.backbone, device=args.device, preset=args.preset, vocab=args.vocab)


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: the same facts for a program."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _has(kind: type, name: str) -> bool:
    return any(one.name == name for one in fields(kind))


def _metavar(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return "{" + ",".join(map(str, typing.get_args(hint))) + "}"
    names = {int: "N", float: "X", str: "TEXT"}
    return names.get(hint, "VALUE")
