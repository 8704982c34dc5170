"""What can go wrong while classes are ported, as one line for their author."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from glm_core.errors import GlmError, UsageError
from glm_core.packs_import import describe

Value = TypeVar("Value")


class PortError(UsageError):
    """The named files, classes or data cannot be used; nothing is written."""


class NotPorted(GlmError):
    """One pattern that cannot be ported; the others go on. The message says why."""


def ask(what: str, files: Sequence[Path], call: Callable[[], Value]) -> Value:
    """What code of the user's gives. Raises NotPorted with its own last line where it fails; `what` begins the message."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except GlmError as error:  # a stand-in has said it already
        raise NotPorted(f"{what}: {error}") from error
    except BaseException as error:  # SystemExit too: whatever that code does
        raise NotPorted(f"{what}: {describe(error, tuple(files))}") from error
