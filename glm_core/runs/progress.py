"""One line that moves while a model is evaluated, on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def evaluation_bar(what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """Yields a function (done, of) that moves a bar on stderr; None where there is no terminal."""
    if not shown:
        yield None
        return
    from rich.console import Console  # only a terminal pays for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(row, completed=done, total=of)
