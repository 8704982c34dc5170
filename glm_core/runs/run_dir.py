"""A run's folder: what lies where, in which state it is, and the log that is written while it runs.

    run.json          what was asked: values and origins; can be given back as --config
    manifest.json     what may change a score: versions, packs, hashes of data, pattern, tokenizer, checkpoint, devices
    log.jsonl         one row per logged step
    predictions/      SPLIT.jsonl.gz with every token's log-probability, and SPLIT.json with metrics and health
    checkpoints/      resume points; removed when the run is done
    bundle/           what is needed to predict
    error.txt         the traceback of a run that failed
    result.json       written last: its presence means "done"
    lock              who is at work here, only while somebody is

Everything but the log is written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from glm_core.atomic import write_text
from glm_core.errors import DataError, RunError, UsageError
from glm_core.examples import Prediction
from glm_core.runs.lock import Lock, is_held
from glm_core.runs.predictions import read_predictions, write_predictions

State = Literal["planned", "running", "stopped", "failed", "done"]
Record = Callable[[Mapping[str, Any]], None]


class RunDir:
    """The folder of one run. `RunDir(path)` touches nothing on the disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.asked = self.path / "run.json"
        self.manifest = self.path / "manifest.json"
        self.log = self.path / "log.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.bundle = self.path / "bundle"
        self.error = self.path / "error.txt"
        self.result = self.path / "result.json"
        self.lock = self.path / "lock"

    def predictions(self, split: str) -> Path:
        """The file with a split's predictions."""
        return self.path / "predictions" / f"{split}.jsonl.gz"

    def evaluation(self, split: str) -> Path:
        """The file with a split's metrics and health."""
        return self.path / "predictions" / f"{split}.json"

    @property
    def state(self) -> State:
        """planned: nothing there yet; stopped: begun, and the same command continues it."""
        if self.result.is_file():
            return "done"
        if is_held(self.lock):
            return "running"
        if self.error.is_file():
            return "failed"
        return "stopped" if self.asked.is_file() else "planned"

    def make(self) -> None:
        """Make the folder. Raises UsageError where a file is in the way or the place cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise UsageError(f"{self.path}: a file is in the way of this run's folder; choose another --out") from error
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be made ({error.strerror}); choose another --out") from error

    def held(self) -> Lock:
        """The lock on this folder, to be used with `with`."""
        return Lock(self.lock)

    def refuse_strangers(self) -> None:
        """Raises UsageError for a folder that holds something, but no run: nothing of it is ever touched."""
        ours = {self.lock.name, self.asked.name}
        if self.asked.is_file() or not self.path.is_dir():
            return
        others = sorted(
            one.name for one in self.path.iterdir() if one.name not in ours and not one.name.startswith(".")
        )
        if others:
            raise UsageError(f"{self.path}: is not empty and holds no run (there is {others[0]}); choose another --out")

    def clear(self) -> None:
        """Remove all that the run left, its result first and what it was asked last."""
        for one in (self.result, self.bundle, self.checkpoints, self.path / "predictions", self.log, self.error):
            if one.is_dir():
                shutil.rmtree(one)
            else:
                one.unlink(missing_ok=True)
        self.manifest.unlink(missing_ok=True)
        self.asked.unlink(missing_ok=True)

    def write_predictions(self, split: str, predictions: Sequence[Prediction], told: Mapping[str, Any]) -> None:
        """Store a split's predictions, then what was measured on them."""
        write_predictions(self.predictions(split), predictions)
        write_json(self.evaluation(split), told)

    def read_predictions(self, split: str) -> list[Prediction]:
        """The stored predictions of a split."""
        return read_predictions(self.predictions(split))

    def recorder(self, hooks: Sequence[Record] = ()) -> Record:
        """A function that adds a row to the log and tells `hooks`.

        A run that goes on from an earlier step repeats those after it: their old rows go when the first new one arrives.
        """
        _mend(self.log)
        first = True

        def record(row: Mapping[str, Any]) -> None:
            nonlocal first
            row = {**row, "time": round(time.time(), 3)}
            if first and isinstance(row.get("step"), int):
                _forget_after(self.log, row["step"])
                first = False
            try:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(to_json(row) + "\n")
            except OSError as error:
                raise RunError(
                    f"{self.log}: cannot be written ({error.strerror}); free some space and give the command again"
                ) from error
            for one in hooks:
                one(row)

        return record


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises DataError where it is not there or not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; is {path.parent} a finished run?") from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as JSON ({error}); it was changed or cut off", file=path) from error
    if not isinstance(found, dict):
        raise DataError(f"holds {type(found).__name__}, wanted an object", file=path)
    return found


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    write_text(path, to_json(value, indent=2) + "\n")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON text; a number that JSON does not know (nan, infinity) becomes null."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; a last line that was cut off by a kill is passed over."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        with suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def _mend(log: Path) -> None:
    """Take away a last line that a kill cut off."""
    with suppress(FileNotFoundError):
        content = log.read_bytes()
        if content and not content.endswith(b"\n"):
            os.truncate(log, content.rfind(b"\n") + 1)


def _forget_after(log: Path, step: int) -> None:
    rows = read_log(log)
    kept = [row for row in rows if not isinstance(row.get("step"), int) or row["step"] <= step]
    if len(kept) < len(rows):
        write_text(log, "".join(to_json(row) + "\n" for row in kept))
