"""A task with its data, as the checks see it: read once, put through its patterns once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_core.checks.finding import Finding
from glm_core.checks.sources import Places, Sources
from glm_core.examples import Example, Split
from glm_core.pvp import PVP, Cloze
from glm_core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from glm_core.backbone import Backbone
    from glm_core.tokens.tokenizer import Tokenizer

N_SAMPLES = 100  # examples of a split that are put through the patterns
DEFAULT_LENGTH = 256


@dataclass(frozen=True)
class Reading:
    """The examples of one split, and the file and line that each was read from (None where the reader does not tell)."""

    split: Split
    examples: tuple[Example, ...]
    lines: tuple[tuple[str | None, int | None], ...]

    def sample(self, n: int = N_SAMPLES) -> tuple[Example, ...]:
        """At most `n` examples, evenly spread."""
        return every(self.examples, n)


@dataclass(frozen=True)
class Rendered:
    """What a pattern made of the samples: (split, example, cloze); and the first example on which it failed."""

    pvp: PVP
    clozes: tuple[tuple[str, Example, Cloze], ...]
    failed: Example | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Model:
    """Who tokenizes (T305, T306, V) and who weighs (V407, B); None: these checks are passed over.

    make: loads the model anew each time, because training changes it. name: what the user calls it.
    trained: its preferences mean something (V407).
    """

    tokenizer: Tokenizer | None = None
    masks: frozenset[str] = frozenset(("[MASK]", "[sMASK]", "[gMASK]"))
    make: Callable[[], Backbone] | None = None
    name: str = ""
    trained: bool = True


@dataclass(eq=False)
class Subject:
    """One task under examination. name: its full name. files: of its pack, for places in messages."""

    task: Task
    name: str
    sources: Sources
    model: Model = field(default_factory=Model)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def max_length(self) -> int:
        """Tokens of a row, as the task recommends."""
        found = self.task.recommended.get("max_length", DEFAULT_LENGTH)
        return found if isinstance(found, int) else DEFAULT_LENGTH

    @property
    def n_examples(self) -> int:
        return sum(len(one.examples) for one in self.readings.values())

    def examples(self) -> Iterator[tuple[str, Example]]:
        """(split, example), all of them."""
        for name, reading in self.readings.items():
            for example in reading.examples:
                yield name, example

    def samples(self, n: int = N_SAMPLES) -> list[tuple[str, Example]]:
        """(split, example), at most `n` of each split."""
        return [(name, example) for name, reading in self.readings.items() for example in reading.sample(n)]

    @cached_property
    def rendered(self) -> tuple[Rendered, ...]:
        """Every pattern on the samples."""
        samples = self.samples()
        return tuple(self._render(pvp, samples) for pvp in self.task.pvps)

    def _render(self, pvp: PVP, samples: Iterable[tuple[str, Example]]) -> Rendered:
        made: list[tuple[str, Example, Cloze]] = []
        for split, example in samples:
            try:
                made.append((split, example, self.task.cloze(example, pvp.name)))
            except Exception as error:  # a pattern may be any function; whatever it raises is told
                return Rendered(pvp, tuple(made), example, error)
        return Rendered(pvp, tuple(made))

    def finding(self, code: str, message: str, places: Places = (), **more: Any) -> Finding:
        """A finding about this task; without places of its own it stands where the task is named."""
        return Finding(code, message, self.name, places or self.sources.task(self.task), **more)


def every(values: Sequence[Any], n: int) -> tuple[Any, ...]:
    """At most `n` of them, evenly spread, the first among them."""
    if len(values) <= n:
        return tuple(values)
    return tuple(values[index * len(values) // n] for index in range(n))


def several(count: int, what: str) -> str:
    """`1 example`, `3 examples`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
