"""How long the commands take to start: CPU time of a fresh interpreter each, and what it loaded."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, getrusage

HEAVY = ("torch", "transformers", "sklearn", "numpy")
LOADED = f"import sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
MAIN = """
import io, sys
from contextlib import redirect_stdout
with redirect_stdout(io.StringIO()):
    try:
        from glm_core.cli.main import main
        main({words!r})
    except SystemExit:
        pass
"""
CASES = {
    "python": "",
    "import glm_core": "import glm_core\n",
    "glm --help": MAIN.format(words=["--help"]),
    "glm tasks": MAIN.format(words=["tasks"]),
    "import torch": "import torch\n",
}


@dataclass(frozen=True)
class Startup:
    name: str
    cpu: float  # seconds, median
    wall: float
    loaded: tuple[str, ...]  # of the heavy modules


def measure(*, repeats: int = 5) -> list[Startup]:
    """Each case in fresh interpreters, in turns."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    loaded: dict[str, tuple[str, ...]] = {}
    for _ in range(repeats):
        for name, source in CASES.items():
            cpu, wall = _children(), time.perf_counter()
            done = subprocess.run([sys.executable, "-c", source + LOADED], capture_output=True, text=True, check=True)
            spent[name].append((_children() - cpu, time.perf_counter() - wall))
            loaded[name] = tuple(done.stdout.split("\n")[-2].split())
    return [
        Startup(
            name, statistics.median(cpu for cpu, _ in times), statistics.median(wall for _, wall in times), loaded[name]
        )
        for name, times in spent.items()
    ]


def _children() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
