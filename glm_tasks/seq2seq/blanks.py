"""Texts with several blanks, each marked in the text: from text to parts, and back with what was written."""

from __future__ import annotations

from collections.abc import Sequence

from glm_core import BLANK, Part, shortenable


def parts_of(text: str, mark: str) -> list[Part]:
    """The stretches of a text with a blank at every mark. The end of the text is cut first."""
    first, *rest = text.split(mark)
    parts: list[Part] = [shortenable(first, field="text")]
    for piece in rest:
        parts += [BLANK, shortenable(piece, field="text")]
    return parts


def filled(text: str, mark: str, fillings: Sequence[str]) -> str:
    """The text with something in the place of every mark."""
    first, *rest = text.split(mark)
    return " ".join((first + "".join(a + b for a, b in zip(fillings, rest, strict=True))).split())


def removed(text: str, mark: str, whole: str) -> tuple[str, ...] | None:
    """What a text has where another has marks, word for word; None where they do not fit together.

    Every mark stands for a word or more, and for as few as the words between the marks let it.
    """
    words = whole.split()
    first, *rest = (piece.split() for piece in text.split(mark))
    if words[: len(first)] != first:
        return None
    found, begin = [], len(first)
    for number, piece in enumerate(rest, 1):
        last = len(words) - len(piece)
        places = [last] if number == len(rest) else range(begin + 1, last + 1)
        at = next((at for at in places if at > begin and words[at : at + len(piece)] == piece), None)
        if at is None:
            return None
        found.append(" ".join(words[begin:at]))
        begin = at + len(piece)
    return tuple(found)
