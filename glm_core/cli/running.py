"""A line that counts while a command works through files of unknown length; nothing where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(*, shown: bool = True) -> Iterator[Callable[[str], None]]:
    """Yields a function that replaces the line on stderr."""
    if not shown:
        yield _silent
        return
    from rich.console import Console  # only a terminal pays for it

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _silent
        return
    with console.status("reading …") as status:
        yield status.update


def _silent(text: str) -> None:
    pass
