"""Texts that a data set has cut into tokens, as people write them. The rules, and their order, are those of the original.

Source: SEQ2SEQ_LM 8. They are not a model of English: what they do to a stray quote is what published numbers were made of.
"""

from __future__ import annotations

import re

_DEGREE = "\N{DEGREE SIGN}"

_NUMBERS = ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."))
_POINTS = tuple((f" {mark} ", f"{mark} ") for mark in ":;.!?,")
_PAIRS = tuple(
    (re.compile(rf"{re.escape(left)}\s*([^{re.escape(right)}]*?)\s*{re.escape(right)}"), rf"{left}\1{right}")
    for left, right in (("(", ")"), ("[", "]"), ("{", "}"), ('"', '"'), ("'", "'"))
)
_HEADINGS = tuple((" ".join("=" * n), "=" * n) for n in (4, 3, 2))
_LINES = ((" \n", "\n"), ("\n ", "\n"))


def wikitext(text: str) -> str:
    """WikiText: hyphens and points inside numbers, spaces before marks and inside pairs, headings, ends of lines."""
    text = text.replace("s '", "s'")
    text = _replace(text, *_NUMBERS, *_POINTS)
    for pair, tight in _PAIRS:
        text = pair.sub(tight, text)
    return _replace(text, *_HEADINGS, (f" {_DEGREE} ", _DEGREE), *_LINES, (" N ", " 1 "), (" 's", "'s"))


def penn(text: str) -> str:
    """The Penn Treebank: apostrophes, ends of lines, N for numbers."""
    return _replace(text, (" '", "'"), *_LINES, (" n't", "n't"), (" N ", "1 "), ("$ 1", "$1"), ("# 1", "#1"))


def _replace(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text
