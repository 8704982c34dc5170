"""All checks of a pack or of one task, in order; ignore marks applied; what could not be checked is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glm_core.checks.behaviour import check_behaviour, check_pickling
from glm_core.checks.data import check_data, read_splits
from glm_core.checks.finding import Finding, in_order
from glm_core.checks.golden import check_golden, golden_file, update_golden
from glm_core.checks.loading import of_broken_pack, of_task
from glm_core.checks.metrics import check_metrics
from glm_core.checks.packaging import check_packaging
from glm_core.checks.pages import Level
from glm_core.checks.patterns import check_patterns
from glm_core.checks.sources import Sources, project_of
from glm_core.checks.subject import Model, Subject
from glm_core.checks.submission import check_submission
from glm_core.checks.words import check_words
from glm_core.data import DataDir
from glm_core.errors import DataError, GlmError, UsageError
from glm_core.pack import Pack
from glm_core.tasks import Task

Folders = Sequence[str | Path]
Data = Mapping[str, Folders]
"""Data folders by the short name of a task; "" for those of every task."""


@dataclass(frozen=True)
class Report:
    """What the checks found. silenced: findings at an ignore mark. notes: what was not checked, and why.

    errors: what kept a check from running and is nobody's finding: data that cannot be read, a pack that does not load.
    """

    findings: tuple[Finding, ...] = ()
    silenced: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[GlmError, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of every finding, in order."""
        return tuple(one.code for one in self.findings)

    def of(self, *levels: Level) -> tuple[Finding, ...]:
        """The findings of these levels."""
        return tuple(one for one in self.findings if one.level in levels)

    @property
    def exit_code(self) -> int:
        """1 with an error among the findings; otherwise that of the first thing that kept a check from running."""
        return 1 if self.of("error") else self.errors[0].exit_code if self.errors else 0

    def __add__(self, other: Report) -> Report:
        return Report(
            self.findings + other.findings,
            self.silenced + other.silenced,
            self.notes + other.notes,
            self.errors + other.errors,
        )


def check_pack(
    pack: Pack,
    *,
    tasks: Iterable[str] | None = None,
    data: Data | None = None,
    model: Model | None = None,
    others: Iterable[Pack] = (),
    update: bool = False,
) -> Report:
    """A pack as a package and each of its tasks (or only these). Raises nothing that the pack is to blame for.

    others: packs of the same environment. update: write the golden prompts anew before they are looked at.
    """
    if pack.status != "ok":
        try:
            return Report((of_broken_pack(pack),))
        except GlmError as error:
            return Report(errors=(error,))
    others = tuple(others)
    sources = Sources.of(pack, project_of(pack))
    wanted = [task for name, task in pack.tasks.items() if tasks is None or name in tasks]
    found: list[Finding] = []
    if tasks is None:
        found += check_packaging(pack, others, sources)
    report = _sorted(found, sources)
    subjects, golden = [], golden_file(pack)
    for task in wanted:
        subject = Subject(task, f"{pack.name}/{task.name}", sources, model or Model(), files=pack.files)
        folders = _folders(data or {}, task.name)
        samples = None if folders or task.processor.bundled else pack.samples(task.name)
        if samples is not None:
            folders = (samples,)
            report += Report(notes=(f"{subject.name}: the pack's samples were read; give --data DIR for the data set",))
        report += _prepare(subject, folders)
        subjects.append(subject)
    if update:
        report += _update(golden, subjects, pack)
    for subject in subjects:
        report += check_subject(subject, golden)
    return report


def check_one_task(task: Task, folders: Folders = (), *, model: Model | None = None) -> Report:
    """A task that no pack has to offer: everything but the package."""
    sources = Sources.of_task(task)
    wrong = of_task(task, task.name)
    if wrong is not None:
        return Report((wrong,))
    subject = Subject(task, task.name, sources, model or Model(), files=sources.files)
    return _prepare(subject, folders) + check_subject(subject, None)


def check_subject(subject: Subject, golden: Path | None) -> Report:
    """Everything about a task whose data have been read."""
    errors: list[GlmError] = []
    found: list[Finding] = []

    def collect(check: Callable[[], Iterator[Finding]]) -> None:
        try:
            found.extend(check())
        except GlmError as error:
            errors.append(error)

    collect(lambda: check_data(subject))
    collect(lambda: check_patterns(subject))
    collect(lambda: check_golden(subject, golden))
    if subject.model.tokenizer is not None:
        collect(lambda: check_words(subject))
    collect(lambda: check_metrics(subject))
    collect(lambda: check_submission(subject))
    collect(lambda: check_pickling(subject))
    broken = any(one.code in ("T301", "T302", "T304", "V401") and one.level == "error" for one in found)
    if subject.model.make is not None and subject.readings and not broken:
        collect(lambda: check_behaviour(subject))
    return replace(_sorted(found, subject.sources), errors=tuple(errors))


def _prepare(subject: Subject, folders: Folders) -> Report:
    """Read a task's data; what is missing is a note."""
    try:
        data = subject.task.processor.open(*folders)
    except DataError as error:
        if folders:
            return Report(errors=(error,))
        return Report(notes=(f"{subject.name}: no data, so D, most of T, M and B were not checked; give --data DIR",))
    subject.readings, found, errors = read_splits(subject, data)
    missing = _missing(subject, data)
    notes = []
    if not subject.readings and not errors and not found:
        notes = [f"{subject.name}: none of its files is in {data}, so D, most of T, M and B were not checked"]
    elif missing:
        notes = [f"{subject.name}: not read, because a file is missing: {', '.join(missing)}"]
    report = _sorted(found, subject.sources)
    return replace(report, notes=tuple(notes), errors=tuple(errors))


def _missing(subject: Subject, data: DataDir) -> list[str]:
    return [
        one.name for one in subject.task.processor.splits if one.files and not all(data.has(name) for name in one.files)
    ]


def _folders(data: Data, task: str) -> Folders:
    return data.get(task, data.get("", ()))


def _update(golden: Path | None, subjects: Sequence[Subject], pack: Pack) -> Report:
    if golden is None:
        raise UsageError(f"pack {pack.name} is not developed here: it has no project folder for golden prompts")
    names = update_golden(golden, subjects)
    told = (
        f"{golden} written: {', '.join(names)}"
        if names
        else f"{golden} not written: there are no examples; give --data DIR"
    )
    return Report(notes=(told,))


def _sorted(findings: Iterable[Finding], sources: Sources) -> Report:
    """Those at an ignore mark apart from the others."""
    findings = list(findings)
    silent = [one for one in findings if sources.is_silenced(one)]
    return Report(in_order(one for one in findings if one not in silent), in_order(silent))
