"""Read tensors from a file that torch pickled, and run nothing that stands in it.

torch rebuilds tensors and plain values only. What else training scripts put beside the weights (random states of
numpy, DeepSpeed's loss scaler, command-line arguments) is named here and becomes an empty stand-in: it is not needed, and
no code of theirs is called. Any other global is refused.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from glm_core.errors import CheckpointError

_BESIDE_THE_WEIGHTS = (
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.dtypes.UInt32DType",
    "argparse.Namespace",
    "deepspeed.runtime.fp16.loss_scaler.LossScaler",
    "deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler",
)


class _Ignored:
    """Stands for a value that is not needed."""

    def __new__(cls, *arguments: Any) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _stand_in(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    return type(attribute, (_Ignored,), {"__module__": module, "__qualname__": attribute})


# What a wrong byte makes torch raise, one version or another.
_DAMAGE = (
    RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, OSError, AssertionError, ArithmeticError,
    struct.error,
)  # fmt: skip

_ALLOWED: list[Any] = [*(_stand_in(name) for name in _BESIDE_THE_WEIGHTS), set]


def read_pickle(path: Path) -> Any:
    """What torch saved in a file, tensors on the CPU and, where the format allows it, mapped rather than read.

    Raises CheckpointError in one line: a global that is not allowed, a file that is cut off, empty, or no checkpoint.
    """
    _check_whole(path)
    try:
        with torch.serialization.safe_globals(_ALLOWED), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # read or refused, as any other
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_refusal(str(error))}") from error
    except _DAMAGE as error:
        raise CheckpointError(f"{path}: is damaged ({_first_line(error)}); fetch or copy it again") from error


def _check_whole(path: Path) -> None:
    """Raise CheckpointError for what is told without unpickling."""
    with path.open("rb") as file:
        start = file.read(32)
    if not start:
        raise CheckpointError(f"{path}: is empty; fetch or copy it again")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: is a pointer of git LFS and not the file itself; run `git lfs pull` beside it")
    if start.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path}: is cut off after {path.stat().st_size} bytes; fetch or copy it again")


def _refusal(message: str) -> str:
    """Why torch would not go on, with the name of the global it stopped at."""
    named = re.search(r"GLOBAL (\S+)", message) or re.search(r"(?:function|global|class) (\S+\.\S+)", message)
    if named is None:
        inner = re.search(r"WeightsUnpickler error: *(.+)", message)
        reason = (inner[1] if inner else message.splitlines()[0]).strip()[:120]
        return "is not a file that torch saved, or is damaged" + (f" ({reason})" if reason else "")
    return (
        f"wants to call {named[1]} while it is read; weights need no such thing, and it was not called. "
        "Take the checkpoint as .safetensors, or save its state dict alone where you trust it"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
