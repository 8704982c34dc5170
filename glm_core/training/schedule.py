"""How fast which parameter learns: the learning rate of every step, groups with and without weight decay, AdamW.

Everything is a pure function of numbers. The curves are those of THUDM/GLM (`AnnealingLR`), to the first update with a
learning rate of 0; only past its end a linear decay stays where it is (there it went on below zero).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

Schedule = Literal["linear", "cosine", "constant"]


def learning_rate_at(
    step: int,
    *,
    peak: float,
    warmup_steps: float,
    total_steps: float,
    schedule: Schedule = "linear",
    decay_to: float = 0.1,
) -> float:
    """The learning rate of update number `step`, counted from 0.

    It rises from 0 in a straight line for `warmup_steps` (a fraction is fine), reaches `peak`, and falls to
    `decay_to * peak` at `total_steps`, warm-up included; `constant` stays at the peak.
    """
    if warmup_steps > 0 and step <= warmup_steps:
        return peak * step / warmup_steps
    if schedule == "constant":
        return peak
    done = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps)) if total_steps > warmup_steps else 1.0
    if schedule == "linear":
        return peak - peak * (1.0 - decay_to) * done
    return peak * (decay_to + (1.0 - decay_to) * (math.cos(math.pi * done) + 1.0) / 2.0)


def count_steps(*, steps: int, epochs: float, steps_per_epoch: int) -> int:
    """How many updates a training makes: `steps` where it is given, otherwise as many as the epochs need."""
    return steps or max(1, math.ceil(epochs * steps_per_epoch - 1e-9))


def evaluation_steps(total_steps: int, *, steps_per_epoch: int, eval_every: float) -> frozenset[int]:
    """After how many updates to evaluate: every `eval_every` epochs (fractions are fine; 0: never) and at the end."""
    found = {total_steps}
    if eval_every > 0:
        stretch = max(1.0, eval_every * steps_per_epoch)
        found.update(math.floor(k * stretch + 0.5) for k in range(1, math.floor(total_steps / stretch) + 1))
    return frozenset(step for step in found if step <= total_steps)


def parameter_groups(
    module: nn.Module, *, weight_decay: float, learning_rate_scales: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """The trained parameters as groups for an optimizer: `params`, their `names`, `weight_decay` and `scale`.

    Parameters of norms and biases do not decay; all else does, embeddings and position tables included. Biases of LSTMs
    (`bias_ih_l0`) count as biases; the original let them decay by mistake. `learning_rate_scales` maps the beginning of
    names to a factor on the learning rate ({"prompt_spell.": 100}); the longest that fits counts. What is frozen is
    left out.
    """
    scales = dict(learning_rate_scales or {})
    norms = {
        id(parameter)
        for part in module.modules()
        if isinstance(part, nn.LayerNorm) or type(part).__name__.endswith("Norm")
        for parameter in part.parameters(recurse=False)
    }
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        decays = id(parameter) not in norms and not name.rpartition(".")[2].startswith("bias")
        fitting = max((start for start in scales if name.startswith(start)), key=len, default=None)
        key = (weight_decay if decays else 0.0, 1.0 if fitting is None else scales[fitting])
        group = groups.setdefault(key, {"params": [], "names": [], "weight_decay": key[0], "scale": key[1]})
        group["params"].append(parameter)
        group["names"].append(name)
    return list(groups.values())


def build_optimizer(groups: list[dict[str, Any]], *, betas: tuple[float, float], epsilon: float) -> torch.optim.AdamW:
    """AdamW over parameter groups; in one fused kernel where there is one (ten times as fast on a CPU)."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    fused = all(one.is_floating_point() and one.device.type in ("cpu", "cuda") for one in parameters)
    return torch.optim.AdamW(groups, lr=0.0, betas=betas, eps=epsilon, fused=fused)


def clip_gradients(parameters: list[nn.Parameter], largest: float) -> torch.Tensor:
    """Shorten all gradients together to an L2 norm of `largest` (0: leave them); the norm before that, a scalar.

    The coefficient is `largest / (norm + 1e-6)`, used where it is below 1, as in the original.
    """
    gradients = [one.grad for one in parameters if one.grad is not None]
    if not gradients:
        return torch.zeros(())
    norms = torch._foreach_norm(gradients)  # one kernel for many tensors
    norm = torch.linalg.vector_norm(torch.stack([one.float() for one in norms]))
    coefficient = (largest / (norm + 1e-6)).clamp(max=1.0)
    if largest > 0 and (norm.device.type != "cpu" or coefficient < 1):  # only on a CPU is it free to look
        torch._foreach_mul_(gradients, coefficient)
    return norm
