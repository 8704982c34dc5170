"""Peak memory of one side, in a process of its own: `python -m benchmarks.memory eval ours "RTE multi" base 16`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Literal

Side = Literal["ours", "naive", "naive, all kept"]

EXAMPLES = {"eval": 16, "train": 4}  # the batches of the recorded baselines
JOBS = {"eval": ("RTE multi", "COPA"), "train": ("COPA",)}
SIDES: dict[str, tuple[Side, ...]] = {"eval": ("ours", "naive"), "train": ("ours", "naive", "naive, all kept")}


def peak(what: str, side: Side, job: str, size: str) -> float:
    """MiB above the loaded model."""
    words = [sys.executable, "-m", "benchmarks.memory", what, side, job, size, str(EXAMPLES[what])]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return float(json.loads(done.stdout))


def main() -> None:
    what, side, name, size, examples = sys.argv[1:]
    import torch

    from benchmarks import evaluation, jobs, training

    torch.set_num_threads(1)
    backbone = jobs.make_backbone(size)
    job = next(one for one in jobs.JOBS if one.name == name)
    measure = evaluation.peak_memory if what == "eval" else training.peak_memory
    print(json.dumps(measure(backbone, job, side=side, examples=int(examples))))


if __name__ == "__main__":
    main()
