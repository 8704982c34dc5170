"""A TOML file that remembers where its keys stand, so that an error about its content can name the line.

The standard library's parser tells no places. It says first whether a text is sound; the scan that finds the lines of keys
is therefore short, and may trust what it reads.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glm_core.errors import DataError

KeyPath = tuple[str | int, ...]
"""Keys from the top of the file down; numbers are places in an array."""

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|' + r"'''.*?'''(?:'{0,2})|" + r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'", re.DOTALL
)
_OTHER = re.compile(r"[^,\]}\n#]+")  # numbers, dates, true and false
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")

_PLAINLY = {  # what the parser says -> what there is to do
    "Invalid value": "this is no value; text stands in quotes",
    "Cannot overwrite a value": "this key is given twice; keep one of them",
    "Illegal character '\\n'": "this text is never closed; it ends with a quote on the same line",
    "Unescaped '\\' in a string": "a backslash is written twice, or the whole text stands in 'single quotes'",
    "Invalid initial character for a key part": "a key is wanted here",
    "Expected newline or end of document after a statement": "the line should end here",
}


class TomlError(DataError):
    """Something is wrong in a TOML file; the message begins with `file:line` and is whole."""


@dataclass(frozen=True)
class TomlFile:
    """A parsed file. name: what messages call it. lines: where each key, table and element of an array begins, from 1."""

    name: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int] = field(repr=False)

    @classmethod
    def parse(cls, content: bytes | str, name: str) -> TomlFile:
        """Raises TomlError with the line for a text that is not TOML or not UTF-8."""
        try:
            text = content if isinstance(content, str) else content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise TomlError(f"byte {error.start} is not UTF-8; save the file as UTF-8", file=name, line=line) from error
        text = text.replace("\r\n", "\n")
        try:
            return cls(name, load_toml(text), _Scan(text).lines())
        except RecursionError as error:
            raise TomlError("is nested too deeply", file=name) from error
        except ValueError as error:
            raise _told_plainly(str(error), text, name) from error

    def error(self, path: KeyPath, message: str) -> TomlError:
        """An error about a key, at its line; at that of the table around it where the key itself is missing."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return TomlError(message, file=self.name, line=self.lines[path[:end]])
        return TomlError(message, file=self.name)


def load_toml(text: str) -> dict[str, Any]:
    """The values of a TOML text. Raises ValueError."""
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]
    found: dict[str, Any] = tomllib.loads(text)
    return found


def quoted(text: str) -> str:
    """A text as a TOML file writes it. What JSON escapes TOML reads alike; JSON only leaves DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _told_plainly(said: str, text: str, name: str) -> TomlError:
    place = _AT.search(said)
    message = said[: place.start()] if place else said
    line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
    column = f"column {place[2]}: " if place and place[2] else ""
    if re.fullmatch(r"Cannot declare .* twice", message):
        message = "this table is given twice; keep one of them"
    early = place is not None and not place[1] and message.startswith(("Unclosed", "Expected", "Invalid"))
    message = _PLAINLY.get(message, message[:1].lower() + message[1:])
    message = f"the file ends too early: {message}" if early else message
    return TomlError(f"{column}{message}", file=name, line=line)


class _Scan:
    """One walk over a sound text that notes the line of every key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(one.end() for one in re.finditer("\n", text))]
        self.found: dict[KeyPath, int] = {}
        self.of_tables: dict[KeyPath, int] = {}  # arrays of tables: how many so far

    def lines(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while not self._ended():
            line = self._line()
            if self._take("["):
                repeated = self._take("[")
                table = self._table(self._key(), line, repeated)
                self._take("]")
                self._take("]")
            else:
                self._pair(table)
        return self.found

    def _table(self, keys: tuple[str, ...], line: int, repeated: bool) -> KeyPath:
        path: KeyPath = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self.found.setdefault(path, line)
            if repeated and number == len(keys):
                self.of_tables[path] = self.of_tables.get(path, 0) + 1
            if path in self.of_tables:
                path = (*path, self.of_tables[path] - 1)
        self.found.setdefault(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self.found.setdefault(path, line)
        self._take("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            index = 0
            while not self._take("]"):
                element = (*path, index)
                self.found[element] = self._line()
                self._value(element)
                self._take(",")
                index += 1
        elif self._take("{"):
            while not self._take("}"):
                self._pair(path)
                self._take(",")
        elif not (self._match(_STRING) or self._match(_OTHER)):
            raise ValueError("this is no value")

    def _key(self) -> tuple[str, ...]:
        keys = []
        while True:
            self._skip()
            bare = self._match(BARE_KEY)
            keys.append(bare or next(iter(load_toml(f"{self._match(_STRING)} = 0"))))
            if not self._take("."):
                return tuple(keys)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _skip(self) -> None:
        self._match(_SPACE)

    def _take(self, mark: str) -> bool:
        """Whether this mark comes next; it is passed over then."""
        self._skip()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def _ended(self) -> bool:
        self._skip()
        return self.at >= len(self.text)

    def _line(self) -> int:
        self._skip()
        return bisect_right(self.starts, self.at)
