"""Linear layers on a CPU by way of oneDNN.

Torch multiplies fp32 matrices on a CPU by its default BLAS, which on many processors is slower with a transposed weight
than with any other. oneDNN, which torch brings along for bf16 and convolutions, reads matrices as they lie, adds the
bias and applies GELU on the way: 1.1 to 1.4 times as fast, and as exact (`benchmarks/NOTES.md`).

Where torch's own switch for oneDNN (`torch.backends.mkldnn`) is off, so is this.
"""

from __future__ import annotations

import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

# Multiplications of a call from which oneDNN's slower start does not matter: 21 rows through a layer of 768 x 1024.
WORTH = 2**24

_linear: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
_X86 = platform.machine().lower() in ("x86_64", "amd64")


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is to do it: plain fp32 on an x86 CPU, and much of it. x: (..., K), weight: (N, K)"""
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() * weight.shape[0] >= WORTH
        and not torch.is_autocast_enabled("cpu")
        and _X86
        and _linear is not None
        and bool(torch.backends.mkldnn.enabled)
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`. (..., K), (N, K), (N,) -> (..., N)"""
    if not suits(x, weight):
        return F.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias) if torch.is_grad_enabled() else _plain(x, weight, bias)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, then GELU in its tanh form. (..., K), (N, K), (N,) -> (..., N)"""
    if torch.is_grad_enabled() or not suits(x, weight):
        return F.gelu(linear(x, weight, bias), approximate="tanh")
    return _linear(x, weight, bias, "gelu", [], "tanh")


def _plain(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return _linear(x, weight, bias, "none", [], "")


class _Linear(torch.autograd.Function):
    """The same with its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _plain(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        flat = gradient.flatten(0, -2)  # (M, N)
        return (
            _plain(gradient, weight.t()) if of_x else None,
            _plain(flat.t(), x.flatten(0, -2).t()) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )
