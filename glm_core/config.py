"""Options, each declared once: type, default, help, check.

Flags, configuration files and `run.json` are derived from these frozen dataclasses. A config says nothing about where a
value came from; `resolve` does, by returning the origin of every value beside it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from glm_core.errors import UsageError, did_you_mean

Config = TypeVar("Config")

Origin = Literal["default", "task", "file", "flags"]


def option(default: Any, help: str) -> Any:
    """A dataclass field with its help text; the flag `--name` is made from it."""
    return field(default=default, metadata={"help": help})


def _require(fine: bool, flag: str, what: str, got: object) -> None:
    if not fine:
        raise UsageError(f"--{flag} {what}; got {got!r}")


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of a GLM. Tables of 2D positions have `max_positions + 1` rows (MODEL 1.5)."""

    n_layers: int = option(12, "transformer layers")
    hidden_size: int = option(768, "width of a state")
    n_heads: int = option(12, "attention heads")
    vocab_size: int = option(30592, "rows of the token table, padding rows included")
    max_positions: int = option(512, "longest row that the position tables were made for")
    block_positions: bool = option(True, "2D block positions; off: one table of absolute positions")
    attention_scale: float = option(1.0, "divides the attention scores before the row maximum is taken (fp16 range)")
    embedding_dropout: float = option(0.1, "dropout on the embeddings")
    attention_dropout: float = option(0.1, "dropout on attention probabilities")
    output_dropout: float = option(0.1, "dropout on the output of attention and feed-forward layers")
    layernorm_epsilon: float = option(1e-5, "epsilon of every layer norm")
    initializer_range: float = option(0.02, "standard deviation of fresh weights")

    def __post_init__(self) -> None:
        for name in ("n_layers", "hidden_size", "n_heads", "vocab_size", "max_positions"):
            value = getattr(self, name)
            if value < 1:
                raise UsageError(f"{name} is at least 1; got {value}")
        if self.hidden_size % self.n_heads:
            raise UsageError(f"hidden_size {self.hidden_size} is not a multiple of n_heads {self.n_heads}")


Objective = Literal["choice", "hinge", "generative", "mixed", "decoupled", "distill", "lm"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class TrainConfig:
    """How one model is trained."""

    epochs: float = option(20.0, "passes over the training examples")
    steps: int = option(0, "optimizer steps; 0: as many as the epochs make")
    batch_size: int = option(16, "examples per optimizer step, over all processes and accumulated micro-batches")
    micro_batch_tokens: int = option(8192, "padded tokens of one micro-batch; a step takes as many as it needs")
    max_length: int = option(256, "tokens of a row: Part A and its longest answer")
    learning_rate: float = option(1e-5, "peak learning rate")
    schedule: Literal["linear", "cosine", "constant"] = option("linear", "how the learning rate falls")
    warmup: float = option(0.1, "share of the steps spent warming up")
    decay_to: float = option(0.1, "where the learning rate ends, as a share of the peak (0: decay to zero)")
    weight_decay: float = option(0.1, "decoupled weight decay; never on biases and layer norms")
    beta1: float = option(0.9, "AdamW's first beta")
    beta2: float = option(0.999, "AdamW's second beta")
    epsilon: float = option(1e-8, "AdamW's epsilon")
    clip: float = option(1.0, "largest norm of the gradient; 0: no clipping")
    precision: Precision = option("fp32", "arithmetic of the forward pass")
    objective: Objective = option("choice", "the loss over label scores")
    smoothing: float = option(0.0, "label smoothing of generative losses")
    length_penalty: float = option(0.0, "answer scores are divided by (tokens ** penalty)")
    dropout: float = option(0.1, "dropout everywhere while training")
    eval_every: float = option(1.0, "epochs between two evaluations on the tuning split; 0: only at the end")
    patience: int = option(0, "stop after so many evaluations without a better score; 0: never")
    save_every: int = option(0, "steps between two resume points; 0: at every evaluation")
    freeze: Literal["none", "body"] = option("none", "'body': train soft prompts and heads only")
    soft_tokens: int = option(0, "trainable prompt vectors spread over the pattern's soft places")
    soft_prefix: int = option(0, "trainable prompt vectors in front of the text")
    soft_encoder: Literal["none", "mlp", "lstm"] = option("lstm", "what reparametrises the soft prompt")
    activation_checkpointing: bool = option(False, "recompute activations in the backward pass to save memory")
    deterministic: bool = option(True, "the same seed gives the same bits (on one kind of machine)")

    def __post_init__(self) -> None:
        _require(self.epochs > 0, "epochs", "is above 0", self.epochs)
        _require(self.steps >= 0, "steps", "is 0 or more", self.steps)
        _require(self.batch_size >= 1, "batch-size", "is at least 1", self.batch_size)
        _require(self.micro_batch_tokens >= 1, "micro-batch-tokens", "is at least 1", self.micro_batch_tokens)
        _require(self.max_length >= 8, "max-length", "is at least 8", self.max_length)
        _require(self.learning_rate >= 0, "learning-rate", "is not negative", self.learning_rate)
        _require(0 <= self.warmup < 1, "warmup", "is a share of the steps, from 0 to below 1", self.warmup)
        _require(0 <= self.decay_to <= 1, "decay-to", "is a share of the peak, from 0 to 1", self.decay_to)
        _require(self.weight_decay >= 0, "weight-decay", "is not negative", self.weight_decay)
        _require(0 <= self.beta1 < 1, "beta1", "is from 0 to below 1", self.beta1)
        _require(0 <= self.beta2 < 1, "beta2", "is from 0 to below 1", self.beta2)
        _require(self.epsilon > 0, "epsilon", "is above 0", self.epsilon)
        _require(self.clip >= 0, "clip", "is not negative", self.clip)
        _require(0 <= self.smoothing < 1, "smoothing", "is from 0 to below 1", self.smoothing)
        _require(self.length_penalty >= 0, "length-penalty", "is not negative", self.length_penalty)
        _require(0 <= self.dropout < 1, "dropout", "is from 0 to below 1", self.dropout)
        _require(self.eval_every >= 0, "eval-every", "is not negative", self.eval_every)
        _require(self.patience >= 0, "patience", "is not negative", self.patience)
        _require(self.save_every >= 0, "save-every", "is not negative", self.save_every)
        _require(self.soft_tokens >= 0, "soft-tokens", "is not negative", self.soft_tokens)
        _require(self.soft_prefix >= 0, "soft-prefix", "is not negative", self.soft_prefix)


@dataclass(frozen=True)
class EvalConfig:
    """How examples are scored."""

    max_length: int = option(256, "tokens of a row: Part A and its longest answer")
    batch_tokens: int = option(8192, "padded tokens of one batch; results do not depend on it")
    length_penalty: float = option(0.0, "answer scores are divided by (tokens ** penalty)")
    precision: Precision = option("fp32", "arithmetic of the forward pass")
    direction: Literal["bi", "uni"] = option("bi", "how a text before its blank is read; uni: from left to right only")
    overlap: float = option(
        0.5, "long texts: what a window reads again of the one before; a share of it, or from 1 on a number of tokens"
    )

    def __post_init__(self) -> None:
        _require(self.max_length >= 8, "max-length", "is at least 8", self.max_length)
        _require(self.batch_tokens >= 1, "batch-tokens", "is at least 1", self.batch_tokens)
        _require(self.length_penalty >= 0, "length-penalty", "is not negative", self.length_penalty)
        _require(self.overlap >= 0, "overlap", "is not negative", self.overlap)


def resolve(
    kind: type[Config],
    *,
    task: Mapping[str, Any] | None = None,
    file: Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> tuple[Config, dict[str, Origin]]:
    """The config that these sources make, later ones winning, and who set each value.

    Keys that `kind` does not have are passed over here (one file serves several configs); `unknown_keys` finds those that
    nobody has. Raises UsageError for a value of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    origin: dict[str, Origin] = {one.name: "default" for one in fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    sources: tuple[tuple[Origin, Mapping[str, Any] | None], ...] = (("task", task), ("file", file), ("flags", flags))
    for name, source in sources:
        for key, value in (source or {}).items():
            if key in origin:
                values[key] = _convert(value, hints[key], key)
                origin[key] = name
    return kind(**values), origin


def unknown_keys(source: Mapping[str, Any], *kinds: type, where: str) -> None:
    """Raise UsageError for the first key that none of these configs has, naming the nearest one."""
    known = [one.name for kind in kinds for one in fields(kind)]
    for key in source:
        if key not in known:
            raise UsageError(f"{where}: unknown option '{key}'{did_you_mean(key, known)}")


def defaults(kind: type) -> dict[str, Any]:
    """Every option of a config with its default."""
    return {one.name: one.default for one in fields(kind) if one.default is not MISSING}


def as_dict(config: Any) -> dict[str, Any]:
    """A config as plain values, ready for JSON."""
    return dataclasses.asdict(config)


def read_config_file(path: str | Path) -> dict[str, Any]:
    """A TOML or JSON file of options; a `run.json` may be given back (its `config` table is read)."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path}: cannot be read ({error}); give a TOML or JSON file of options") from error
    try:
        if path.suffix == ".json":
            found = json.loads(text)
            found = found.get("config", found) if isinstance(found, dict) else found
        else:
            found = _toml().loads(text)
    except ValueError as error:
        raise UsageError(f"--config {path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"--config {path}: wants a table of options, found {type(found).__name__}")
    return {key.replace("-", "_"): value for key, value in found.items()}


def _toml() -> Any:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    return tomllib


def _convert(value: Any, hint: Any, key: str) -> Any:
    """A value from a file or a flag as the type that the option declares."""
    flag = key.replace("_", "-")
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            near = did_you_mean(str(value), [str(one) for one in allowed])
            raise UsageError(f"--{flag} is one of {', '.join(map(str, allowed))}; got {value!r}{near}")
        return value
    if hint is bool:
        if isinstance(value, bool):
            return value
        raise UsageError(f"--{flag} is true or false; got {value!r}")
    if hint in (int, float):
        number = _number(value)
        if number is not None and (hint is float or number == int(number)):
            return hint(number)
        raise UsageError(f"--{flag} is {'a whole number' if hint is int else 'a number'}; got {value!r}")
    if isinstance(value, hint):
        return value
    raise UsageError(f"--{flag} is of type {hint.__name__}; got {value!r}")


def _number(value: Any) -> float | None:
    """A finite number, or None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
