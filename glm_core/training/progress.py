"""One line that moves while a training runs, on a terminal; nothing elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class ProgressLine:
    """A bar over the steps with loss, learning rate and the time that is left. Writes to stderr."""

    def __init__(self, total_steps: int, *, done: int = 0, shown: bool = True) -> None:
        self._total, self._done, self._shown = total_steps, done, shown
        self._bar: Any = None

    def __enter__(self) -> ProgressLine:
        if not self._shown:
            return self
        from rich.console import Console  # only runs on a terminal pay for it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("training", total=self._total, completed=self._done)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, *, loss: float, learning_rate: float, score: str = "") -> None:
        """`step` updates are done; `score` is what the last evaluation found."""
        if self._bar is not None:
            words = f"loss {loss:.4f}  lr {learning_rate:.2e}" + (f"  {score}" if score else "")
            self._bar.update(self._task, completed=step, description=words)
