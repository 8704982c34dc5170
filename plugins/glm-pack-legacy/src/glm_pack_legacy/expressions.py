"""From what a text is in every sample to how it is made: words and fields, as a template has them.

The samples are read side by side, a character or a field at a time; what is the same in all of them may be words, what
differs has to be a field. Of all the ways that fit, the one with the fewest fields wins.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, permutations

from glm_core import lowercase_first, strip_final_punctuation, uppercase_first
from glm_core.scaffold.fill import as_words

_TOUCHES = {
    "strip": str.strip,
    "strip_punct": strip_final_punctuation,
    "lower": lowercase_first,
    "cap": uppercase_first,
}
CHAINS: tuple[tuple[str, ...], ...] = (
    (),
    *((name,) for name in _TOUCHES),
    *(pair for pair in permutations(_TOUCHES, 2) if set(pair) != {"lower", "cap"}),
    *((one, "strip", "strip_punct") for one in ("lower", "cap")),
    *(("strip", "strip_punct", one) for one in ("lower", "cap")),
)
"""The text filters that are tried, one after the other."""

_A_FIELD, _A_FILTER, _WORDS, _A_CHARACTER = 1.0, 0.05, 0.1, 0.0001
_MOST_STEPS = 20_000


@dataclass(frozen=True)
class Ref:
    """A field with its text filters."""

    field: str
    touches: tuple[str, ...] = ()

    def value(self, fields: Mapping[str, str]) -> str | None:
        """What it is in an example; None where that has no such field."""
        text = fields.get(self.field)
        for touch in self.touches if text is not None else ():
            text = _TOUCHES[touch](text)
        return text

    def written(self, *, keep: bool) -> str:
        """As a template has it."""
        return "{" + "|".join((self.field, *self.touches, *(("keep",) if keep else ()))) + "}"


Expression = tuple[str | Ref, ...]


def written(expression: Expression, *, keep: bool) -> str:
    """An expression as a piece of a template. keep: its fields are never cut."""
    return "".join(as_words(one) if isinstance(one, str) else one.written(keep=keep) for one in expression)


def find_expression(texts: Sequence[str], fields: Sequence[Mapping[str, str]]) -> Expression | None:
    """How all these texts are made of words and of their examples' fields; None where there is no way."""
    if not any(texts):
        return ()
    refs = _refs(texts, fields)
    ends = tuple(map(len, texts))
    start = (0,) * len(texts)
    number = count()
    queue: list[tuple[float, int, tuple[int, ...], bool, Expression]] = [(0.0, next(number), start, False, ())]
    done: set[tuple[tuple[int, ...], bool]] = set()
    while queue and len(done) < _MOST_STEPS:
        cost, _, at, in_words, made = heapq.heappop(queue)
        if at == ends:
            return made
        if (at, in_words) in done:
            continue
        done.add((at, in_words))
        for ref, values in refs:
            if all(text.startswith(value, here) for text, value, here in zip(texts, values, at, strict=True)):
                there = tuple(here + len(value) for here, value in zip(at, values, strict=True))
                price = cost + _A_FIELD + _A_FILTER * len(ref.touches)
                heapq.heappush(queue, (price, next(number), there, False, (*made, ref)))
        character = texts[0][at[0] : at[0] + 1]
        if character and all(text.startswith(character, here) for text, here in zip(texts, at, strict=True)):
            words = (*made[:-1], f"{made[-1]}{character}") if in_words else (*made, character)
            price = cost + _A_CHARACTER + (0 if in_words else _WORDS)
            heapq.heappush(queue, (price, next(number), tuple(here + 1 for here in at), True, words))
    return None


def _refs(texts: Sequence[str], fields: Sequence[Mapping[str, str]]) -> list[tuple[Ref, tuple[str, ...]]]:
    """The fields that could stand in these texts, with their values; of filters that do the same, the fewest."""
    names = [name for name in fields[0] if all(name in one for one in fields)]
    found: dict[tuple[str, tuple[str, ...]], Ref] = {}
    for name in names:
        for chain in CHAINS:
            ref = Ref(name, chain)
            values = _values(ref, texts, fields)
            if any(values):
                found.setdefault((name, values), ref)
    return [(ref, values) for (_, values), ref in found.items()]


def _values(ref: Ref, texts: Sequence[str], fields: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """What a field is in each sample; nothing where it is not in its text somewhere."""
    found = []
    for text, one in zip(texts, fields, strict=True):
        value = ref.value(one) or ""
        if value not in text:
            return ()
        found.append(value)
    return tuple(found)
