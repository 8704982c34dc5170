"""D201 to D207, and P109 while reading: what the reader makes of the data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from glm_core.checks.finding import Finding, Place, shown
from glm_core.checks.packaging import use_of_the_world
from glm_core.checks.patterns import fields_in_functions, fields_in_templates
from glm_core.checks.sources import Places
from glm_core.checks.subject import Reading, Subject, several
from glm_core.checks.watch import Watch
from glm_core.data import DataDir
from glm_core.errors import DataError, did_you_mean
from glm_core.examples import Example, Split
from glm_core.packs_import import describe

_LABEL = re.compile(r"\blabel '")
_ENOUGH = 5  # examples per label: fewer say nothing about the data set
_UNEVEN = 1.5  # times as frequent as if all labels were alike


def read_splits(subject: Subject, data: DataDir) -> tuple[dict[str, Reading], list[Finding], list[DataError]]:
    """Every split whose files are there, what its reading showed, and what else kept one from being read."""
    readings: dict[str, Reading] = {}
    findings: list[Finding] = []
    errors: list[DataError] = []
    own = subject.files or None
    with Watch(own, "network", "write", stage="reading") as watch:
        for split in subject.task.processor.splits:
            if split.files and not all(data.has(name) for name in split.files):
                continue
            watch.stage = f"reading {split.name}"
            before = len(watch.seen)
            try:
                reading = _read(subject, data, split)
                if reading.examples:
                    readings[split.name] = reading
                    findings += repeated_uids(subject, reading)
                    findings += second_reading(subject, reading, data)
            except DataError as error:
                if _LABEL.search(str(error)):
                    findings.append(_bad_label(subject, split, error))
                else:
                    errors.append(error)
            except Exception as error:  # a reader may be any code; what it was refused is told as such
                if len(watch.seen) == before:
                    why = describe(error, subject.files)
                    errors.append(DataError(f"split '{split.name}' of {subject.name} cannot be read: {why}"))
    first = {one.what: one for one in reversed(watch.seen)}.values()
    findings += [use_of_the_world(one, subject.name, subject.files) for one in reversed(first)]
    return readings, findings, errors


def _read(subject: Subject, data: DataDir, split: Split) -> Reading:
    examples: list[Example] = []
    lines: list[tuple[str | None, int | None]] = []
    for example in subject.task.processor.read(data, split):
        examples.append(example)
        here = data.error("")
        lines.append((here.file, here.line))
    return Reading(split, tuple(examples), tuple(lines))


def _bad_label(subject: Subject, split: Split, error: DataError) -> Finding:
    """D202: the reader stopped at a label that it does not know."""
    message = str(error)
    own: Places = ()
    if error.file is not None:
        own = (Place(error.file, error.line),)
        message = message.removeprefix(f"{error.file}:{error.line}: ").removeprefix(f"{error.file}: ")
    return subject.finding("D202", message, (*own, *subject.sources.split(subject.task, split.name)))


def repeated_uids(subject: Subject, reading: Reading) -> Iterator[Finding]:
    """D201."""
    first: dict[str, int] = {}
    for index, example in enumerate(reading.examples):
        if example.uid not in first:
            first[example.uid] = index
            continue
        before, here = reading.lines[first[example.uid]], reading.lines[index]
        at = f" at {_line(before)} and {_line(here, after=before)}" if before[1] is not None else ""
        places = subject.sources.split(subject.task, reading.split.name)
        n = len(reading.examples) - len({one.uid for one in reading.examples})
        more = f", and {n - 1} more" if n > 1 else ""
        yield subject.finding("D201", f"{reading.split.name}: uid '{example.uid}'{at}{more}", places)
        return


def second_reading(subject: Subject, reading: Reading, data: DataDir) -> Iterator[Finding]:
    """D205."""
    again = tuple(subject.task.processor.read(data, reading.split))
    if again == reading.examples:
        return
    name = reading.split.name
    at = next(
        (index for index, (a, b) in enumerate(zip(reading.examples, again, strict=False)) if a != b),
        min(len(again), len(reading.examples)),
    )
    if len(again) != len(reading.examples):
        message = f"{name}: second reading gave {len(again)} examples, the first {len(reading.examples)}"
    elif sorted(one.uid for one in again) == sorted(one.uid for one in reading.examples) and (
        again[at].uid != reading.examples[at].uid
    ):
        message = f"{name}: second reading gave another order from example {at} on"
    else:
        message = f"{name}: second reading gave another example {at} ({reading.examples[at].uid})"
    places = (
        *subject.sources.split(subject.task, name),
        *subject.sources.method(subject.task.processor, "examples"),
        *subject.sources.method(subject.task.processor, "read"),
    )
    yield subject.finding("D205", message, places)


def check_data(subject: Subject) -> Iterator[Finding]:
    """What can be seen in examples that were read: D202 for readers that do not look themselves, D203, D204, D206, D207."""
    for reading in subject.readings.values():
        yield from unknown_labels(subject, reading)
        yield from uneven_classes(subject, reading)
    yield from shared_texts(subject)
    yield from empty_fields(subject)
    yield from special_strings(subject)


def unknown_labels(subject: Subject, reading: Reading) -> Iterator[Finding]:
    """D202, where the reader let it pass."""
    labels = subject.task.processor.labels
    if not labels or subject.task.value_range is not None:
        return
    for example, (file, line) in zip(reading.examples, reading.lines, strict=True):
        if example.label is not None and example.label not in labels and not _own_labels(subject, example):
            near = did_you_mean(example.label, labels)
            message = f"label '{example.label}' of {example.uid} is none of {', '.join(labels)}{near}"
            own = () if file is None else (Place(file, line),)
            places = (*own, *subject.sources.split(subject.task, reading.split.name))
            yield subject.finding("D202", message, places)
            return


def uneven_classes(subject: Subject, reading: Reading) -> Iterator[Finding]:
    """D206."""
    gold = Counter(one.label for one in reading.examples if one.label is not None)
    labels = subject.task.processor.labels
    if subject.task.value_range is not None or not 2 <= len(labels) <= 30 or gold.total() < _ENOUGH * len(labels):
        return
    even = gold.total() / len(labels)
    if max(gold.values()) <= _UNEVEN * even and all(gold[label] for label in labels):
        return
    shares = ", ".join(f"{label} {gold[label] / gold.total():.0%}".replace("%", " %") for label in labels)
    places = subject.sources.split(subject.task, reading.split.name)
    yield subject.finding("D206", f"{reading.split.name}: {shares}", places)


def shared_texts(subject: Subject) -> Iterator[Finding]:
    """D203. Where neither split is measured (training and unlabelled texts) there is nothing to warn of."""
    for first, second in combinations(subject.readings.values(), 2):
        if not {"tune", "final"} & {first.split.role, second.split.role}:
            continue
        seen = {_plain(one) for one in first.examples}
        found = [one for one in second.examples if any(_plain(one)) and _plain(one) in seen]
        if found:
            n, of = len(found), len(second.examples)
            verb = "is" if n == 1 else "are"
            message = (
                f"{n} of {of} {second.split.name} examples {verb} also in {first.split.name} (first: {found[0].uid})"
            )
            yield subject.finding("D203", message, subject.sources.split(subject.task, second.split.name))


def empty_fields(subject: Subject) -> Iterator[Finding]:
    """D204, for fields that a template uses without a default, or that a function looks at."""
    for name in sorted(fields_in_functions(subject) | fields_in_templates(subject.task, bare=True)):
        empty = [one.uid for _, one in subject.examples() if name in one.fields and not one.fields[name].strip()]
        if empty:
            n, of = len(empty), subject.n_examples
            yield subject.finding(
                "D204", f"field '{name}' is empty in {n} of {several(of, 'example')} (first: {empty[0]})"
            )


def special_strings(subject: Subject) -> Iterator[Finding]:
    """D207."""
    from glm_core.tokens.special import ANY_SPECIAL_STRING

    found: dict[str, list[str]] = {}
    strings = sorted(ANY_SPECIAL_STRING - set(subject.task.specials_in_text))
    for _, example in subject.examples():
        text = "\n".join(_texts(example))
        if "[" in text or "<|" in text:
            for string in strings:
                if string in text:
                    found.setdefault(string, []).append(example.uid)
    for string, uids in found.items():
        more = f" (and {len(uids) - 1} more)" if len(uids) > 1 else ""
        yield subject.finding("D207", f"{uids[0]}{more} contains '{string}'; it is read as plain text")


def _own_labels(subject: Subject, example: Example) -> bool:
    """Whether an example's pattern makes labels of its own (WSC), so that the list is not all there is."""
    try:
        return example.label in subject.task.cloze(example).labels
    except Exception:  # the pattern's failures are T301's and V401's
        return bool(example.choices)


def _texts(example: Example) -> Sequence[str]:
    target = example.target if isinstance(example.target, tuple) else (example.target or "",)
    return [one for one in (*example.fields.values(), *example.choices, *target) if isinstance(one, str)]


def _plain(example: Example) -> tuple[str, ...]:
    """An example's texts but for capitals and spaces; its target, where it has no field (a text to be weighed whole)."""
    texts = [str(text) for _, text in sorted(example.fields.items())]
    return tuple(" ".join(text.casefold().split()) for text in (texts if any(texts) else _texts(example)))


def _line(at: tuple[str | None, int | None], after: tuple[str | None, int | None] | None = None) -> str:
    """`train.jsonl:8`, and `:9` after it in the same file."""
    file, line = at
    return f":{line}" if after is not None and after[0] == file else f"{Path(shown(str(file))).name}:{line}"
