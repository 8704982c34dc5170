"""Take values out of a table of a TOML file: each is of the kind that is wanted, or one line says what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from glm_core.errors import did_you_mean
from glm_core.toml_file import BARE_KEY, KeyPath, TomlError, TomlFile, quoted


@dataclass(frozen=True)
class Table:
    """One table of the file and the way to it. A key that is not there gives None."""

    file: TomlFile
    path: KeyPath
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`task.emotion.words`"""
        return dotted(self.path)

    def error(self, key: str | int | None, message: str) -> TomlError:
        """An error at a key's line; None: at the table's own."""
        return self.file.error(self.path if key is None else (*self.path, key), message)

    def only(self, known: Iterable[str]) -> None:
        """Raise TomlError at the first key that is none of these."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                near = did_you_mean(key, known) or f"; there are {', '.join(known)}"
                where = f" in {self.name}" if self.path else ""
                raise self.error(key, f"unknown key '{key}'{where}{near}")

    def one_of(self, key: str, known: Iterable[str]) -> str | None:
        """One of a few words."""
        value, known = self.text(key), tuple(known)
        if value is not None and value not in known:
            raise self.error(
                key, f"{self._at(key)} is {value!r}, wants one of {', '.join(known)}{did_you_mean(value, known)}"
            )
        return value

    def text(self, key: str) -> str | None:
        """A text."""
        return self._of(key, (str,), f"text; write {key} = {quoted(_shown(self.values.get(key)))}")

    def whole(self, key: str) -> int | None:
        """A whole number."""
        return self._of(key, (int,), f"a whole number, as in {key} = 1")

    def flag(self, key: str) -> bool | None:
        """true or false."""
        return self._of(key, (bool,), f"true or false; write {key} = false")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, none of them twice."""
        given = self.values.get(key)
        example = [given] if isinstance(given, str) else given if isinstance(given, list) else ["…"]
        write = f"write {key} = [{', '.join(quoted(_shown(one)) for one in example)}]"
        values = self._of(key, (list,), f"a list of texts; {write}")
        if values is None:
            return None
        for index, one in enumerate(values):
            if not isinstance(one, str):
                raise self.file.error(
                    (*self.path, key, index), f"{self._at(key)} holds {what(one)}, wants texts; {write}"
                )
            if one in values[:index]:
                raise self.file.error((*self.path, key, index), f"{self._at(key)} holds {one!r} twice; keep one")
        return tuple(values)

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """A list of numbers."""
        values = self._of(key, (list,), f"a list of numbers, as in {key} = [0, 5]")
        if values is None:
            return None
        for index, one in enumerate(values):
            if isinstance(one, bool) or not isinstance(one, (int, float)):
                raise self.file.error((*self.path, key, index), f"{self._at(key)} holds {what(one)}, wants numbers")
        return tuple(values)

    def text_or_texts(self, key: str) -> tuple[str, ...] | None:
        """A text or a list of texts, as a tuple."""
        value = self.values.get(key)
        return (value,) if isinstance(value, str) else self.texts(key)

    def table(self, key: str) -> Table | None:
        """A table inside this one."""
        values = self._of(key, (dict,), f"a table; begin it with [{self._at(key)}]")
        return None if values is None else Table(self.file, (*self.path, key), values)

    def _of(self, key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        value = self.values.get(key)
        if value is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))):
            return value
        raise self.error(key, f"{self._at(key)} is {what(value)}, wants {wanted}")

    def _at(self, key: str) -> str:
        return dotted((*self.path, key))


def dotted(path: KeyPath) -> str:
    """A path as the file writes it: `task.emotion.label_names."0 stars"`."""
    return ".".join(str(one) if BARE_KEY.fullmatch(str(one)) else quoted(str(one)) for one in path)


def what(value: Any) -> str:
    """A value with its kind in words."""
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else f"the text {value[:40]!r}…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a table"
    return f"the {type(value).__name__} {value}"


def _shown(value: Any) -> str:
    """What the author may have meant by a value that is no text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "…" if value is None or isinstance(value, (list, dict)) else str(value)
