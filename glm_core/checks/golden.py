"""T309: prompts as they were when they were last looked at, in `tests/golden_prompts.txt` of the pack's project.

    task emotion/emotion revision 1
    labels joy anger fear
    splits train=train dev=tune

    example {"uid": "train-0", "fields": {"text": "At last!"}, "label": "joy"}
    prompt felt
        | At last! I felt [MASK].
        > joy:  joy

The file holds its examples, so that it can be compared without the data set. `glm check NAME --update-golden` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glm_core.atomic import write_text
from glm_core.checks.finding import Finding
from glm_core.checks.sources import project_of
from glm_core.checks.subject import Subject, every
from glm_core.errors import DataError
from glm_core.examples import Example
from glm_core.pack import Pack
from glm_core.tasks import Task

FILE = "tests/golden_prompts.txt"
N_EXAMPLES = 3  # of each task
_HEAD = (
    "# Prompts as a model reads them: a change here is a change of the task's revision.\n"
    "# `glm check NAME --update-golden` writes this file.\n"
)


@dataclass(frozen=True)
class Golden:
    """What the file says of one task. prompts: by (pattern, uid), each as the lines of the file."""

    task: str
    revision: int
    facts: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    prompts: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def golden_file(pack: Pack) -> Path | None:
    """Where a pack's golden prompts lie or would lie; None for one that is not developed here."""
    project = project_of(pack)
    return None if project is None else project / FILE


def check_golden(subject: Subject, file: Path | None) -> Iterator[Finding]:
    """T309. Raises DataError for a file that is not one of golden prompts."""
    if file is None or not file.is_file():
        return
    known = read_golden(file).get(subject.name)
    if known is None:
        return
    now = render(subject.name, subject.task, known.examples)
    difference = first_difference(known, now)
    revision = subject.task.revision
    if known.revision == revision and difference:
        yield subject.finding("T309", f"{difference} but revision is still {revision}")
    elif known.revision > revision:
        yield subject.finding("T309", f"golden prompts are of revision {known.revision}, the task is {revision} again")
    elif known.revision < revision:
        message = f"golden prompts are of revision {known.revision}, the task is {revision}; run --update-golden"
        yield subject.finding("T309", message, level="warning")


def first_difference(known: Golden, now: Golden) -> str:
    """What changed first: labels or splits, a prompt, a pattern that has gone. Nothing for patterns that were added."""
    for before, after in zip(known.facts, now.facts, strict=False):
        if before != after:
            return f"golden prompts differ ({before!r} is now {after!r})"
    for (pattern, uid), lines in known.prompts.items():
        found = now.prompts.get((pattern, uid))
        if found is None:
            return f"golden prompts differ (pattern '{pattern}' is gone)"
        if found != lines:
            return f"golden prompts differ (first: {pattern}/{uid})"
    return ""


def render(name: str, task: Task, examples: Iterable[Example]) -> Golden:
    """The prompts that a task makes of these examples today; an error stands for a prompt that cannot be made."""
    examples = tuple(examples)
    prompts = {(pvp.name, one.uid): _lines(task, one, pvp.name) for one in examples for pvp in task.pvps}
    splits = " ".join(f"{one.name}={one.role}" for one in task.processor.splits)
    facts = (f"labels {' '.join(task.processor.labels)}".rstrip(), f"splits {splits}".rstrip())
    return Golden(name, task.revision, facts, examples, prompts)


def update_golden(file: Path, subjects: Iterable[Subject]) -> list[str]:
    """Write the tasks' prompts of today; other tasks of the file stay. The names of the tasks that are in it now.

    Examples come from the data where there are some, from the file otherwise.
    """
    known = read_golden(file) if file.is_file() else {}
    for subject in subjects:
        first = next(iter(subject.readings.values()), None)
        before = known.get(subject.name)
        examples = every(first.examples, N_EXAMPLES) if first is not None else before.examples if before else ()
        if examples:
            known[subject.name] = render(subject.name, subject.task, map(_storable, examples))
    if known:
        write_text(file, _HEAD + "".join(_written(one) for one in known.values()))
    return list(known)


def read_golden(file: Path) -> dict[str, Golden]:
    """The file's tasks by full name. Raises DataError with the line for what it does not understand."""
    found: dict[str, Golden] = {}
    name, uid, pattern = "", "", ""
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        word, _, rest = line.partition(" ")
        try:
            if not line or word.startswith("#"):
                continue
            if word == "task":
                name, _, revision = rest.rpartition(" revision ")
                found[name] = Golden(name, int(revision))
            elif word in ("labels", "splits"):
                found[name] = replace(found[name], facts=(*found[name].facts, line))
            elif word == "example":
                example = _example(json.loads(rest))
                uid = example.uid
                found[name] = replace(found[name], examples=(*found[name].examples, example))
            elif word == "prompt":
                pattern = rest
                found[name] = _with_prompt(found[name], (pattern, uid), ())
            elif line.startswith(("    | ", "    > ")):
                lines = found[name].prompts[pattern, uid]
                found[name] = _with_prompt(found[name], (pattern, uid), (*lines, line))
            else:
                raise ValueError(f"'{word}' is none of task, labels, splits, example, prompt")
        except (ValueError, KeyError, TypeError) as error:
            why = f"not a file of golden prompts ({error}); write it anew with glm check NAME --update-golden"
            raise DataError(why, file=file, line=number) from error
    return found


def _with_prompt(golden: Golden, key: tuple[str, str], lines: tuple[str, ...]) -> Golden:
    return replace(golden, prompts={**golden.prompts, key: lines})


def _written(golden: Golden) -> str:
    lines = ["", f"task {golden.task} revision {golden.revision}", *golden.facts]
    for example in golden.examples:
        lines += ["", f"example {json.dumps(_values(example), ensure_ascii=False)}"]
        for (pattern, uid), prompt in golden.prompts.items():
            if uid == example.uid:
                lines += [f"prompt {pattern}", *prompt]
    return "\n".join(lines) + "\n"


def _lines(task: Task, example: Example, pattern: str) -> tuple[str, ...]:
    try:
        cloze = task.cloze(example, pattern)
    except Exception as error:  # told by T301, T302 and V401; here it is a prompt like any other
        return (f"    | ({type(error).__name__})",)
    answers = [one if isinstance(one, tuple) else (one,) for one in cloze.answers]
    shown = [
        f"    > {label}: {json.dumps(' … '.join(one), ensure_ascii=False)}"
        for label, one in zip(cloze.labels, answers, strict=True)
    ]
    return (*(f"    | {one}" for one in str(cloze).split("\n")), *shown)


def _values(example: Example) -> dict[str, Any]:
    """An example as JSON, without what is empty."""
    whole = {
        "uid": example.uid,
        "fields": dict(example.fields),
        "label": example.label,
        "choices": list(example.choices),
        "target": list(example.target) if isinstance(example.target, tuple) else example.target,
        "group": example.group,
        "meta": dict(example.meta),
    }
    return {key: value for key, value in whole.items() if value or key in ("uid", "fields")}


def _example(values: Mapping[str, Any]) -> Example:
    target = values.get("target")
    return Example(
        values["uid"],
        values["fields"],
        label=values.get("label"),
        choices=tuple(values.get("choices", ())),
        target=tuple(target) if isinstance(target, list) else target,
        group=values.get("group"),
        meta=values.get("meta", {}),
    )


def _storable(example: Example) -> Example:
    """As it comes back from the file: lists for tuples, and without meta that JSON cannot hold."""
    try:
        meta = json.loads(json.dumps(dict(example.meta)))
    except (TypeError, ValueError):
        meta = {}
    return replace(example, meta=meta)
