"""Who may work in a run's folder: nobody where it holds something else or another run, one process at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from glm_core.errors import UsageError
from glm_core.runs.asked import first_difference
from glm_core.runs.manifest import first_change
from glm_core.runs.result import Result, read_result
from glm_core.runs.run_dir import RunDir, read_json


@contextmanager
def claim(
    run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any], *, overwrite: bool, first: bool
) -> Iterator[Result | None]:
    """Hold the run's folder; yields the result of a run that is done already.

    told, facts: what `run.json` and `manifest.json` are to say; a folder of the same run is gone on with, and with
    `overwrite` a folder of another one is cleared. first: of several processes, the one that owns the folder.
    Raises UsageError where the folder holds something else, another run, or a process at work.
    """
    if not first:
        yield _done_already(run, told, facts, overwrite=overwrite)
        return
    run.make()
    try:
        with run.held():
            run.refuse_strangers()
            if overwrite and run.asked.is_file():
                run.clear()
            done = _done_already(run, told, facts, overwrite=overwrite)
            if done is not None:
                shutil.rmtree(run.checkpoints, ignore_errors=True)
            yield done
    finally:
        with suppress(OSError):
            run.path.rmdir()  # where nothing came of it


def refuse_another(run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Raises UsageError where the folder holds a run of something else: other options, data, prompt or model."""
    difference = first_difference(read_json(run.asked), told)
    if difference is None and run.manifest.is_file():
        difference = first_change(read_json(run.manifest), facts)
    if difference is not None:
        raise UsageError(
            f"{run.path}: holds another run: {difference}; give another --out, or --overwrite to replace it"
        )


def _done_already(run: RunDir, told: Mapping[str, Any], facts: Mapping[str, Any], *, overwrite: bool) -> Result | None:
    """The stored result of a run that was asked for the same. Raises UsageError where it was something else."""
    if overwrite or not run.asked.is_file():
        return None
    refuse_another(run, told, facts)
    return read_result(run) if run.state == "done" else None
