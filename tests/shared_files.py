"""Where the recorded outputs and real data sets lie that some tests read: the folder `shared` beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """A path in the shared folder, whether it is there or not."""
    return SHARED.joinpath(*parts)


def needs_shared(*parts: str) -> pytest.MarkDecorator:
    """Skips a test where the shared folder, or this file in it, is not there."""
    there = shared(*parts)
    return pytest.mark.skipif(not there.exists(), reason=f"needs {'/'.join(('shared', *parts))} beside the project")
