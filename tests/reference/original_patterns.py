"""The original's ninety patterns, from their machine-readable table, as pattern-verbalizer pairs of ours.

pattern := part*                     parts are separated by blanks; each is tokenized on its own
part    := "M" | "#" | "|" | "~"? sum          mask, soft place, border of the two segments; ~ may be shortened
sum     := term ( "+" term )*
term    := string | "(" sum ")" | function "(" sum ")" | name of a field
function: rp without punctuation at the end, lc first letter small, rs without whitespace at the end
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache

from glm_core.examples import Example
from glm_core.parts import BLANK, SPLIT, Part, Text, lowercase_first, shortenable, soft, strip_final_punctuation
from glm_core.pvp import PVP
from tests.reference.original_readers import LABELS
from tests.shared_files import shared

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z0-9_]*)|([~#|+()]))')
_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "rp": strip_final_punctuation,
    "lc": lowercase_first,
    "rs": str.rstrip,
}


@cache
def patterns() -> dict[str, dict[str, dict]]:
    """The table: task -> pattern id -> template `t`, verbalizer `v` or `answers`, derived `fields`."""
    path = shared("specs", "patterns.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def original_pvp(task: str, pattern: str, *, soft_places: bool = True) -> PVP:
    """The pair of this task and pattern id as the original runs it with or without P-tuning.

    COPA 2 and 3 without P-tuning are another pattern: one text per choice, and the same answer in both.
    """
    if task == "copa" and pattern in "23" and not soft_places:
        pattern = "2r"
    told = patterns()[task][pattern]
    source, fields = told["t"], told.get("fields", {})

    def made(example: Example, **more: str) -> list[Part]:
        text = source
        if source.startswith("blank: "):  # RACE: the question has a gap in it, or has none
            with_gap, without = source.removeprefix("blank: ").split(" ;; noblank: ")
            text = with_gap if "left" in example.fields else without
        values = {**example.fields, **more}
        values.update({name: _Reader(value, values).sum() for name, value in fields.items()})
        return [one for one in _Reader(text, values).parts() if not (isinstance(one, Text) and not one.text)]

    def per_choice(example: Example) -> list[list[Part]]:
        choices = [_Reader(fields[name], dict(example.fields)).sum() for name in ("c1", "c2")]
        return [made(example, cK=choice) for choice in choices]

    name = f"{task}-{pattern}"
    if pattern == "2r":
        return PVP(name, per_choice, lambda example: [example["ra"]] * 2)
    if "v" in told:
        return PVP(name, made, {label: told["v"][label] for label in LABELS[task]})
    return PVP(name, made, _answers(task, fields))


def _answers(task: str, fields: Mapping[str, str]) -> Callable[[Example], list[str]]:
    def copa(example: Example) -> list[str]:
        return [" " + _Reader(fields[name], dict(example.fields)).sum() for name in ("c1", "c2")]

    def spaced(example: Example) -> list[str]:
        return [" " + one for one in example.choices]

    if task == "copa":
        return copa
    return (lambda example: list(example.choices)) if task == "cmrc" else spaced


@cache
def _tokens(text: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token, f"no token at {at} of {text}"
        found.append(token.group().strip())
        at = token.end()
    return tuple(found)


class _Reader:
    """One walk over a pattern's text, with the values that its names stand for."""

    def __init__(self, text: str, values: Mapping[str, str]) -> None:
        self.tokens = _tokens(text)
        self.values = values
        self.at = 0

    def parts(self) -> list[Part]:
        found: list[Part] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token in ("M", "#", "|"):
                found.append({"M": BLANK, "#": soft(), "|": SPLIT}[token])
                self.at += 1
            elif token == "~":
                self.at += 1
                found.append(shortenable(self.sum()))
            else:
                found.append(Text(self.sum()))
        return found

    def sum(self) -> str:
        text = self.term()
        while self.at < len(self.tokens) and self.tokens[self.at] == "+":
            self.at += 1
            text += self.term()
        return text

    def term(self) -> str:
        token = self.tokens[self.at]
        self.at += 1
        if token.startswith('"'):
            return json.loads(token)
        function = _FUNCTIONS.get(token)
        if function is not None or token == "(":
            self.at += function is not None
            text = self.sum()
            assert self.tokens[self.at] == ")"
            self.at += 1
            return text if function is None else function(text)
        return self.values[token]
