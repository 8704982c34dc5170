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
            other = _other(text, kind)
            if other is not None and other != text:
                yield Altered(_with(example, key, other), key, kind)


def _with(example: Any, key: str, text: str) -> Any:
    made = copy.copy(example)
    made.meta = copy.deepcopy(getattr(example, "meta", None) or {})
    if key in made.meta:
        made.meta[key] = text
    else:
        setattr(made, key, text)
    return made


def _other(text: str, kind: Kind) -> str | None:
    if kind == "inside":
        words = [at for at in range(1, len(text)) if text[at - 1].isalnum() and text[at].isalnum()]
        if not words:
            return None
        at = words[len(words) // 2]
        return text[:at] + _MARK + text[at:]
    if kind == "end":
        bare = text.rstrip(string.punctuation)
        return bare if bare and bare != text else f"{text}?!"
    if kind == "start":
        return text[:1].swapcase() + text[1:]
    return f" {text} "
