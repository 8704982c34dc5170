"""Write a checkpoint in one of four layouts, each a folder that is there whole or not at all.

`tensors` is everything there is under its published name: the network, `prompt_spell.*`, `pool_layer.*`,
`multichoice_head.*`. `beside` are further files to lie in the folder, by name: a vocabulary.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glm_core.atomic import write_folder
from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.checkpoint import HF_HEAD_NAMES
from glm_core.model.layouts import CONFIG_KEYS, NATIVE_FORMAT, digest
from glm_core.model.shards import split
from glm_core.model.soft_prompt import SoftPrompt

Beside = Mapping[str, Path | bytes]


def save_native(
    folder: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    *,
    dtype: torch.dtype | None = None,
    tag: str = "",
    step: int = 0,
    preset: str | None = None,
    beside: Beside | None = None,
    facts: Mapping[str, Any] | None = None,
    replace: bool = True,
) -> None:
    """`config.json`, `model.safetensors`, the files beside, and `manifest.json` with the size and sha256 of each.

    facts: what else the saver wants to find again, as JSON. The same checkpoint gives the same bytes. Raises GlmError.
    """
    ready = _ready(tensors, dtype)
    with write_folder(folder, replace=replace) as draft:
        _put_tensors(draft / "model.safetensors", ready)
        _put_json(draft / "config.json", asdict(config))
        _put_beside(draft, beside)
        listed = {path.name: {"bytes": path.stat().st_size, "sha256": digest(path)} for path in sorted(draft.iterdir())}
        _put_json(
            draft / "manifest.json",
            {
                "format": NATIVE_FORMAT,
                "version": 1,
                "preset": preset,
                "tag": tag,
                "step": step,
                "n_parameters": sum(tensor.numel() for tensor in ready.values()),
                "facts": dict(facts or {}),
                "files": listed,
            },
        )


def save_original(
    folder: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    *,
    n_shards: int = 1,
    tag: str = "",
    step: int = 0,
    dtype: torch.dtype | None = None,
    beside: Beside | None = None,
    replace: bool = True,
) -> None:
    """`latest_checkpointed_iteration.txt` and `TAG/mp_rank_XX_model_states.pt`, as the original reads for fine-tuning.

    tag: by default the step. Raises UsageError where the shards do not divide the model, GlmError for the disk.
    """
    _published_epsilon(config)
    tag = tag or str(step)
    if Path(tag).name != tag:
        raise UsageError(f"the tag '{tag}' is to be the name of a folder")
    shards = split(_ready(tensors, dtype), n_shards, n_heads=config.n_heads)
    with write_folder(folder, replace=replace) as draft:
        (draft / tag).mkdir()
        for rank, shard in enumerate(shards):
            top = {"iteration": step, "mp_world_size": n_shards, "module": shard}
            _put_pickle(draft / tag / f"mp_rank_{rank:02d}_model_states.pt", top)
        for tracker in ("latest_checkpointed_iteration.txt", "latest"):
            (draft / tracker).write_text(tag, encoding="utf-8")
        _put_beside(draft, beside)


def save_hf(
    folder: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    *,
    safetensors: bool = True,
    dtype: torch.dtype | None = None,
    beside: Beside | None = None,
    replace: bool = True,
) -> None:
    """`config.json` with the hub's keys, and `model.safetensors` or `pytorch_model.bin`. Raises GlmError."""
    _published_epsilon(config)
    theirs = {ours: name for name, ours in HF_HEAD_NAMES.items()}
    ready = {theirs.get(name, name): tensor for name, tensor in _ready(tensors, dtype).items()}
    kinds = {str(tensor.dtype).removeprefix("torch.") for tensor in ready.values()}
    extra = {
        "architectures": ["GLMModel"],
        "auto_map": {
            "AutoConfig": "configuration_glm.GLMConfig",
            "AutoModel": "modeling_glm.GLMModel",
            "AutoModelForMultipleChoice": "modeling_glm.GLMForMultipleChoice",
            "AutoModelForSeq2SeqLM": "modeling_glm.GLMForConditionalGeneration",
        },
        "model_type": "glm",
        "pool_token": "cls",
        "torch_dtype": kinds.pop() if len(kinds) == 1 else "float32",
    }
    with write_folder(folder, replace=replace) as draft:
        if safetensors:
            _put_tensors(draft / "model.safetensors", ready)
        else:
            _put_pickle(draft / "pytorch_model.bin", ready)
        _put_json(draft / "config.json", _their_config(config, tensors) | extra)
        _put_beside(draft, beside)


def save_flagai(
    folder: str | Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    *,
    n_shards: int = 1,
    dtype: torch.dtype | None = None,
    beside: Beside | None = None,
    replace: bool = True,
) -> None:
    """`config.json` with FlagAI's keys, and `pytorch_model.bin` or one `pytorch_model_XX.bin` per shard.

    Raises UsageError where the shards do not divide the model, GlmError for the disk.
    """
    _published_epsilon(config)
    shards = split(_ready(tensors, dtype), n_shards, n_heads=config.n_heads)
    theirs = _their_config(config, tensors)
    theirs.pop("initializer_range")
    with write_folder(folder, replace=replace) as draft:
        for rank, shard in enumerate(shards):
            name = "pytorch_model.bin" if n_shards == 1 else f"pytorch_model_{rank:02d}.bin"
            inside = ("word_embeddings.", "transformer.", "prompt_spell.")
            module = {f"model.{key}" if key.startswith(inside) else key: tensor for key, tensor in shard.items()}
            _put_pickle(draft / name, {"module": module})
        _put_json(draft / "config.json", theirs | {"max_memory_length": config.max_positions - 1})
        _put_beside(draft, beside)


def _ready(tensors: Mapping[str, Tensor], dtype: torch.dtype | None) -> dict[str, Tensor]:
    """Tensors as they are to be written: on the CPU, in one piece, of their own memory."""
    ready = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().to("cpu", dtype).contiguous()
        whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        ready[name] = tensor if whole else tensor.clone()
    return ready


def _their_config(config: ModelConfig, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The keys that Hugging Face's and FlagAI's `config.json` share."""
    prompt = {name: tensor for name, tensor in tensors.items() if name.startswith("prompt_spell.")}
    table = prompt.get("prompt_spell.spell_embeddings.weight")
    return {theirs: getattr(config, ours) for theirs, ours in CONFIG_KEYS.items()} | {
        "checkpoint_activations": False,
        "checkpoint_num_layers": 1,
        "output_predict": True,
        "parallel_output": True,
        "relative_encoding": False,
        "spell_func": SoftPrompt.from_tensors(prompt).encoder if prompt else "lstm",
        "spell_length": None if table is None else len(table),
    }


def _published_epsilon(config: ModelConfig) -> None:
    if config.layernorm_epsilon != ModelConfig().layernorm_epsilon:
        raise UsageError(
            f"layernorm_epsilon {config.layernorm_epsilon} cannot be written in this layout, whose readers take 1e-05; "
            "use the native layout"
        )


def _put_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file  # not needed to read or write the other layouts

    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(path.parent.stat().st_mode & 0o666)  # made readable for its owner alone, whatever the umask says


def _put_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _put_pickle(path: Path, content: Any) -> None:
    with path.open("wb") as file:  # a file of ours, so that a full disk is told as such and not as a broken zip
        torch.save(content, file)


def _put_beside(draft: Path, beside: Beside | None) -> None:
    for name, content in (beside or {}).items():
        if Path(name).name != name or (draft / name).exists():
            raise UsageError(
                f"'{name}' cannot lie beside a checkpoint: it is a path, or a file of the checkpoint itself"
            )
        if isinstance(content, bytes):
            (draft / name).write_bytes(content)
        else:
            shutil.copyfile(content, draft / name)
