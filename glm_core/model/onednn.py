"""Linear layers on a CPU by way of oneDNN, where no gradient is wanted.

Torch multiplies fp32 matrices on a CPU by its default BLAS, which on many processors is slower with a transposed weight
than with any other. oneDNN, which torch brings along for bf16 and convolutions, reads the weight as it lies, adds the
bias and applies GELU on the way: 1.1 to 1.4 times as fast, and as exact (`benchmarks/NOTES.md`).

Where torch's own switch for oneDNN (`torch.backends.mkldnn`) is off, so is this.
"""

from __future__ import annotations

import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Multiplications of a call from which oneDNN's slower start does not matter: 21 rows through a layer of 768 x 1024.
WORTH = 2**24

_linear: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is to do it: plain fp32 on an x86 CPU, much of it, and no gradient. x: (..., K), weight: (N, K)"""
    return (
        not torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() * weight.shape[0] >= WORTH
        and not torch.is_autocast_enabled("cpu")
        and _X86
        and _linear is not None
        and bool(torch.backends.mkldnn.enabled)
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`. (..., K), (N, K), (N,) -> (..., N)"""
    if suits(x, weight):
        return _linear(x, weight, bias, "none", [], "")
    return F.linear(x, weight, bias)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, then GELU in its tanh form. (..., K), (N, K), (N,) -> (..., N)"""
    if suits(x, weight):
        return _linear(x, weight, bias, "gelu", [], "tanh")
    return F.gelu(F.linear(x, weight, bias), approximate="tanh")
