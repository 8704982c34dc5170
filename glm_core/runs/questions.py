"""Examples made ready for a backbone: what is asked of it when it is evaluated, and what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from glm_core.errors import UsageError
from glm_core.examples import Example
from glm_core.generation_config import GenerationConfig
from glm_core.parts import DOCUMENT_BLANK, Blank, Border, Soft
from glm_core.pvp import Cloze
from glm_core.tasks import Kind

Progress = Callable[[int, int], None]  # (done, of)


@dataclass(frozen=True, eq=False)
class Questions:
    """Examples with their clozes, encoded once, answered as often as wanted.

    kind: how they are answered. instances: what is encoded of each: as a rule one; the windows of a long text; none where
    a text is to be written. generation: how it is written.
    """

    examples: Sequence[Example]
    clozes: Sequence[Cloze]
    instances: Sequence[Sequence[Any]]
    kind: Kind = "cloze"
    generation: GenerationConfig | None = None

    def every(self, step: int, *, start: int) -> Questions:
        """Every `step`-th of them."""
        return self.pick(range(start, len(self.examples), step))

    def pick(self, indices: Sequence[int]) -> Questions:
        """Some of them, in this order."""
        return replace(
            self,
            examples=[self.examples[index] for index in indices],
            clozes=[self.clozes[index] for index in indices],
            instances=[self.instances[index] for index in indices],
        )

    def all_instances(self) -> list[Any]:
        """What is encoded of all of them, in a row."""
        return [one for some in self.instances for one in some]


def one_way(cloze: Cloze) -> Cloze:
    """A cloze whose text is read from left to right: all of it is given at the start of the blank, whose end is the end.

    A blank inside the text stays there as its mask token. Raises UsageError for a text that differs per answer.
    """
    parts = [part for part in cloze.parts if not isinstance(part, Border) and part != Soft()]
    inside = parts[:-1] if parts and isinstance(parts[-1], Blank) else parts
    words = [part.mask if isinstance(part, Blank) else part.text for part in inside if not isinstance(part, Soft)]
    if cloze.texts or len(words) < len(inside):
        raise UsageError(
            f"pattern '{cloze.pattern}' has soft places or a text for each answer; --direction uni reads plain text"
        )
    masks = [part.mask for part in inside if isinstance(part, Blank)]
    return replace(
        cloze,
        parts=(DOCUMENT_BLANK,),
        given=cloze.given + "".join(words),
        specials=tuple(dict.fromkeys((*cloze.specials, *masks))),
        edges=replace(cloze.edges, eos="never"),
    )


def arithmetic(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The forward pass in this precision; parameters keep theirs."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype={"bf16": torch.bfloat16, "fp16": torch.float16}[precision])
