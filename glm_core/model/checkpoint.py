"""From files to a network: names, sizes, and the fit of one to the other.

Parameter names are the published ones; what stands before them in a file (`module.`, `model.`, `glm.`) is dropped, and
two short tables rename SwissArmyTransformer's and Hugging Face's exceptions. Soft prompts and heads are kept apart from
the network's own state.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from glm_core.config import ModelConfig
from glm_core.errors import CheckpointError, UsageError
from glm_core.model.layouts import RELATIVE, Layout, read_files
from glm_core.model.shards import merge
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.model.transformer import GLM
from glm_core.presets import PRESETS, Preset

Stretch = Literal["positions", "vocabulary"]

_PREFIX = re.compile(r"^(module\.|model\.|glm\.)+")
SAT_NAMES = {  # theirs: ours
    "transformer.word_embeddings.weight": "word_embeddings.weight",
    "mixins.block_position_embedding.block_position_embeddings.weight": "transformer.block_position_embeddings.weight",
}
HF_HEAD_NAMES = {
    "dense.weight": "pool_layer.weight",
    "dense.bias": "pool_layer.bias",
    "out_proj.weight": "multichoice_head.weight",
    "out_proj.bias": "multichoice_head.bias",
}
_RELATIVE_NAMES = re.compile(
    r"transformer\.(r_w_bias|r_r_bias|position_embeddings\.inv_freq)|.*\.attention\.relative\..*"
)
_TABLES: dict[str, Stretch] = {
    "word_embeddings.weight": "vocabulary",
    "transformer.position_embeddings.weight": "positions",
    "transformer.block_position_embeddings.weight": "positions",
}


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint in memory, shards merged, names as published, numbers as stored.

    state: the network's tensors, all or (a partial fine-tune) some. prompt: `prompt_spell.*`. heads: `pool_layer.*` and
    `multichoice_head.*`. config: None where the layout has none. beside: further files of a native checkpoint.
    """

    path: Path
    layout: Layout
    state: dict[str, Tensor] = field(repr=False)
    prompt: dict[str, Tensor] = field(default_factory=dict, repr=False)
    heads: dict[str, Tensor] = field(default_factory=dict, repr=False)
    config: ModelConfig | None = None
    tag: str = ""
    step: int = 0
    n_shards: int = 1
    files: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    preset: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Everything: the network, its soft prompt, its head."""
        return {**self.state, **self.prompt, **self.heads}

    def over(self, base: Loaded) -> Loaded:
        """A partial fine-tune on top of the checkpoint it started from: what this one lacks is the base's."""
        return replace(
            self,
            state={**base.state, **self.state},
            prompt=self.prompt or base.prompt,
            heads=self.heads or base.heads,
            config=self.config or base.config,
            preset=self.preset or base.preset,
            beside=self.beside or base.beside,
        )


def load_state(path: str | Path, *, base: str | Path | None = None) -> Loaded:
    """Read a checkpoint of any layout. `base`: the checkpoint that a partial fine-tune is laid over.

    Raises CheckpointError in one line: nothing there, cut off or damaged, wants to run code, shards that do not fit,
    a Transformer-XL.
    """
    path = Path(path)
    files = read_files(path)
    shards = [_published_names(shard, path) for shard in files.shards]
    if any(_RELATIVE_NAMES.fullmatch(name) for name in shards[0]):
        raise CheckpointError(f"{path}: {RELATIVE}")
    try:
        whole = merge(shards)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    prompt = {name: whole.pop(name) for name in list(whole) if name.startswith("prompt_spell.")}
    heads = {name: whole.pop(name) for name in list(whole) if name.startswith(("pool_layer.", "multichoice_head."))}
    loaded = Loaded(
        path, files.layout, whole, prompt, heads, files.config, files.tag, files.step, len(shards),
        files.paths, files.beside, files.preset, files.facts,
    )  # fmt: skip
    return loaded if base is None else loaded.over(load_state(base))


def _published_names(shard: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in shard.items():
        bare = _PREFIX.sub("", name)
        bare = SAT_NAMES.get(bare) or HF_HEAD_NAMES.get(bare, bare)
        if bare in found:
            raise CheckpointError(f"{path}: holds {bare} twice, once as {name}")
        found[bare] = tensor
    return found


# ---- sizes


def config_of(loaded: Loaded, *, preset: Preset | None = None, n_heads: int | None = None) -> ModelConfig:
    """The sizes of a checkpoint: from its config, a preset, or its tensors.

    Tensors do not tell the number of heads: it comes from `n_heads`, the config, the preset, or from the width where a
    published model has that width (their heads are 64 wide). Raises CheckpointError where sources contradict each other
    or the tensors, UsageError where nothing tells the number of heads.
    """
    config = loaded.config or (preset.config if preset else None)
    own = preset is not None and preset.name == loaded.preset  # then its tables may have been stretched since
    if preset and loaded.config and not own and (odd := _differences(preset.config, loaded.config)):
        raise CheckpointError(f"{loaded.path}: is not {preset.name}: {odd}")
    if n_heads is not None and config is not None:
        config = replace(config, n_heads=n_heads)
    sizes = sizes_of(loaded.state, loaded.path)
    if config is None:
        width = sizes["hidden_size"]
        published = {one.config.hidden_size: one.config.n_heads for one in PRESETS}
        heads = n_heads or published.get(width)
        if heads is None:
            raise UsageError(
                f"{loaded.path}: nothing tells the number of attention heads of width {width}; "
                "give --heads N, or --preset with the name of a published model"
            )
        return ModelConfig(n_heads=heads, **sizes)
    wrong = [
        f"{key} {getattr(config, key)} (tensors: {size})" for key, size in sizes.items() if getattr(config, key) != size
    ]
    if wrong:
        source = "its config" if loaded.config else f"the published {preset.name if preset else ''}"
        raise CheckpointError(f"{loaded.path}: {source} does not fit the tensors: {', '.join(wrong)}")
    return config


def sizes_of(state: Mapping[str, Tensor], path: Path | str = "the checkpoint") -> dict[str, Any]:
    """What the tensors tell: ModelConfig's sizes but the heads. Raises CheckpointError for a partial checkpoint."""
    words, where = state.get("word_embeddings.weight"), state.get("transformer.position_embeddings.weight")
    layers = {int(match[1]) for name in state if (match := re.match(r"transformer\.layers\.(\d+)\.", name))}
    if words is None or where is None or words.ndim != 2 or where.ndim != 2 or not layers:
        raise CheckpointError(
            f"{path}: is not a whole GLM (it holds {len(state)} of its tensors); "
            "where it is a partial fine-tune, give the checkpoint it started from as the base"
        )
    block = "transformer.block_position_embeddings.weight" in state
    return {
        "n_layers": max(layers) + 1,
        "hidden_size": words.shape[1],
        "vocab_size": words.shape[0],
        "max_positions": where.shape[0] - block,
        "block_positions": block,
    }


def _differences(wanted: ModelConfig, got: ModelConfig) -> str:
    sizes = ("n_layers", "hidden_size", "n_heads", "vocab_size", "max_positions", "block_positions")
    return ", ".join(
        f"{key} {getattr(got, key)} instead of {getattr(wanted, key)}"
        for key in sizes
        if getattr(wanted, key) != getattr(got, key)
    )


# ---- fit


@torch.no_grad()
def fit_state(
    module: nn.Module,
    state: Mapping[str, Tensor],
    *,
    stretch: Collection[Stretch] = (),
    source: str | Path = "checkpoint",
) -> list[str]:
    """Copy a state into a module, in the module's own type of numbers; the names that were stretched are returned.

    Nothing may be missing, unexpected or misshapen. With `stretch` the token table or the position tables of the module
    may have more rows than the file: the first ones come from the file, the others keep their fresh values.
    Raises CheckpointError that lists a few of each by name, and how many.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    misshapen, stretched = [], []
    for name in own.keys() & state.keys():
        mine, theirs = own[name].shape, state[name].shape
        if mine == theirs:
            continue
        longer = mine[1:] == theirs[1:] and len(mine) == len(theirs) == 2 and mine[0] > theirs[0]
        if longer and _TABLES.get(name) in stretch:
            stretched.append(name)
        else:
            misshapen.append(f"{name} {tuple(theirs)} instead of {tuple(mine)}")
    problems = [_listed("missing", missing), _listed("unexpected", unexpected), _listed("misshapen", sorted(misshapen))]
    if any(problems):
        raise CheckpointError(f"{source}: does not fit the model: {'; '.join(filter(None, problems))}")
    for name, tensor in own.items():
        tensor[: len(state[name])].copy_(state[name]) if name in stretched else tensor.copy_(state[name])
    return sorted(stretched)


def _listed(what: str, names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} {what} ({', '.join(names[:most])}{more})" if names else ""


def build(
    loaded: Loaded,
    config: ModelConfig | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> GLM:
    """The network that a checkpoint holds, soft prompt included, without drawing weights only to overwrite them.

    config: by default that of `config_of`. dtype: the numbers' type in memory. Raises CheckpointError as `fit_state`.
    """
    config = config or config_of(loaded)
    network = _checked(loaded, config)
    # copies let go of the mapped file, which may be replaced while the network lives
    copies = {name: tensor.to(device, dtype, copy=True) for name, tensor in loaded.state.items()}
    network.load_state_dict(copies, assign=True)
    if loaded.prompt:
        network.prompt_spell = SoftPrompt.from_tensors(loaded.prompt).to(device, dtype)
    return network.eval()


def check(loaded: Loaded, config: ModelConfig) -> None:
    """Raise CheckpointError where the tensors are not those of a network of this size, or the prompt is broken."""
    _checked(loaded, config)
    if loaded.prompt:
        SoftPrompt.from_tensors(loaded.prompt)


def _checked(loaded: Loaded, config: ModelConfig) -> GLM:
    """An empty network, after a trial of the fit; neither takes memory."""
    with torch.device("meta"):
        network = GLM(config)
    fit_state(network, {name: tensor.to("meta") for name, tensor in loaded.state.items()}, source=loaded.path)
    return network


def stretched(
    loaded: Loaded,
    config: ModelConfig,
    *,
    max_positions: int | None = None,
    vocab_size: int | None = None,
    seed: int = 1234,
) -> tuple[Loaded, ModelConfig]:
    """The checkpoint with longer tables: the rows there are, then fresh ones drawn from the seed.

    Raises UsageError where a table would become shorter.
    """
    wanted = replace(
        config, max_positions=max_positions or config.max_positions, vocab_size=vocab_size or config.vocab_size
    )
    for key in ("max_positions", "vocab_size"):
        if getattr(wanted, key) < getattr(config, key):
            raise UsageError(
                f"{key} {getattr(wanted, key)} is less than the {getattr(config, key)} that {loaded.path} has"
            )
    state, generator = dict(loaded.state), torch.Generator().manual_seed(seed)
    rows = {"vocabulary": wanted.vocab_size, "positions": wanted.max_positions + wanted.block_positions}
    for name, which in _TABLES.items():
        if name in state and (more := rows[which] - len(state[name])):
            fresh = torch.empty(more, config.hidden_size).normal_(std=config.initializer_range, generator=generator)
            state[name] = torch.cat([state[name], fresh.to(state[name].dtype)])
    return replace(loaded, state=state, config=wanted), wanted
