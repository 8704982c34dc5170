"""How commands print: aligned text for people, one JSON document for programs."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def print_json(value: Any) -> None:
    """One JSON document: dataclasses as objects, paths as text, numbers that JSON does not know as null."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Path)):
        return [plain(one) for one in value]
    return str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A table: with rich on a terminal, as aligned text elsewhere. `right`: columns of numbers."""
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, texts, right)
        return
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for row in (list(columns), *texts):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich.cells import cell_len
    from rich.console import Console  # 30 ms, and only a terminal needs it
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(
            name, justify="right" if name in right else "left", overflow="fold", no_wrap=name != columns[-1]
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    # only the last column is folded; a table that is wider all the same is left to the terminal, and nothing is cropped
    widths = [max(map(cell_len, column)) + 2 for column in zip(columns, *rows, strict=True)]
    console.width = max(console.width, sum(widths[:-1]) + min(widths[-1], 22))
    console.print(table)
