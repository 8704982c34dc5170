"""`manifest.json`: every fact that may change a score, with hashes (PACKS 13), and what two manifests disagree on."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from glm_core.backbone import Backbone
from glm_core.data import DataDir
from glm_core.examples import Example, Split
from glm_core.pack import Pack
from glm_core.parts import Blank, Part, Soft, Text
from glm_core.plugins import find_offer
from glm_core.pvp import PVP, Cloze
from glm_core.tasks import Task
from glm_core.version import __version__

N_SAMPLES = 3  # examples whose reading stands for the pattern
_SAMPLE = 1024  # numbers taken from either end of a tensor: enough to tell checkpoints apart, and instant at any size


def make_manifest(
    task: Task,
    data: DataDir,
    used: Iterable[tuple[Split, Sequence[Example]]],
    *,
    pattern: str | int,
    method: str,
    seed: int,
    max_length: int,
) -> dict[str, Any]:
    """All facts that are known before a model is loaded, as plain values."""
    offer, used = find_offer(task), list(used)
    samples = used[-1][1][:N_SAMPLES]
    return {
        "glm_core": __version__,
        "task": {
            "name": full_name(task),
            "revision": task.revision,
            "pattern": about_pattern(task, None if method == "classifier" else pattern, samples),
            "max_length": max_length,
            "splits": {split.name: about_split(split, examples) for split, examples in used},
        },
        "packs": [] if offer is None else [about_pack(offer.pack)],
        "data": about_files(data),
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "platform": platform.platform(),
        },
    }


def about_model(backbone: Backbone, source: str) -> dict[str, Any]:
    """The facts about a model as it is now, to be added to a manifest."""
    return {
        "model": {
            "source": source,
            "backbone": f"{type(backbone).__module__}:{type(backbone).__qualname__}",
            "weights": weights_fingerprint(backbone.module),
            "tokenizer": backbone.tokenizer.fingerprint,
        },
        "device": about_device(backbone.module),
    }


def full_name(task: Task) -> str:
    """`pack/task` where a pack offers it, otherwise the task's own name."""
    offer = find_offer(task)
    return task.name if offer is None else offer.name


def about_pattern(task: Task, pattern: str | int | None, samples: Sequence[Example]) -> dict[str, Any]:
    """The pattern that was used (None: no pattern, a classifier): its text and words, and a hash of what they make.

    The hash is that of the samples as they read: a pattern function that is only written differently stays the same.
    """
    made = [task.plain(one) if pattern is None else task.cloze(one, pattern) for one in samples]
    read = _hash(json.dumps([_rendered(cloze) for cloze in made], ensure_ascii=False))
    if pattern is None:
        return {"name": "plain", "hash": read}
    pvp = task.pvp(pattern)
    return {"name": pvp.name, "text": _told(pvp.pattern), "words": _words(pvp), "combine": pvp.combine, "hash": read}


def about_split(split: Split, examples: Sequence[Example]) -> dict[str, Any]:
    """Role, number of examples, and hashes of their uids and of all that they hold."""
    contents = (
        f"{one.uid}\0{dict(one.fields)}\0{one.label}\0{one.choices}\0{one.target}\0{one.group}\n" for one in examples
    )
    return {
        "role": split.role,
        "n": len(examples),
        "uids": _hash("\n".join(one.uid for one in examples)),
        "contents": _hash(contents),
    }


def about_pack(pack: Pack) -> dict[str, Any]:
    """Who brought the task: distribution, version, source, a hash of its files, and whether git knows of changes."""
    files = sorted(_code(pack))
    told: dict[str, Any] = {
        "name": pack.name,
        "distribution": pack.distribution,
        "version": pack.version,
        "source": pack.source,
        "files": _hash(f"{one.name}\0{_hash_file(one)}\n" for one in files),
    }
    if pack.replaces:
        told["replaces"] = pack.replaces
    return told


def about_files(data: DataDir) -> dict[str, str]:
    """The data files that were read, by their names below the data folders, with the hashes of their contents."""
    told = {}
    for name, digest in data.hashes.items():
        below = [os.path.relpath(name, folder) for folder in data.folders if Path(name).is_relative_to(folder)]
        told[min(below, key=len, default=name)] = digest
    return told


def about_device(module: nn.Module) -> dict[str, Any]:
    """Where the parameters lie, and how many threads and processes share the work."""
    device = next(module.parameters()).device
    told: dict[str, Any] = {"type": device.type, "threads": torch.get_num_threads()}
    if device.type == "cuda":
        told["name"] = torch.cuda.get_device_name(device)
    told["processes"] = int(os.environ.get("WORLD_SIZE", "1"))
    return told


def weights_fingerprint(module: nn.Module) -> str:
    """A hash of names, shapes, types and samples of all tensors: tells checkpoints apart at once, whatever their size."""

    def facts() -> Iterator[bytes]:
        for name, tensor in sorted(module.state_dict().items()):
            yield f"{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode()
            flat = tensor.detach().flatten()
            yield _bytes(flat[:_SAMPLE])
            yield _bytes(flat[-_SAMPLE:])

    digest = hashlib.sha256()
    for one in facts():
        digest.update(one)
    return digest.hexdigest()


def first_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The first fact that makes `new` another experiment than `old`: its data, its prompt or its model.

    Versions, devices and names of folders may differ: what a run means does not hang on them. Models are compared where
    both tell theirs.
    """
    for name, digest in new["data"].items():
        if name in old["data"] and old["data"][name] != digest:
            return f"data file {name} has changed since"
    for name, split in new["task"]["splits"].items():
        before = old["task"]["splits"].get(name)
        if before is not None and before["contents"] != split["contents"]:
            return f"split '{name}' reads differently now ({before['n']} examples then, {split['n']} now)"
    if old["task"]["pattern"]["hash"] != new["task"]["pattern"]["hash"]:
        return f"pattern '{new['task']['pattern']['name']}' has another text or other words now"
    if "model" in old and "model" in new:
        for fact, what in (("tokenizer", "the model's vocabulary"), ("weights", "the model")):
            if old["model"][fact] != new["model"][fact]:
                return f"{what} is another one now"
    return None


def _rendered(cloze: Cloze) -> list[Any]:
    """All that a cloze says, as plain values."""
    texts = [[_part(one) for one in parts] for parts in cloze.texts or (cloze.parts,)]
    edges = [cloze.edges.end, cloze.edges.eos, cloze.edges.pad_to]
    said = [cloze.answers, cloze.labels, cloze.given, cloze.combine, cloze.otherwise, cloze.segments]
    return [texts, edges, *said]


def _part(part: Part) -> list[Any]:
    if isinstance(part, Text):
        return ["text", part.text, part.cut, part.priority, part.max]
    if isinstance(part, Blank):
        return ["blank", part.mask]
    return ["soft", part.n, part.start] if isinstance(part, Soft) else ["border"]


def _told(pattern: str | Callable[..., Any]) -> str:
    """A template as it is; a function as its source, or its name where the source is out of reach."""
    if isinstance(pattern, str):
        return pattern
    try:
        return inspect.getsource(pattern)
    except (OSError, TypeError):
        return f"{getattr(pattern, '__module__', '?')}:{getattr(pattern, '__qualname__', type(pattern).__name__)}"


def _words(pvp: PVP) -> Any:
    if isinstance(pvp.verbalizer, Mapping):
        return {label: [words] if isinstance(words, str) else list(words) for label, words in pvp.verbalizer.items()}
    return None if pvp.verbalizer is None else _told(pvp.verbalizer)


def _code(pack: Pack) -> set[Path]:
    """The files of a pack that may change what it does."""
    folder = getattr(pack, "folder", None)
    found = {one for one in pack.files if one.is_file()}
    if folder is not None:
        found |= {one for kind in ("*.py", "*.toml") for one in Path(folder).rglob(kind)}
    return found


def _hash(text: str | Iterable[str]) -> str:
    digest = hashlib.sha256()
    for one in (text,) if isinstance(text, str) else text:
        digest.update(one.encode("utf-8"))
    return digest.hexdigest()


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return bytes(tensor.contiguous().view(torch.uint8).cpu().numpy().tobytes())
