"""What a model must be able to do for a task. GLM is one such model; a pack may bring another.

torch appears in annotations only: fakes are trivial in tests, and packs that offer a backbone stay dry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from glm_core.errors import UsageError
from glm_core.pvp import Cloze

if TYPE_CHECKING:
    from torch import Tensor, nn

    from glm_core.config import TrainConfig
    from glm_core.generation_config import GenerationConfig
    from glm_core.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class ModelSource:
    """Where a named checkpoint lies.

    where: "pack:models/tiny" (a folder inside this pack), "hub:owner/name" (needs the extra `hub`), or "" for a preset
        whose files the user brings.
    """

    where: str
    backbone: str = "glm"
    preset: str | None = None
    summary: str = ""
    license: str = ""


class Weighed(NamedTuple):
    """What weighing a batch of Q clozes found: C answers of T tokens."""

    log_probs: Tensor  # (Q, C, T) natural log, 0 where there is no token
    mask: Tensor  # (Q, C, T) bool
    greedy: Tensor | None = None  # (Q, C) bool: each token of the answer is the most likely one at its place


@dataclass(frozen=True)
class Filled:
    """A text whose blanks were written.

    texts: what was written into each blank, without the whitespace around it.
    text: the whole text with the blanks replaced.
    finished: whether each blank ended by itself, or else because no more was allowed.
    ids: the tokens of each blank, ends not included; a stop text is still among them.
    cut: tokens of the text that were cut so that the row fits, by field.
    """

    texts: tuple[str, ...]
    text: str
    finished: tuple[bool, ...]
    ids: tuple[tuple[int, ...], ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)


class Chunk(NamedTuple):
    """A piece of a text that is being filled. All chunks of a cloze, one behind the other, are `Filled.text`."""

    cloze: int  # its number in the call
    blank: int | None  # the blank that is being written; None: words of the text itself
    text: str


class Backbone(ABC):
    """A model together with its way of encoding, scoring and saving. The trainer never learns which one it is.

    `encode` and `collate` make sealed envelopes: whoever trains or evaluates passes them on to `loss` and `weigh`.
    """

    module: nn.Module
    tokenizer: Tokenizer
    masks: frozenset[str]
    shares_part_a: ClassVar[bool] = True

    def prepare(self, config: TrainConfig, sample: Cloze) -> None:
        """Called once before training, with one of its clozes: dropout, soft prompts, what is frozen."""

    def loss_weight(self, batch: Any, objective: str) -> float:
        """What a batch's mean loss counts in the mean over several batches: as a rule its clozes."""
        return float(batch.n_clozes)

    @abstractmethod
    def encode(self, cloze: Cloze, *, max_length: int) -> Any:
        """An instance with `uid`, `n_tokens` (length of its row), `labels`, `gold`, `cut` (tokens cut by field)."""

    @abstractmethod
    def collate(self, instances: Sequence[Any]) -> Any:
        """Instances as one batch of tensors with `.to(device)`, `n_clozes` and `n_tokens` (padding included)."""

    @abstractmethod
    def weigh(self, batch: Any) -> Weighed:
        """The log-probability of every token of every answer. No gradient is needed."""

    @abstractmethod
    def loss(
        self, batch: Any, *, objective: str = "choice", smoothing: float = 0.0, length_penalty: float = 0.0
    ) -> Tensor:
        """The mean loss of the batch's clozes: a scalar with a gradient."""

    @abstractmethod
    def pool(self, batch: Any, at: str = "cls") -> Tensor:
        """One state per cloze, (Q, D): at "cls", at "sop" (the start of the blank) or "last" (of the text)."""

    def fill(
        self,
        clozes: Sequence[Cloze],
        config: GenerationConfig,
        *,
        rng: Random | None = None,
        candidates: Sequence[Sequence[str | tuple[str, ...]] | None] | None = None,
        watch: Callable[[Chunk], None] | None = None,
    ) -> list[Filled]:
        """Write the blanks of every cloze, from left to right; each blank sees the ones before it.

        rng: where all that is drawn comes from; by default a new one of `config.seed`. What a cloze draws does not depend
        on how clozes are put into batches.
        candidates: for each cloze the texts that may be written, as they stand in the text (with the space before them),
        or None: anything. Strings are candidates of every blank; tuples of strings fill all blanks together.
        watch: told every piece of text as soon as it is certain; with beams, blank by blank.
        Raises UsageError where the backbone cannot write, or a text does not fit.
        """
        raise UsageError(f"a {type(self).__name__} chooses among answers and cannot write; use a GLM")

    @abstractmethod
    def save(self, where: Path) -> None:
        """Write all that `load` needs into a folder: whole or not at all."""

    @classmethod
    @abstractmethod
    def load(cls, where: Path, *, device: str = "auto", **options: Any) -> Backbone:
        """The backbone that lies in a folder. Raises CheckpointError."""
