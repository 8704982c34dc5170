"""What can go wrong by a user's hand, as exceptions that carry one clear line and an exit code.

Everything that a wrong input can cause is a `GlmError`; the command line prints its message and nothing else. Any other
exception is a defect of ours and is reported as such.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class GlmError(Exception):
    """A mistake that its reader can mend. `exit_code`: 1 the run failed, 2 usage or data, 3 a pack problem."""

    exit_code = 2


class UsageError(GlmError):
    """An unknown name, an impossible option, a folder that is not there."""


class DataError(GlmError):
    """Something is wrong in a file: the message begins with `file:line` where a line is known."""

    def __init__(self, message: str, *, file: str | Path | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        super().__init__(f"{place}{message}")
        self.file = None if file is None else str(file)
        self.line = line


class TemplateError(GlmError):
    """A pattern that does not parse, or does not fit its example or the model's length."""


class CheckpointError(GlmError):
    """A checkpoint that is cut off, of another size, or wants to run code."""


class RunError(GlmError):
    """A run that could not go on."""

    exit_code = 1


class PackError(GlmError):
    """A pack that is broken, clashes with another, or is not there."""

    exit_code = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'rte'?"` where a known name is near, otherwise nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
