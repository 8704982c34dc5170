"""What a lossy vocabulary has written, put right: WordPiece forgets capitals, accents and the spaces around marks."""

from __future__ import annotations

import re
import unicodedata

_BETWEEN = (  # the two sides of a mark that belongs to both
    (re.compile(r"(?<=\S) ([-–]) (?=\S)"), r"\1"),
    (re.compile(r"\b(\d+) , (?=\d{1,3}\b)"), r"\1,"),
    (re.compile(r"(?<=\d) ([.:]) (?=\d)"), r"\1"),
    (re.compile(r"\b([^\W\d_]) \. (?=[^\W\d_]\b)"), r"\1."),
)
_CONTRACTIONS = (
    ("` `", "``"),
    ("' '", "''"),
    ("n ' t", "n't"),
    ("' s", "'s"),
    ("' m", "'m"),
    ("' re", "'re"),
    (". . .", "..."),
    (" . . ", " .. "),
    ("- -", "--"),
    ("u . s .", "u.s."),
    ("u . k .", "u.k."),
    ("e . g .", "e.g."),
)


def as_in_context(text: str, context: str) -> str:
    """An answer as its paragraph spells it, where it occurs there; otherwise with marks joined to what they belong to.

    Capitals, accents and spaces do not matter. Of several places the first that begins and ends with a word is taken.
    """
    if text and text in context:
        return text
    wanted = "".join(letter for letter, _ in _letters(text))
    letters = _letters(context)
    plain = "".join(letter for letter, _ in letters)
    places = []
    at = plain.find(wanted) if wanted else -1
    while at >= 0:
        start, end = letters[at][1], letters[at + len(wanted) - 1][1] + 1
        places.append((start, end))
        if _is_whole(context, start, end):
            return context[start:end]
        at = plain.find(wanted, at + 1)
    return context[slice(*places[0])] if places else joined_marks(text)


def joined_marks(text: str) -> str:
    """Numbers, times, hyphens and initials without the spaces that WordPiece puts around their marks."""
    text = " ".join(text.split())
    for pattern, mark in _BETWEEN:
        text = pattern.sub(mark, text)
    return text


def joined_contractions(text: str) -> str:
    """Contractions, quotes and dots as the texts to be filled have them."""
    text = " ".join(text.split())
    for old, new in _CONTRACTIONS:
        text = text.replace(old, new)
    return text


def _letters(text: str) -> list[tuple[str, int]]:
    """The letters and marks of a text without capitals and accents, each with its place."""
    return [
        (letter, at)
        for at, one in enumerate(text)
        for letter in unicodedata.normalize("NFD", one.lower())
        if not (letter.isspace() or unicodedata.combining(letter))
    ]


def _is_whole(context: str, start: int, end: int) -> bool:
    """Whether a stretch begins and ends where words do."""
    before = start == 0 or not (context[start - 1].isalnum() and context[start].isalnum())
    return before and (end == len(context) or not (context[end - 1].isalnum() and context[end].isalnum()))
