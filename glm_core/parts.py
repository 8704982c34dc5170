"""What a pattern is made of: words, text that may be cut, blanks, soft places, and the border between two segments."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Cut = Literal["tail", "head", "middle"]


@dataclass(frozen=True)
class Text:
    """A stretch of text. `cut` says which end may be lost when the row is too long; None: never cut.

    priority: higher is cut later. max: at most so many tokens, cut before anything else is. field: the name under which
    cuts are counted.
    """

    text: str
    cut: Cut | None = None
    priority: int = 0
    max: int | None = None
    field: str = ""


@dataclass(frozen=True)
class Blank:
    """The hole: one mask token, whatever the length of what fills it."""

    mask: Literal["[MASK]", "[sMASK]", "[gMASK]"]


@dataclass(frozen=True)
class Border:
    """The border between the first and the second segment; truncation takes from the longer one."""


@dataclass(frozen=True)
class Soft:
    """A place for `n` trainable vectors, optionally started from the embeddings of `start`'s tokens.

    n = 0 is a place that stays empty unless the run asks for soft tokens (`--soft-tokens`).
    """

    n: int = 0
    start: str = ""


Part = Text | Blank | Border | Soft

BLANK = Blank("[MASK]")
SENTENCE_BLANK = Blank("[sMASK]")
DOCUMENT_BLANK = Blank("[gMASK]")
SPLIT = Border()


def soft(n: int = 0, start: str = "") -> Soft:
    """A place for n trainable prompt vectors; 0: filled by `--soft-tokens` only."""
    return Soft(n, start)


def shortenable(text: str, *, cut: Cut = "tail", priority: int = 0, max: int | None = None, field: str = "") -> Text:
    """Text that may be cut when the row is too long. Words of the pattern itself never are."""
    return Text(text, cut, priority, max, field)


def as_parts(made: Sequence[Part | str]) -> tuple[Part, ...]:
    """What a Python pattern returned, strings made into fixed words; empty texts are dropped."""
    parts = tuple(Text(one) if isinstance(one, str) else one for one in made)
    return tuple(one for one in parts if not (isinstance(one, Text) and not one.text))


def place_soft(parts: Sequence[Part], *, tokens: int, prefix: int = 0) -> tuple[Part, ...]:
    """Spread `tokens` vectors over the pattern's soft places, and put `prefix` more in front.

    Each place takes ceil(tokens / places) until none are left, as the original P-tuning does (SUPERGLUE 4), so the last
    places may get fewer or none. Places with a number of their own keep it when `tokens` is 0.
    Raises ValueError when there is no place for them.
    """
    places = sum(isinstance(one, Soft) for one in parts)
    if tokens and not places:
        raise ValueError("the pattern has no soft place; write {soft} where vectors may stand, or use --soft-prefix")
    each, left = math.ceil(tokens / places) if places else 0, tokens
    placed: list[Part] = [Soft(prefix)] if prefix else []
    for one in parts:
        if isinstance(one, Soft) and tokens:
            one = replace(one, n=min(each, left))
            left -= one.n
        placed.append(one)
    return tuple(placed)


def lowercase_first(text: str) -> str:
    """The first letter small; an empty text stays empty."""
    return text[:1].lower() + text[1:]


def uppercase_first(text: str) -> str:
    """The first letter a capital; an empty text stays empty."""
    return text[:1].upper() + text[1:]


def strip_final_punctuation(text: str) -> str:
    """Without *all* the ASCII punctuation at its end (`etc...)` becomes `etc`), as PET and GLM do."""
    return text.rstrip(string.punctuation)


def straighten_quotes(text: str) -> str:
    """Curly quotes and the en dash as ASCII, one character for one, so that offsets survive."""
    return text.translate(_STRAIGHT)


_STRAIGHT = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-"})
