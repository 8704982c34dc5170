"""Resume points: everything that a stopped training needs to go on as if it had not stopped.

    checkpoints/
      step-00000120/     state.json · random.json · parameters.safetensors · optimizer.safetensors · scaler.json
      best-00000080/     parameters.safetensors

A folder is there whole or not at all. The older point goes when the newer one is on the disk, and the best parameters
are never overwritten in place: whenever the process dies, the newest point and the best parameters fit together.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from glm_core.atomic import write_folder
from glm_core.errors import CheckpointError, UsageError
from glm_core.training.engine import Engine
from glm_core.training.seeds import random_state, restore_random_state

log = logging.getLogger(__name__)

_FORMAT = 1
_STATE, _RANDOM = "state.json", "random.json"


@dataclass
class TrainState:
    """How far a training is. Plain values: it is written as JSON."""

    step: int = 0  # updates done
    finished: str = ""  # "end" or "patience" once the training is over
    evaluated: int = 0  # the step of the last evaluation
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None  # the evaluation with the best score, and the folder of its parameters
    loss_sum: float = 0.0  # since the last evaluation …
    loss_steps: int = 0  # … over so many steps
    skipped: int = 0  # fp16 updates left out because a gradient overflowed
    tokens: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


def save_point(checkpoints: Path, state: TrainState, identity: Mapping[str, Any], engine: Engine) -> None:
    """Write a resume point, then remove what it replaces. Every process calls it.

    Raises RunError where the disk is full; the points that were there are untouched then.
    """
    with _written_together(checkpoints / f"step-{state.step:08d}", engine) as draft:
        chances = engine.gather([random_state()])
        if state.finished:  # nobody goes on from here: only what was learnt counts
            if state.best is None:
                engine.save_parameters(draft)
        else:
            engine.save(draft)
        if engine.rank == 0:
            _write_json(draft / _RANDOM, chances)
            sizes = {path.name: path.stat().st_size for path in sorted(draft.iterdir())}
            whole = {"format": _FORMAT, "identity": dict(identity), "state": asdict(state), "files": sizes}
            _write_json(draft / _STATE, whole)
    if engine.rank == 0:
        kept = {f"step-{state.step:08d}", state.best["folder"] if state.best else ""}
        for old in [*checkpoints.glob("step-*"), *checkpoints.glob("best-*")]:
            if old.name not in kept:
                shutil.rmtree(old, ignore_errors=True)


def save_best(checkpoints: Path, step: int, engine: Engine) -> str:
    """Keep the parameters of this step beside earlier ones; the name of their folder. Every process calls it."""
    name = f"best-{step:08d}"
    with _written_together(checkpoints / name, engine) as draft:
        engine.save_parameters(draft)
    return name


def load_point(checkpoints: Path, identity: Mapping[str, Any], engine: Engine) -> TrainState | None:
    """Go on from the newest whole resume point, or None where there is none. Every process calls it.

    Broken points are passed over with a warning. Raises UsageError where the point is of another run (`identity` says
    what makes a run), CheckpointError where its tensors do not fit the model.
    """
    found = _newest(checkpoints) if engine.rank == 0 else None
    folder, whole = engine.gather([found])[0] or (None, {})
    if folder is None:
        return None
    _check_identity(whole["identity"], identity, folder)
    known = {one.name for one in fields(TrainState)}
    state = TrainState(**{key: value for key, value in whole["state"].items() if key in known})
    if not state.finished:
        engine.load(folder)
        restore_random_state(json.loads((folder / _RANDOM).read_text(encoding="utf-8"))[engine.rank])
    elif state.best is None:
        engine.load_parameters(folder)
    return state


def clear_drafts(checkpoints: Path) -> None:
    """Remove what a process that was killed while writing left behind. The folder belongs to one training."""
    for draft in checkpoints.glob(".*.draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


def _newest(checkpoints: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest resume point that is whole, and its state."""
    for folder in sorted(checkpoints.glob("step-*"), reverse=True):
        try:
            whole = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            sizes = {name: (folder / name).stat().st_size for name in whole["files"]}
            best = whole["state"]["best"]
            if best is not None:
                (checkpoints / best["folder"]).stat()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is not whole (%s) and is passed over", folder, error)
            continue
        if whole.get("format") != _FORMAT:
            raise CheckpointError(f"{folder}: was written by another version of glm-core; finish the run with that one")
        if sizes == whole["files"]:
            return folder, whole
        log.warning("%s is not whole and is passed over", folder)
    return None


def _check_identity(found: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> None:
    asked = json.loads(json.dumps(asked))
    for key in [*asked, *(key for key in found if key not in asked)]:
        if found.get(key) != asked.get(key):
            was, now = (_short(one.get(key)) for one in (found, asked))
            raise UsageError(
                f"{folder.parent}: belongs to another run: {key} was {was} and is {now}; "
                "give the same options to go on, or another folder to begin anew"
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


@contextmanager
def _written_together(place: Path, engine: Engine) -> Iterator[Path]:
    """The draft of a folder in which every process may write; it is in its place when all are through."""
    if engine.rank == 0:
        with write_folder(place) as draft:
            engine.gather([draft])
            yield draft
            engine.gather([draft])
    else:
        yield engine.gather([place])[0]
        engine.gather([place])
    engine.gather([place])
