"""Examples with one text altered: how a pattern takes that shows where the text goes, and what is done to it."""

from __future__ import annotations

import copy
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from glm_pack_legacy.examples import TEXTS

Kind = Literal["inside", "end", "start", "around"]
KINDS: tuple[Kind, ...] = ("inside", "end", "start", "around")
"""A mark inside a word; other punctuation at the end; the first letter's other case; spaces around."""

_MARK = "\U000f1000"  # a letter to nobody: neither space nor punctuation, and in no data
_MOST_FIELDS = 12


@dataclass(frozen=True)
class Altered:
    """An example of old of which one text was altered."""

    example: Any
    key: str
    kind: Kind


def altered(example: Any, kinds: Sequence[Kind] = KINDS) -> Iterator[Altered]:
    """An example with each of its texts altered in each of these ways that applies."""
    meta = getattr(example, "meta", None) or {}
    keys = [name for name in TEXTS if isinstance(getattr(example, name, None), str)]
    keys += [key for key, value in meta.items() if isinstance(value, str)]
    for key in keys[:_MOST_FIELDS]:
        text = getattr(example, key) if key in TEXTS and key not in meta else meta[key]
        for kind in kinds:
            for other in _others(text, kind):
                yield Altered(_with(example, key, other), key, kind)


def _with(example: Any, key: str, text: str) -> Any:
    made = copy.copy(example)
    made.meta = copy.deepcopy(getattr(example, "meta", None) or {})
    if key in made.meta:
        made.meta[key] = text
    else:
        setattr(made, key, text)
    return made


def _others(text: str, kind: Kind) -> list[str]:
    """A text altered in one way; in two where its first letter has no other case."""
    if kind == "inside":
        words = [at for at in range(1, len(text)) if text[at - 1].isalnum() and text[at].isalnum()]
        at = words[len(words) // 2] if words else len(text)
        return [text[:at] + _MARK + text[at:]]
    if kind == "end":
        bare = text.rstrip(string.punctuation)
        return [bare if bare and bare != text else f"{text}?!"]
    if kind == "start":
        other = text[:1].swapcase() + text[1:]
        return [other] if other != text else [f"q{text}", f"Q{text}"]
    return [f" {text} "]
