"""What the figures were measured on: versions, threads, instruction set, how fast it multiplies matrices, peak memory."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glm_core.config import ModelConfig
from glm_core.model import onednn

ROWS = 1024  # tokens in the multiplications whose rate is measured
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def describe() -> dict[str, Any]:
    """Versions, processor and threads, as plain values."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "onednn": torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled),
    }


def multiplication_rate(config: ModelConfig, dtype: torch.dtype, *, repeats: int = 3) -> dict[str, float]:
    """Best rate over the shapes of the model's own layers, in GFLOP/s of CPU time per thread: by torch and by oneDNN."""
    D = config.hidden_size
    rates = {"torch": 0.0, "oneDNN": 0.0}
    with torch.inference_mode():
        for wide, deep in ((3 * D, D), (D, D), (4 * D, D), (D, 4 * D)):
            x, weight = torch.randn(ROWS, deep, dtype=dtype), torch.randn(wide, deep, dtype=dtype)
            ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"torch": F.linear, "oneDNN": onednn.linear}
            for name, multiply in ways.items():
                multiply(x, weight)
                for _ in range(repeats):
                    began = time.process_time()
                    multiply(x, weight)
                    spent = max(time.process_time() - began, 1e-9)
                    rates[name] = max(rates[name], 2 * ROWS * wide * deep / spent / 1e9)
    return rates


def flops_per_token(config: ModelConfig) -> float:
    """Multiplications and additions that one token needs in the layers, attention's own left out."""
    return 2.0 * 12 * config.n_layers * config.hidden_size**2


def flops_per_answer_token(config: ModelConfig) -> float:
    """What the logits of one token need."""
    return 2.0 * config.hidden_size * config.vocab_size


class PeakMemory:
    """How far the memory of this process rises inside a `with` above what it was before: `.mib`.

    On Linux the kernel's high-water mark is set back first; elsewhere earlier peaks count as well.
    """

    mib = 0.0

    def __enter__(self) -> PeakMemory:
        with contextlib.suppress(OSError):
            _CLEAR.write_text("5")
        self._before = _memory("VmRSS")
        return self

    def __exit__(self, *error: object) -> None:
        self.mib = max(0.0, _memory("VmHWM") - self._before) / 2**10


def _memory(field: str) -> float:
    """A line of /proc/self/status in KiB; the largest so far where there is no such file."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith(field):
                return float(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
