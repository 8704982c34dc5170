"""From the stored predictions of several runs to the archive that a leaderboard takes.

Each task's processor writes the official files. A pack may check them: a module `submission` beside its entry point with
`check_file(name, text, data) -> list of problems`, `FILES` (the names of a whole submission) and `archive(files) -> bytes`,
each optional.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from glm_core.atomic import write_bytes
from glm_core.data import DataDir
from glm_core.errors import RunError, UsageError, did_you_mean
from glm_core.pack import Pack
from glm_core.plugins import get_task, list_packs
from glm_core.runs.bundle import read_bundle
from glm_core.runs.run_dir import RunDir, read_json
from glm_core.runs.splits import final_splits

_SHOWN = 10  # problems in a message; the rest is counted


@dataclass(frozen=True)
class Submission:
    """The files of a submission, and where each comes from. missing: files that a whole submission has besides."""

    files: Mapping[str, str] = field(repr=False)
    runs: Mapping[str, str]
    examples: Mapping[str, int]
    missing: tuple[str, ...] = ()


def submit(pack_name: str, runs: Sequence[str | Path], out: str | Path) -> Submission:
    """Gather the files, check each, and write the archive: whole or not at all.

    Raises UsageError for an unknown pack, a run that has no predictions on a final split (with the command that makes
    them), or two runs for one file; RunError for a file that the leaderboard would refuse.
    """
    pack = _pack(pack_name)
    rules = _rules(pack)
    files: dict[str, str] = {}
    come_from: dict[str, str] = {}
    examples: dict[str, int] = {}
    folders: dict[str, None] = {}
    for run in map(Path, runs):
        read_bundle(run)  # a run that is not finished is refused here
        folders.update((one, None) for one in map(str, read_json(RunDir(run).asked)["data"]) if Path(one).is_dir())
        for name, text, n in _files_of(run, pack):
            if name in files:
                raise UsageError(f"both {come_from[name]} and {run} give {name}; leave one of them out")
            files[name], come_from[name], examples[name] = text, str(run), n
    problems = _problems(rules, files, DataDir(*folders) if folders else None)
    if problems:
        shown = problems[:_SHOWN] + ([f"… and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else [])
        raise RunError("the leaderboard would refuse this, so nothing was written:\n  " + "\n  ".join(shown))
    write_bytes(out, getattr(rules, "archive", archive)(files))
    return Submission(files, come_from, examples, tuple(one for one in getattr(rules, "FILES", ()) if one not in files))


def archive(files: Mapping[str, str]) -> bytes:
    """A zip with these files at its top: the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, files[name])
    return buffer.getvalue()


def _files_of(run: Path, pack: Pack) -> list[tuple[str, str, int]]:
    """The files that a run's stored predictions on final splits make: name, text, number of examples."""
    folder, found = RunDir(run), []
    for path in sorted((run / "predictions").glob("*.json")):
        told = read_json(path)
        if not _belongs(told, pack):
            continue
        task = get_task(told["task"])
        if task.revision != told["revision"]:
            raise UsageError(
                f"{path}: was made with revision {told['revision']} of {told['task']}, here it is {task.revision}; "
                f"evaluate again: glm evaluate {told['task']} --run {run} --split {told['split']}"
            )
        predictions = folder.read_predictions(path.stem)
        written = list(task.processor.write(predictions, task.processor.split(told["split"])))
        if not written:
            raise UsageError(f"task {told['task']} writes no submission")
        found += [(name, text, len(predictions)) for name, text in written]
    if not found:
        asked = read_json(folder.asked)
        if not asked["task"].startswith(f"{pack.name}/"):
            raise UsageError(f"{run}: is a run of {asked['task']}, which is no task of pack {pack.name}")
        finals = final_splits(get_task(asked["task"]))
        name = finals[0].name if finals else "test"
        raise UsageError(f"{run}: has no predictions to submit; make them: glm evaluate --run {run} --split {name}")
    return found


def _belongs(told: Mapping[str, Any], pack: Pack) -> bool:
    """Whether these are a final evaluation of one of the pack's tasks."""
    final = told.get("role") == "final" and not told.get("before")
    return final and str(told.get("task", "")).startswith(f"{pack.name}/")


def _problems(rules: ModuleType | None, files: Mapping[str, str], data: DataDir | None) -> list[str]:
    check = getattr(rules, "check_file", None)
    if check is None:
        return []
    known = getattr(rules, "FILES", tuple(files))
    problems = [
        f"{name} is no file of this leaderboard{did_you_mean(name, known)}" for name in files if name not in known
    ]
    return problems + [one for name in files if name in known for one in check(name, files[name], data)]


def _pack(name: str) -> Pack:
    packs = {one.name: one for one in list_packs() if one.status == "ok"}
    if name not in packs:
        raise UsageError(f"no pack '{name}' (there are {', '.join(packs)}){did_you_mean(name, packs)}")
    return packs[name]


def _rules(pack: Pack) -> ModuleType | None:
    """The pack's module `submission`, where it has one."""
    package = getattr(sys.modules.get(pack.module), "__package__", "")
    if not package:
        return None
    name = f"{package}.submission"
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None
