"""How checkpoints lie on disk: recognise the layout, find its files, read their tensors.

| layout   | recognised by                                                                                  |
| -------- | ---------------------------------------------------------------------------------------------- |
| native   | `manifest.json`, `config.json`, `model.safetensors`                                            |
| original | `latest_checkpointed_iteration.txt` or `latest`, or a folder of `mp_rank_*_model_states.pt`    |
| hf       | `config.json` and `model.safetensors` or `pytorch_model.bin`, whole or in numbered pieces      |
| flagai   | the same with FlagAI's keys in `config.json`, or `pytorch_model_00.bin` …, one per shard       |
| sat      | as the original, with SwissArmyTransformer's names inside                                      |

Nothing here knows what the tensors mean; `checkpoint.py` does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from glm_core.config import ModelConfig
from glm_core.errors import CheckpointError, UsageError
from glm_core.model.pickles import read_pickle

Layout = Literal["native", "original", "hf", "flagai", "sat"]

NATIVE_FORMAT = "glm-core checkpoint"
TRACKERS = ("latest_checkpointed_iteration.txt", "latest", "latest_iteration.txt")  # the last one is FlagAI's
_RANK = re.compile(r"mp_rank_(\d\d)_model_states\.pt")
_FLAGAI_RANK = re.compile(r"pytorch_model_(\d\d)\.bin")
_PIECE = re.compile(r"(?:pytorch_model|model)-(\d+)-of-(\d+)\.(?:bin|safetensors)")

# Their names for what ModelConfig holds, and ours.
CONFIG_KEYS = {
    "num_layers": "n_layers",
    "hidden_size": "hidden_size",
    "num_attention_heads": "n_heads",
    "vocab_size": "vocab_size",
    "max_sequence_length": "max_positions",
    "embedding_dropout_prob": "embedding_dropout",
    "attention_dropout_prob": "attention_dropout",
    "output_dropout_prob": "output_dropout",
    "attention_scale": "attention_scale",
    "block_position_encoding": "block_positions",
    "initializer_range": "initializer_range",
}
_SIZES = ("num_layers", "hidden_size", "num_attention_heads", "vocab_size", "max_sequence_length")


@dataclass(frozen=True, eq=False)
class Files:
    """What lies at a path: the tensors of every shard under the names in the file, and what stands beside them."""

    layout: Layout
    shards: Sequence[Mapping[str, Tensor]]
    paths: tuple[Path, ...]
    config: ModelConfig | None = None
    tag: str = ""
    step: int = 0
    beside: tuple[Path, ...] = ()  # further files of a native checkpoint: its vocabulary
    preset: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the saver of a native checkpoint noted


def read_files(path: Path) -> Files:
    """Find and read a checkpoint. Raises CheckpointError that says what is wrong in which file, or was looked for."""
    if not path.exists():
        raise CheckpointError(f"{path}: is not there")
    if path.is_file():
        of_many = (
            _RANK.fullmatch(path.name) or _FLAGAI_RANK.fullmatch(path.name) or _is_native(path.parent / "manifest.json")
        )
        return _read_folder(path.parent) if of_many else _read_one(path)
    return _read_folder(path)


def _read_folder(folder: Path) -> Files:
    if _is_native(folder / "manifest.json"):
        return _read_native(folder)
    if any(_RANK.fullmatch(one.name) for one in folder.iterdir()):
        return _read_original(folder, folder.name)
    for tracker in TRACKERS:
        if (folder / tracker).is_file():
            return _follow(folder, tracker)
    return _read_hub(folder)


def _follow(folder: Path, tracker: str) -> Files:
    """Read the checkpoint that a tracker file names."""
    words = (folder / tracker).read_text(encoding="utf-8", errors="replace").split()
    tag = words[0] if words else ""
    inner = folder / tag
    if not tag or Path(tag).name != tag or not inner.is_dir():
        raise CheckpointError(
            f"{folder / tracker}: names '{tag}', and there is no folder {inner}; mend the file or fetch it"
        )
    return _read_hub(inner, tag) if tracker == "latest_iteration.txt" else _read_original(inner, tag)


# ---- native


def _is_native(manifest: Path) -> bool:
    return manifest.is_file() and _json(manifest).get("format") == NATIVE_FORMAT


def _read_native(folder: Path) -> Files:
    manifest = _json(folder / "manifest.json")
    files = manifest.get("files", {})
    for name, wanted in files.items():
        _check_file(folder / name, wanted)
    if not {"config.json", "model.safetensors"} <= set(files):
        raise CheckpointError(f"{folder / 'manifest.json'}: does not list config.json and model.safetensors")
    config = read_config(folder / "config.json")
    weights = folder / "model.safetensors"
    beside = tuple(folder / name for name in files if name not in ("config.json", "model.safetensors"))
    step = manifest.get("step", 0)
    return Files(
        "native", [read_tensors(weights)], (weights,), config, manifest.get("tag", ""), step, beside,
        manifest.get("preset"), manifest.get("facts", {}),
    )  # fmt: skip


def _check_file(path: Path, wanted: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a file is not what its manifest says."""
    if not path.is_file():
        raise CheckpointError(f"{path}: is listed in manifest.json and not there; fetch or copy it again")
    if (size := path.stat().st_size) != wanted.get("bytes"):
        raise CheckpointError(
            f"{path}: has {size} bytes, manifest.json says {wanted.get('bytes')}; fetch or copy it again"
        )
    if digest(path) != wanted.get("sha256"):
        raise CheckpointError(f"{path}: has another sha256 than manifest.json says; fetch or copy it again")


def digest(path: Path) -> str:
    """The sha256 of a file's content."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            found.update(block)
    return found.hexdigest()


# ---- original


def _read_original(folder: Path, tag: str) -> Files:
    paths = _ranks(folder, _RANK)
    if not paths:
        raise CheckpointError(f"{folder}: holds no mp_rank_00_model_states.pt")
    tops = [read_pickle(one) for one in paths]
    shards = [_module(top, path) for top, path in zip(tops, paths, strict=True)]
    step = next((top[key] for top in tops for key in ("iteration", "total_iters") if isinstance(top.get(key), int)), 0)
    layout: Layout = "sat" if any(name.startswith("mixins.") for name in shards[0]) else "original"
    return Files(layout, shards, tuple(paths), None, tag, step)


def _ranks(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """The files of all shards in order. Raises CheckpointError where one is missing."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
    if missing := sorted(set(range(max(found, default=-1) + 1)) - set(found)):
        raise CheckpointError(f"{folder}: shards {', '.join(map(str, missing))} of {max(found) + 1} are missing")
    return [found[rank] for rank in sorted(found)]


def _module(top: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in what a file held: all of it, or what stands under `module`."""
    state = top.get("module", top) if isinstance(top, Mapping) else top
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path}: holds no tensors by name")
    odd = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if odd:
        raise CheckpointError(f"{path}: {odd[0]} is not a tensor; is this a checkpoint of weights?")
    return {str(name): tensor for name, tensor in state.items()}


# ---- Hugging Face and FlagAI


def _read_hub(folder: Path, tag: str = "") -> Files:
    place = folder / "config.json"
    config, raw = (read_config(place), _json(place)) if place.is_file() else (None, {})
    ranks = _ranks(folder, _FLAGAI_RANK)
    paths = ranks or _pieces(folder)
    if not paths:
        raise CheckpointError(
            f"{folder}: holds no checkpoint; looked for manifest.json, {', '.join(TRACKERS[:2])}, "
            "mp_rank_00_model_states.pt, model.safetensors, pytorch_model.bin and their numbered pieces"
        )
    read = [read_tensors(path) for path in paths]
    shards = read if ranks else [_joined(read, paths)]
    flagai = bool(ranks) or ("max_memory_length" in raw and "model_type" not in raw)
    return Files("flagai" if flagai else "hf", shards, tuple(paths), config, tag)


def _pieces(folder: Path) -> list[Path]:
    """The weight files of a hub folder, in order; safetensors where both are there."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (index := folder / f"{name}.index.json").is_file():
            return _indexed(index)
        if (folder / name).is_file():
            return [folder / name]
    found = {path: match for path in sorted(folder.iterdir()) if (match := _PIECE.fullmatch(path.name))}
    if found and len(found) != int(next(iter(found.values()))[2]):
        of = next(iter(found.values()))[2]
        raise CheckpointError(f"{folder}: holds {len(found)} of {int(of)} pieces; fetch the others")
    return list(found)


def _indexed(index: Path) -> list[Path]:
    names = sorted(set(_json(index).get("weight_map", {}).values()))
    if odd := [name for name in names if not isinstance(name, str) or Path(name).name != name]:
        raise CheckpointError(f"{index}: names a file outside its folder: {odd[0]}")
    paths = [index.parent / name for name in names]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise CheckpointError(f"{index}: {len(missing)} of {len(paths)} pieces are not there: {', '.join(missing[:3])}")
    return paths


def _joined(pieces: Sequence[Mapping[str, Tensor]], paths: Iterable[Path]) -> dict[str, Tensor]:
    """All pieces as one; a tensor stands in one piece only."""
    whole: dict[str, Tensor] = {}
    for piece, path in zip(pieces, paths, strict=True):
        if twice := sorted(set(piece) & set(whole)):
            raise CheckpointError(f"{path}: {twice[0]} stands in another piece too")
        whole.update(piece)
    return whole


RELATIVE = (
    "was trained with the relative positions of Transformer-XL, which this network does not have; "
    "every published GLM has block positions"
)


def read_config(path: Path) -> ModelConfig:
    """A `config.json`: ours, Hugging Face's or FlagAI's. Parsed here, because transformers takes `glm` for GLM-4.

    Raises CheckpointError that names what is missing or not supported.
    """
    raw = _json(path)
    if raw.get("relative_encoding"):
        raise CheckpointError(f"{path}: {RELATIVE}")
    if "n_layers" not in raw:
        if missing := [key for key in _SIZES if key not in raw]:
            raise CheckpointError(f"{path}: lacks {', '.join(missing)}; is it the config of another kind of model?")
        raw = {ours: raw[theirs] for theirs, ours in CONFIG_KEYS.items() if raw.get(theirs) is not None}
    try:
        return ModelConfig(**raw)
    except (TypeError, UsageError) as error:
        raise CheckpointError(f"{path}: {error}") from error


# ---- single files


def _read_one(path: Path) -> Files:
    """A state dict in a file of any name; a config.json beside it counts."""
    place = path.parent / "config.json"
    config = read_config(place) if place.is_file() else None
    return Files("hf", [read_tensors(path)], (path,), config)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file or a pickle, under the names in it. Raises CheckpointError."""
    if path.suffix != ".safetensors":
        return _module(read_pickle(path), path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is cut off or damaged ({error}); fetch or copy it again") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error}); fetch or copy it again") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: wants an object, found {type(found).__name__}")
    return found
