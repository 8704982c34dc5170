"""What the SuperGLUE leaderboard takes: one archive with one file per data set and diagnostic, each checked line by line.

`glm submit` gathers the files that the processors write, asks `check_files` what is wrong with them, and packs them with
`archive`. The original writes the same lines under other file names (`<task>-<split>.jsonl`).
Source: super.gluebenchmark.com/faq; the numbers of examples are those of the official test sets.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glm_core import DataDir, Task
from glm_tasks.superglue import boolq, cb, copa, diagnostics, multirc, record, rte, wic, wsc
from glm_tasks.superglue.rows import near

_SHOWN = 10  # problems per file; the rest is counted


@dataclass(frozen=True)
class Wanted:
    """What a file has to hold. labels: those allowed, as JSON values; None where they differ per example."""

    task: Task
    rows: int
    labels: tuple[Any, ...] | None


_BOOLEANS = ("true", "false")
_ENTAILMENT = rte.task.processor.labels
_WANTED = {
    "BoolQ.jsonl": Wanted(boolq.task, 3245, _BOOLEANS),
    "CB.jsonl": Wanted(cb.task, 250, cb.task.processor.labels),
    "COPA.jsonl": Wanted(copa.task, 500, (0, 1)),
    "MultiRC.jsonl": Wanted(multirc.task, 9693, (0, 1)),
    "ReCoRD.jsonl": Wanted(record.task, 10000, None),
    "RTE.jsonl": Wanted(rte.task, 3000, _ENTAILMENT),
    "WiC.jsonl": Wanted(wic.task, 1400, _BOOLEANS),
    "WSC.jsonl": Wanted(wsc.generate, 146, ("True", "False")),
    "AX-b.jsonl": Wanted(diagnostics.ax_b, 1104, _ENTAILMENT),
    "AX-g.jsonl": Wanted(diagnostics.ax_g, 356, _ENTAILMENT),
}
FILES = tuple(_WANTED)


def check_files(files: Mapping[str, str], data: DataDir | None = None) -> list[str]:
    """Everything that the leaderboard would refuse, one line each; none where all is well.

    files: names and texts. data: a folder with the official test sets; with it every index is compared, without it only the
    number of examples.
    """
    problems = [f"{name} is missing" for name in FILES if name not in files]
    problems += [f"{name} is no file of this leaderboard{near(name, FILES)}" for name in files if name not in _WANTED]
    for name in FILES:
        if name in files:
            problems += check_file(name, files[name], data)
    return problems


def check_file(name: str, text: str, data: DataDir | None = None) -> list[str]:
    """The same for one of `FILES`."""
    wanted = _WANTED[name]
    expected = None if data is None else _test_set(wanted.task, data)
    problems: list[str] = []
    found: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            problems.append(f"{name}:{number}: this line is not JSON")
            continue
        for idx, label, wrong in _entries(name, row):
            if wrong is None:
                found.append(idx)
                allowed = wanted.labels if expected is None or wanted.labels is not None else expected.get(idx)
                wrong = _wrong_label(label, allowed)
            if wrong is not None:
                problems.append(f"{name}:{number}: {wrong}")
    problems += [f"{name}: {problem}" for problem in _wrong_order(found, expected, wanted.rows)]
    if len(problems) > _SHOWN:
        problems[_SHOWN:] = [f"{name}: … and {len(problems) - _SHOWN} more"]
    return problems


def archive(files: Mapping[str, str]) -> bytes:
    """A zip with these files at its top, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, files[name])
    return buffer.getvalue()


def _entries(name: str, row: Any) -> Iterator[tuple[Any, Any, str | None]]:
    """Index, label and what is wrong with each answer of a line."""
    if name == "MultiRC.jsonl":
        yield from _nested(row)
    elif not isinstance(row, dict) or set(row) != {"idx", "label"}:
        yield None, None, 'wants {"idx": …, "label": …} and nothing else'
    elif not _is_number(row["idx"]):
        yield None, None, f"idx {json.dumps(row['idx'])} is not a whole number"
    else:
        yield row["idx"], row["label"], None


def _nested(row: Any) -> Iterator[tuple[Any, Any, str | None]]:
    try:
        answers = [
            ((row["idx"], question["idx"], answer["idx"]), answer["label"])
            for question in row["passage"]["questions"]
            for answer in question["answers"]
        ]
    except (KeyError, TypeError):
        yield (
            None,
            None,
            'wants {"idx": …, "passage": {"questions": [{"idx": …, "answers": [{"idx": …, "label": …}]}]}}',
        )
        return
    for idx, label in answers:
        whole = all(map(_is_number, idx))
        yield idx, label, None if whole else f"indices {json.dumps(idx)} are not whole numbers"


def _wrong_label(label: Any, allowed: Sequence[Any] | None) -> str | None:
    if allowed is None:
        return None if isinstance(label, str) and label else f"label {json.dumps(label)} is not the text of an answer"
    # 1 == True in Python, and 1 is not "1" for the leaderboard
    if any(type(label) is type(one) and label == one for one in allowed):
        return None
    shown = ", ".join(json.dumps(one) for one in allowed[:6]) + (", …" if len(allowed) > 6 else "")
    return f"label {json.dumps(label)} is none of {shown}{near(str(label), [str(one) for one in allowed])}"


def _wrong_order(found: Sequence[Any], expected: Mapping[Any, Any] | None, rows: int) -> Iterator[str]:
    there = Counter(found)
    twice = [idx for idx, count in there.items() if count > 1]
    if twice:
        yield f"{len(twice)} examples come twice (first: {_name(twice[0])})"
    if expected is None:
        if len(found) != rows:
            yield f"has {len(found)} answers, the official test set has {rows}"
        return
    missing = [idx for idx in expected if idx not in there]
    unknown = [idx for idx in there if idx not in expected]
    if missing:
        yield f"{len(missing)} of {len(expected)} examples have no answer (first: {_name(missing[0])})"
    if unknown:
        yield f"{len(unknown)} answers are for no example of the test set (first: {_name(unknown[0])})"
    if not (twice or missing or unknown) and list(found) != list(expected):
        yield "the answers are not in the order of the test set"


def _test_set(task: Task, data: DataDir) -> dict[Any, tuple[str, ...]] | None:
    """Index and choices of every test example, in order; None where the folder has no test set of this task."""
    processor, split = task.processor, task.processor.split("test")
    folders = [one for one in data.folders if one.name == processor.folder]
    folders += [one / processor.folder for one in data.folders if (one / processor.folder).is_dir()]
    if not folders:
        return None
    own = DataDir(*folders)
    if not all(own.has(file) for file in split.files):
        return None
    return {one.meta["idx"]: one.choices for one in processor.read(own, split)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name(idx: Any) -> str:
    return "-".join(map(str, idx)) if isinstance(idx, tuple) else str(idx)
