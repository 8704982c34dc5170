"""Template strings: `'"{premise}" so [MASK], {hypothesis|strip_punct}'` → parts.

    pattern := ( words | field | blank | soft | "{split}" | escape )*
    field   := "{" name ( "|" filter )* "}"
    blank   := "[MASK]" | "[sMASK]" | "[gMASK]"
    soft    := "{soft}" | "{soft:" number ( "=" string )? "}"
    escape  := "{{" | "}}" | "[[MASK]]" | "[[sMASK]]" | "[[gMASK]]"
    filter  := "keep" | "tail" | "head" | "middle" | "max=" number | "priority=" number
             | "strip" | "strip_punct" | "lower" | "cap" | "default=" string

A template is parsed once. Values are put in afterwards and never parsed again, so braces and `[MASK]` in the data are
ordinary text. Whitespace before a field becomes the beginning of the field's text and is cut with it; it passes over
`{split}` and `{soft:n}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from glm_core.errors import DataError, TemplateError, did_you_mean
from glm_core.examples import Example
from glm_core.parts import (
    SPLIT,
    Blank,
    Border,
    Cut,
    Part,
    Soft,
    Text,
    lowercase_first,
    strip_final_punctuation,
    uppercase_first,
)

_MASKS = ("[MASK]", "[sMASK]", "[gMASK]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"\Z')
_FILTERS = ("keep", "tail", "head", "middle", "max", "priority", "strip", "strip_punct", "lower", "cap", "default")
_TEXT_FILTERS: dict[str, Callable[[str], str]] = {
    "strip": str.strip,
    "strip_punct": strip_final_punctuation,
    "lower": lowercase_first,
    "cap": uppercase_first,
}


@dataclass(frozen=True)
class Field:
    """`{name|filter|…}`: where a value of the example goes, and what may happen to it."""

    name: str
    at: tuple[int, int]
    touches: tuple[str, ...] = ()
    keep: bool = False
    cut: Cut | None = None
    max: int | None = None
    priority: int = 0
    default: str | None = None


Node = str | Field | Blank | Border | Soft


@dataclass(frozen=True)
class Template:
    """A parsed pattern. `parts(example)` puts the values in."""

    source: str
    nodes: tuple[Node, ...] = field(repr=False)
    name: str = field(default="", compare=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it asks for, each once, in order."""
        return tuple(dict.fromkeys(one.name for one in self.nodes if isinstance(one, Field)))

    @property
    def blanks(self) -> tuple[Blank, ...]:
        return tuple(one for one in self.nodes if isinstance(one, Blank))

    def parts(self, example: Example) -> tuple[Part, ...]:
        """The parts that this template makes of an example. Raises TemplateError for a field the example lacks."""
        parts: list[Part] = []
        for node in self.nodes:
            if isinstance(node, str):
                parts.append(Text(node))
            elif isinstance(node, Field):
                space = _take_space(parts)
                value = space + self._value(node, example)
                if value:
                    cut: Cut | None = None if node.keep else node.cut or "tail"
                    parts.append(Text(value, cut, node.priority, node.max, node.name))
            else:
                parts.append(node)
        return tuple(parts)

    def _value(self, node: Field, example: Example) -> str:
        value = example.fields.get(node.name)
        if not value and node.default is not None:
            return node.default
        if value is None:
            has = ", ".join(example.fields) or "no fields"
            near = did_you_mean(node.name, example.fields)
            raise error_at(
                self.source,
                (node.at[0] + 1, node.at[0] + 1 + len(node.name)),
                f"example {example.uid} has no field '{node.name}' (it has {has}){near}"
                + ("" if near else '; add |default="…" if that is meant'),
                self.name,
            )
        if not isinstance(value, str):
            raise DataError(f"field '{node.name}' of example {example.uid} is {type(value).__name__}, wants text")
        for touch in node.touches:
            value = _TEXT_FILTERS[touch](value)
        return value


def _take_space(parts: list[Part]) -> str:
    """Remove and return the whitespace that ends the fixed words before this place."""
    for index in range(len(parts) - 1, -1, -1):
        one = parts[index]
        if isinstance(one, Border | Soft):
            continue
        if not isinstance(one, Text) or one.field or one.cut is not None:
            return ""
        kept = one.text.rstrip()
        space = one.text[len(kept) :]
        if not space:
            return ""
        if kept:
            parts[index] = replace(one, text=kept)
        else:
            del parts[index]
        return space
    return ""


def parse(source: str, name: str = "") -> Template:
    """Parse a template string. Raises TemplateError with the column and a caret under the place."""
    nodes: list[Node] = []
    words = ""
    at = 0

    def flush() -> None:
        nonlocal words
        if words:
            nodes.append(words)
            words = ""

    while at < len(source):
        rest = source[at:]
        escaped = next((one for one in _MASKS if rest.startswith(f"[{one}]")), None)
        mask = next((one for one in _MASKS if rest.startswith(one)), None)
        if escaped:
            words += escaped
            at += len(escaped) + 2
        elif mask:
            flush()
            nodes.append(Blank(mask))  # type: ignore[arg-type]
            at += len(mask)
        elif rest.startswith(("{{", "}}")):
            words += rest[0]
            at += 2
        elif rest[0] == "{":
            end = _closing(source, at)
            if end is None:
                raise error_at(source, (at, at + 1), "this brace is never closed; write {{ for a brace itself", name)
            flush()
            nodes.append(_braces(source, at, end, name))
            at = end + 1
        elif rest[0] == "}":
            raise error_at(source, (at, at + 1), "this brace was never opened; write }} for a brace itself", name)
        else:
            words += rest[0]
            at += 1
    flush()
    if sum(isinstance(one, Border) for one in nodes) > 1:
        second = source.index("{split}", source.index("{split}") + 1)
        raise error_at(source, (second, second + 7), "a pattern has one {split}; this is the second", name)
    return Template(source, tuple(nodes), name)


def error_at(source: str, span: tuple[int, int], message: str, name: str = "") -> TemplateError:
    """A TemplateError that shows the pattern with a caret under `span` (0-based, end exclusive)."""
    line_start = source.rfind("\n", 0, span[0]) + 1
    line_end = source.find("\n", span[0])
    line = source[line_start : len(source) if line_end < 0 else line_end]
    caret = " " * (span[0] - line_start) + "^" * max(1, min(span[1], line_start + len(line)) - span[0])
    who = f"pattern '{name}'" if name else "pattern"
    return TemplateError(f"{who}, column {span[0] + 1}: {message}\n    {line}\n    {caret}")


def _closing(source: str, start: int) -> int | None:
    """Index of the brace that closes the one at `start`; braces inside a quoted string do not count."""
    quoted = False
    at = start + 1
    while at < len(source):
        here = source[at]
        if quoted and here == "\\":
            at += 1
        elif here == '"':
            quoted = not quoted
        elif here == "{" and not quoted:
            return None
        elif here == "}" and not quoted:
            return at
        at += 1
    return None


def _split_bars(inside: str) -> list[tuple[int, str]]:
    """Pieces between the bars of a field, each with its offset; bars inside quotes do not count."""
    pieces: list[tuple[int, str]] = []
    start, quoted, at = 0, False, 0
    while at < len(inside):
        if quoted and inside[at] == "\\":
            at += 1
        elif inside[at] == '"':
            quoted = not quoted
        elif inside[at] == "|" and not quoted:
            pieces.append((start, inside[start:at]))
            start = at + 1
        at += 1
    pieces.append((start, inside[start:]))
    return pieces


def _braces(source: str, start: int, end: int, name: str) -> Node:
    inside = source[start + 1 : end]
    if inside == "split":
        return SPLIT
    if inside == "soft" or inside.startswith("soft:"):
        return _soft(source, start, end, name)
    (_, field_name), *filters = _split_bars(inside)
    if not _NAME.match(field_name):
        what = f"'{field_name}' is not a field name" if field_name else "a field needs a name"
        raise error_at(source, (start, end + 1), f"{what}; write {{{{ for a brace itself", name)
    if field_name in ("soft", "split"):
        raise error_at(source, (start, end + 1), f"{{{field_name}}} takes no filters", name)
    made = Field(field_name, (start, end + 1))
    for offset, text in filters:
        where = (start + 1 + offset, start + 1 + offset + len(text))
        made = _filter(made, text, source, where, name)
    if made.keep and made.cut:
        whole = (start, end + 1)
        raise error_at(source, whole, f"'{made.cut}' and 'keep' contradict each other", name)
    if made.keep and made.max is not None:
        raise error_at(source, (start, end + 1), "'max' and 'keep' contradict each other", name)
    return made


def _filter(made: Field, text: str, source: str, where: tuple[int, int], name: str) -> Field:
    key, equals, value = text.partition("=")
    if key not in _FILTERS:
        raise error_at(source, where, f"unknown filter '{key}'{did_you_mean(key, _FILTERS)}", name)
    if key in ("max", "priority"):
        if not re.fullmatch(r"-?[0-9]+" if key == "priority" else r"[0-9]+", value):
            raise error_at(source, where, f"'{key}' wants a whole number, as in {key}=2", name)
        return replace(made, max=int(value)) if key == "max" else replace(made, priority=int(value))
    if key == "default":
        quoted = _STRING.match(value)
        if not quoted:
            raise error_at(source, where, "'default' wants text in double quotes, as in default=\"none\"", name)
        return replace(made, default=re.sub(r"\\(.)", r"\1", quoted[1]))
    if equals:
        raise error_at(source, where, f"'{key}' takes no value", name)
    if key == "keep":
        return replace(made, keep=True)
    if key in ("tail", "head", "middle"):
        if made.cut and made.cut != key:
            raise error_at(source, where, f"'{key}' and '{made.cut}' contradict each other", name)
        return replace(made, cut=key)  # type: ignore[arg-type]
    return replace(made, touches=(*made.touches, key))


def _soft(source: str, start: int, end: int, name: str) -> Soft:
    inside = source[start + 1 : end]
    if inside == "soft":
        return Soft()
    number, equals, text = inside[len("soft:") :].partition("=")
    quoted = _STRING.match(text) if equals else None
    if not re.fullmatch(r"[0-9]+", number) or (equals and not quoted):
        raise error_at(
            source, (start, end + 1), 'write {soft:3}, or {soft:3="started from these words"}, or {soft}', name
        )
    return Soft(int(number), re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else "")
