"""What does backward and step: one process or several under torchrun, behind a few verbs that the loop knows.

Gradients are summed over micro-batches and processes; whoever calls `backward` has weighted the loss so that the sum is
the gradient of the step's mean. Processes may therefore have different numbers of micro-batches, or none.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from glm_core.backbone import Backbone
from glm_core.config import TrainConfig
from glm_core.errors import CheckpointError, RunError, UsageError
from glm_core.training.schedule import build_optimizer, clip_gradients, parameter_groups

_BUCKET = 32 * 2**20  # bytes of gradients that travel together
_PARAMETERS, _OPTIMIZER, _SCALER = "parameters.safetensors", "optimizer.safetensors", "scaler.json"
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

Value = TypeVar("Value")


class Engine(Protocol):
    """What the loop asks for. `rank` and `world_size` hold from the start, the rest after `attach`."""

    rank: int
    world_size: int
    device: torch.device
    norm: Tensor  # of the last step's gradient, before clipping: a scalar

    def attach(self, backbone: Backbone) -> None:
        """Take hold of `backbone.module`: the same parameters in every process, and an optimizer for them."""

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic of the forward pass."""

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss, already weighted."""

    def step(self, learning_rate: float) -> bool:
        """Share and clip the gradients and update the parameters; False where the gradient was not fit for it."""

    def silent(self) -> list[str]:
        """Names of trained parameters whose gradient has been zero in every step so far."""

    def total(self, values: Sequence[float]) -> list[float]:
        """Numbers summed over the processes, one by one."""

    def gather(self, values: Sequence[Value]) -> list[Value]:
        """The values of all processes in one list, those of rank 0 first."""

    def save(self, folder: Path) -> None:
        """Write what `load` needs to go on: parameters, optimizer, scaler. Every process calls it."""

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote. Raises CheckpointError."""

    def save_parameters(self, folder: Path) -> None:
        """Write the trained parameters only."""

    def load_parameters(self, folder: Path) -> None:
        """Take the trained parameters from a folder. Raises CheckpointError."""


class TorchEngine:
    """Plain torch: autocast, AdamW, clipping; under torchrun gradients are summed over gloo (CPU) or NCCL (GPU)."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.rank = int(os.environ.get("RANK", "0"))
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = torch.device("cpu")
        self.norm = torch.zeros(())

    def attach(self, backbone: Backbone) -> None:
        """Join the other processes, take rank 0's parameters, and make an optimizer for those that are trained.

        Names that `backbone.learning_rate_scales` begins with (soft prompts, heads) learn faster or slower.
        Raises UsageError where nothing is to be trained.
        """
        self.module = backbone.module
        self.device = next(self.module.parameters()).device
        self._join()
        self._trained = {name: one for name, one in self.module.named_parameters() if one.requires_grad}
        if not self._trained:
            raise UsageError(
                "nothing to train: all parameters are frozen; add a soft prompt or a head, or --freeze none"
            )
        scales = getattr(backbone, "learning_rate_scales", None)
        self._groups = parameter_groups(self.module, weight_decay=self.config.weight_decay, learning_rate_scales=scales)
        self.optimizer = build_optimizer(
            self._groups, betas=(self.config.beta1, self.config.beta2), epsilon=self.config.epsilon
        )
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self.config.precision == "fp16")
        self._scaler.scale(torch.zeros((), device=self.device))  # a process without a micro-batch needs its scale too
        self._silent = dict(self._trained)

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic of the forward pass; fp32: as the parameters are."""
        dtype = _DTYPES.get(self.config.precision)
        return torch.autocast(self.device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss, already weighted."""
        self._scaler.scale(loss).backward()

    def step(self, learning_rate: float) -> bool:
        """Share and clip the gradients and update the parameters; False where the gradient was not fit for it.

        On a GPU nobody waits to see whether the gradient is finite, but with fp16; look at `norm` when there is time.
        """
        self._share_gradients()
        if self._scaler.is_enabled():
            self._scaler.unscale_(self.optimizer)
        self._listen()
        self.norm = clip_gradients(list(self._trained.values()), self.config.clip).detach()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group["scale"]
        updated = True
        if self._scaler.is_enabled():
            before = self._scaler.get_scale()
            self._scaler.step(self.optimizer)
            self._scaler.update()
            updated = self._scaler.get_scale() >= before
            if not updated and before < 1:
                raise RunError("fp16 cannot hold the gradients, even scaled down; use --precision bf16 or fp32")
        elif self.device.type != "cpu" or torch.isfinite(self.norm):
            self.optimizer.step()
        else:
            updated = False
        self.optimizer.zero_grad(set_to_none=True)
        return updated

    def silent(self) -> list[str]:
        """Names of trained parameters whose gradient has been zero in every step so far."""
        return list(self._silent)

    def total(self, values: Sequence[float]) -> list[float]:
        """Numbers summed over the processes, one by one."""
        if self.world_size == 1:
            return list(values)
        numbers = torch.tensor(list(values), dtype=torch.float64)
        dist.all_reduce(numbers)
        return list(numbers.tolist())

    def gather(self, values: Sequence[Value]) -> list[Value]:
        """The values of all processes in one list, those of rank 0 first."""
        if self.world_size == 1:
            return list(values)
        parts: list[Any] = [None] * self.world_size
        dist.all_gather_object(parts, list(values))
        return [value for part in parts for value in part]

    def save(self, folder: Path) -> None:
        """Write parameters, AdamW's moments and the scaler. No pickles: tensors as safetensors, numbers as JSON."""
        self.save_parameters(folder)
        if self.rank:
            return
        moments = {
            f"{slot}/{name}": value.detach().contiguous()
            for name, parameter in self._trained.items()
            for slot, value in self.optimizer.state.get(parameter, {}).items()
        }
        save_file(moments, folder / _OPTIMIZER)
        (folder / _SCALER).write_text(json.dumps(self._scaler.state_dict()), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote; every process reads the folder. Raises CheckpointError."""
        self.load_parameters(folder)
        self.optimizer.state.clear()
        for key, value in _read(folder / _OPTIMIZER).items():
            slot, _, name = key.partition("/")
            if name not in self._trained:
                raise CheckpointError(f"{folder / _OPTIMIZER}: holds '{name}', which this model does not train")
            self.optimizer.state[self._trained[name]][slot] = value.to(self._trained[name].device)
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(json.loads((folder / _SCALER).read_text(encoding="utf-8")))

    def save_parameters(self, folder: Path) -> None:
        """Write the trained parameters, and the buffers that belong to the model."""
        if self.rank == 0:
            save_file({name: one.detach().contiguous() for name, one in self._state().items()}, folder / _PARAMETERS)

    def load_parameters(self, folder: Path) -> None:
        """Take the trained parameters from a folder. Raises CheckpointError where names or shapes differ."""
        path, state = folder / _PARAMETERS, self._state()
        found = _read(path)
        if missing := sorted(state.keys() ^ found.keys()):
            raise CheckpointError(f"{path}: is of another model; {', '.join(missing[:4])} is not in both")
        for name, value in found.items():
            if value.shape != state[name].shape:
                raise CheckpointError(
                    f"{path}: '{name}' is {tuple(value.shape)} there and {tuple(state[name].shape)} in this model"
                )
            with torch.no_grad():
                state[name].copy_(value)

    def _state(self) -> dict[str, Tensor]:
        kept = self.module.state_dict().keys()
        buffers = {name: one for name, one in self.module.named_buffers() if name in kept}
        return {**self._trained, **buffers}

    def _join(self) -> None:
        """Meet the other processes and start from rank 0's parameters; share the processor's cores with them."""
        _use_cores()
        if self.world_size == 1 and not dist.is_initialized():
            return
        if self.device.type == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(self.device)
            self.module.to(self.device)
        if not dist.is_initialized():  # numbers and objects travel over gloo even on GPUs: nobody waits for a kernel
            dist.init_process_group("cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo")
            atexit.register(_leave)
        self.rank, self.world_size = dist.get_rank(), dist.get_world_size()
        for tensor in (*self.module.parameters(), *self.module.buffers()):
            dist.broadcast(tensor.data, src=0)

    def _share_gradients(self) -> None:
        """Sum the gradients over the processes, many at a time."""
        if self.world_size == 1:
            return
        parameters = list(self._trained.values())
        there = torch.tensor([one.grad is not None for one in parameters], dtype=torch.int32)
        dist.all_reduce(there, op=dist.ReduceOp.MAX)  # without a gradient anywhere it stays None, as in one process
        gradients = []
        for parameter, anywhere in zip(parameters, there.tolist(), strict=True):
            if anywhere:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([one.reshape(-1) for one in bucket])
            dist.all_reduce(flat)
            for one, summed in zip(bucket, flat.split([one.numel() for one in bucket]), strict=True):
                one.copy_(summed.view_as(one))

    def _listen(self) -> None:
        """Strike out the parameters that have a gradient; after one step hardly any are left to look at."""
        for name, one in list(self._silent.items()):
            if one.grad is not None and bool(one.grad.any()):
                del self._silent[name]


def _buckets(gradients: list[Tensor]) -> list[list[Tensor]]:
    """Gradients of one dtype side by side, up to a size that travels well."""
    buckets: list[list[Tensor]] = []
    room = 0
    for one in gradients:
        size = one.numel() * one.element_size()
        if not buckets or size > room or buckets[-1][0].dtype != one.dtype:
            buckets.append([])
            room = _BUCKET
        buckets[-1].append(one)
        room -= size
    return buckets


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error}); remove its folder to go on from an earlier one"
        ) from error


def _use_cores() -> None:
    """OMP_NUM_THREADS counts (torchrun sets it); otherwise the processes of this machine share its cores."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if here > 1 and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // here))


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
