"""From one layout to another: read, check, cut or merge, write, and say what was done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.checkpoint import check, config_of, load_state, stretched
from glm_core.model.writers import Beside, save_flagai, save_hf, save_native, save_original
from glm_core.presets import preset as find_preset

Target = Literal["native", "original", "hf", "hf-bin", "flagai"]
Precision = Literal["fp32", "fp16", "bf16"]

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Converted:
    """What a conversion did; `str` tells it to a person."""

    source: str
    target: str
    layout_from: str
    layout_to: str
    shards_from: int
    shards_to: int
    config: ModelConfig
    n_parameters: int
    dtype: str
    tag: str
    preset: str | None
    heads: tuple[str, ...]  # tensors beside the network: soft prompt and head
    notes: tuple[str, ...]

    def __str__(self) -> str:
        c = self.config
        lines = [
            f"{self.source} ({self.layout_from}, {_shards(self.shards_from)}) -> "
            f"{self.target} ({self.layout_to}, {_shards(self.shards_to)})",
            f"{self.n_parameters / 1e6:.1f}M parameters in {self.dtype}: {c.n_layers} layers, width {c.hidden_size}, "
            f"{c.n_heads} heads, {c.vocab_size} token rows, {c.max_positions} positions",
        ]
        if self.heads:
            lines.append(f"beside the network: {', '.join(self.heads)}")
        return "\n".join([*lines, *self.notes])


def convert(
    source: str | Path,
    target: str | Path,
    *,
    layout: Target = "native",
    n_shards: int = 1,
    dtype: Precision | None = None,
    base: str | Path | None = None,
    preset: str | None = None,
    n_heads: int | None = None,
    max_positions: int | None = None,
    vocab_size: int | None = None,
    seed: int = 1234,
    tag: str = "",
    beside: Beside | None = None,
    overwrite: bool = False,
) -> Converted:
    """Write the checkpoint at `source` into the folder `target` in another layout, precision or number of shards.

    dtype: None keeps the numbers as stored. base: what a partial fine-tune is laid over. preset, n_heads: where the
    layout does not tell the sizes. max_positions, vocab_size: longer tables, whose new rows are drawn from `seed`.
    beside: further files for the folder; those of a native source are carried along.
    Raises GlmError in one line: an unreadable source, sizes that do not fit, a target that is there already.
    """
    if layout not in get_args(Target):
        raise UsageError(f"--layout is one of {', '.join(get_args(Target))}; got '{layout}'")
    if n_shards != 1 and layout not in ("original", "flagai"):
        raise UsageError(f"the layout {layout} has no shards; use original or flagai for {n_shards} of them")
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"--dtype is one of {', '.join(DTYPES)}; got '{dtype}'")
    loaded = load_state(source, base=base)
    config = config_of(loaded, preset=find_preset(preset) if preset else None, n_heads=n_heads)
    name = preset or loaded.preset
    known = find_preset(name) if name else None
    check(loaded, config)
    notes: list[str] = []
    if max_positions or vocab_size:
        before, (loaded, config) = (
            config,
            stretched(loaded, config, max_positions=max_positions, vocab_size=vocab_size, seed=seed),
        )
        notes.append(
            f"{config.vocab_size - before.vocab_size} token rows and {config.max_positions - before.max_positions} "
            f"positions are fresh, from seed {seed}"
        )
    tensors = loaded.tensors
    if known and known.copied_rows and layout in ("hf", "hf-bin"):
        tensors["word_embeddings.weight"] = tensors["word_embeddings.weight"].clone()
        for source_row, row in known.copied_rows:
            tensors["word_embeddings.weight"][row] = tensors["word_embeddings.weight"][source_row]
            notes.append(f"token row {source_row} is copied to row {row}, as in the published files of this layout")
    number = DTYPES[dtype] if dtype else None
    tag = tag or loaded.tag
    carried: Beside = {path.name: path for path in loaded.beside} | dict(beside or {})
    common: dict[str, Any] = {"dtype": number, "beside": carried, "replace": overwrite}
    if layout == "native":
        ours = known.name if known else None
        save_native(target, config, tensors, tag=tag, step=loaded.step, preset=ours, facts=loaded.facts, **common)
    elif layout == "original":
        save_original(target, config, tensors, n_shards=n_shards, tag=tag, step=loaded.step, **common)
    elif layout == "flagai":
        save_flagai(target, config, tensors, n_shards=n_shards, **common)
    else:
        save_hf(target, config, tensors, safetensors=layout == "hf", **common)
    return Converted(
        source=str(source),
        target=str(target),
        layout_from=loaded.layout,
        layout_to=layout,
        shards_from=loaded.n_shards,
        shards_to=n_shards,
        config=config,
        n_parameters=sum(tensor.numel() for tensor in loaded.state.values()),
        dtype=" and ".join(sorted({_short(number or tensor.dtype) for tensor in tensors.values()})),
        tag=tag,
        preset=known.name if known else None,
        heads=tuple(sorted({name.split(".")[0] for name in {**loaded.prompt, **loaded.heads}})),
        notes=tuple(notes),
    )


def _short(dtype: torch.dtype) -> str:
    return next((name for name, one in DTYPES.items() if one == dtype), str(dtype).removeprefix("torch."))


def _shards(n: int) -> str:
    return "1 shard" if n == 1 else f"{n} shards"
