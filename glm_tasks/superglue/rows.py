"""One JSON object of a data file, which says where it stands when something is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm_core import DataDir, DataError

_KINDS = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}


class Row:
    """A JSON object, read field by field. Every error names file, line and field; `path` is where it is nested."""

    def __init__(self, values: Mapping[str, Any], data: DataDir, path: str = "") -> None:
        self.values = values
        self.data = data
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """A field that holds text."""
        return self._get(name, str)

    def number(self, name: str) -> int:
        """A field that holds a whole number."""
        return self._get(name, int)

    def row(self, name: str) -> Row:
        """A field that holds an object."""
        return Row(self._get(name, dict), self.data, f"{self.path}{name}.")

    def rows(self, name: str) -> Iterator[Row]:
        """A field that holds a list of objects."""
        for index, one in enumerate(self._get(name, list)):
            where = f"{self.path}{name}[{index}]"
            if not isinstance(one, dict):
                raise self.data.error(f"{where} is {_kind(one)}, wants an object")
            yield Row(one, self.data, f"{where}.")

    def index(self, fallback: int) -> int:
        """The row's own `idx` as a number; text that is no number gives the row's place in the file instead."""
        idx = self.any("idx")
        if isinstance(idx, int) and not isinstance(idx, bool):
            return idx
        if isinstance(idx, str):
            return int(idx) if idx.strip().lstrip("-").isdigit() else fallback
        raise self.error(f"field '{self.path}idx' is {_kind(idx)}, wants a whole number")

    def any(self, name: str) -> Any:
        """A field as it is. Raises DataError where the row lacks it."""
        if name not in self.values:
            has = ", ".join(map(str, self.values)) or "nothing"
            whole = f"'{self.path.rstrip('.')}'" if self.path else "this row"
            raise self.error(f"no field '{self.path}{name}' ({whole} has {has}){near(name, list(self.values))}")
        return self.values[name]

    def error(self, message: str) -> DataError:
        """An error at the row's place: `raise row.error("…")`."""
        return self.data.error(message)

    def _get(self, name: str, kind: type) -> Any:
        value = self.any(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"field '{self.path}{name}' is {_kind(value)}, wants {_KINDS[kind]}")
        return value


def near(name: str, known: Sequence[str]) -> str:
    """`"; did you mean 'premise'?"` where a known name is near."""
    found = difflib.get_close_matches(str(name), [str(one) for one in known], n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return _KINDS.get(type(value), type(value).__name__)
