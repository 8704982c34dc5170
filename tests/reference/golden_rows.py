"""The recorded samples of THUDM/GLM's `pvp.encode` and `processor.encode`, as padded arrays.

A file is JSON lines; an integer array is packed as `{"n", "v", "t"}` (values, then the last one repeated up to n) or as
`{"n", "r"}` (arithmetic runs: start, step, count). Nested lists are arrays of more dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.shared_files import shared

GOLDEN = shared("golden", "superglue")


@dataclass(frozen=True)
class GoldenFile:
    """One recorded file: a tokenizer, a task, a pattern and a mode of the original."""

    path: Path
    name: str
    tokenizer: str
    task: str
    pattern: str | None
    mode: str
    data: str  # "real" or "synth"
    split: str
    rows: int
    errors: int

    @property
    def folder(self) -> Path:
        """The folder that a row's `f` is relative to."""
        return shared("data", "fewglue", "FewGLUE_32dev") if self.data == "real" else GOLDEN / "synth_data"


@dataclass(frozen=True, eq=False)
class Classic:
    """One row of a model's input, padded to L as the original pads it."""

    ids: np.ndarray  # (L,)
    positions: np.ndarray  # (2, L)
    sep: int
    targets: np.ndarray | None = None  # (L,); None where only the place at [sop] matters
    target_mask: np.ndarray | None = None
    soft_at: tuple[int, ...] = ()


@cache
def golden_files() -> tuple[GoldenFile, ...]:
    """All that the manifest lists; none where the folder is absent."""
    manifest = GOLDEN / "manifest.json"
    if not manifest.exists():
        return ()
    return tuple(
        GoldenFile(
            GOLDEN / one["file"],
            one["file"],
            one["tokenizer"],
            one["task"],
            None if one["pattern"] is None else str(one["pattern"]),
            one["mode"],
            one["data"],
            one["split"],
            one["rows"],
            one["errors"],
        )
        for one in json.loads(manifest.read_text(encoding="utf-8"))
    )


def golden_rows(file: GoldenFile) -> Iterator[dict[str, Any]]:
    """The rows of a file with the arrays of `out` expanded; a row that broke the original off has `error` instead."""
    with file.path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if "out" in row:
                row["out"] = {name: expand(value) for name, value in row["out"].items()}
            yield row


def expand(packed: Any) -> Any:
    """A packed number or array as an int or a numpy array."""
    if isinstance(packed, int):
        return packed
    if isinstance(packed, list):
        inner = [expand(one) for one in packed]
        return inner if any(isinstance(one, int) for one in inner) else np.stack(inner) if inner else np.zeros(0, int)
    n = packed["n"]
    if "r" in packed:
        runs = [start + step * np.arange(count) for start, step, count in packed["r"]]
        found = np.concatenate(runs) if runs else np.zeros(0, int)
    else:
        found = np.full(n, packed.get("t", 0))
        found[: len(packed["v"])] = packed["v"]
        assert "t" in packed or len(packed["v"]) == n
    assert len(found) == n
    return found


def classic_rows(out: Mapping[str, Any]) -> list[Classic]:
    """The rows of a sample, one per answer; one alone where the sample has no axis for answers."""
    if "attention_mask" in out:  # the Winograd LM sample has names of its own
        soft = tuple(out["prompt_pos"])
        return [Classic(out["text"], out["position_id"], out["attention_mask"], out["target"], out["loss_mask"], soft)]
    if out["text"].ndim == 1:
        soft = tuple(out.get("prompt_pos", ()))
        return [Classic(out["text"], out["position"], int(out["mask"]), None, out.get("logit_mask"), soft)]
    return [
        Classic(
            text,
            out["position"][k],
            int(out["mask"][k]),
            out["target"][k] if "target" in out else None,
            out["logit_mask"][k] if "logit_mask" in out else None,
            tuple(out["prompt_pos"][k]) if "prompt_pos" in out else (),
        )
        for k, text in enumerate(out["text"])
    ]
