"""B605: what a reader's `write` makes of predictions: does it read back, and is every prediction in it?"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from glm_core.checks.finding import Finding
from glm_core.checks.metrics import predictions_of
from glm_core.checks.subject import Reading, Subject, several
from glm_core.examples import Prediction
from glm_core.packs_import import describe

N_EXAMPLES = 300
N_CHANGED = 50  # predictions that are changed one by one to see whether the submission changes


def check_submission(subject: Subject) -> Iterator[Finding]:
    """Every split whose predictions are handed in. The predictions are made up; no model says them."""
    for reading in subject.readings.values():
        if reading.split.role == "final":
            yield from submission(subject, reading)


def submission(subject: Subject, reading: Reading) -> Iterator[Finding]:
    """B605."""
    processor, split = subject.task.processor, reading.split
    examples = reading.examples[:N_EXAMPLES]
    known = (predictions_of(subject.task, examples) or [[], []])[1]
    if len(known) != len(examples):
        return  # a pattern that fails is told elsewhere
    places = subject.sources.method(processor, "write")
    try:
        files = [(name, text) for name, text in processor.write(known, split)]
        if not files:
            return
        for name, text in files:
            wrong = _unreadable(name, text)
            if wrong:
                yield subject.finding("B605", f"{name} of {split.name} {wrong}", places)
                return
        lost = [one for one in known[:N_CHANGED] if not _leaves_a_trace(subject, known, one, files, reading)]
    except Exception as error:  # `write` is the pack's own code
        why = describe(error, subject.files)
        yield subject.finding("B605", f"write() of {split.name} failed: {why}", places)
        return
    if lost:
        rows = sum(len(text.strip().splitlines()) for _, text in files)
        uid = lost[0].example.uid
        message = f"the prediction of {uid} ({split.name}) leaves no trace in the submission"
        if rows < len(known):
            message = f"submission has {several(rows, 'row')} for {several(len(known), 'example')} (missing: {uid})"
        yield subject.finding("B605", message, places)


def _leaves_a_trace(
    subject: Subject,
    predictions: Sequence[Prediction],
    changed: Prediction,
    files: Sequence[tuple[str, str]],
    reading: Reading,
) -> bool:
    """Whether the submission changes with this prediction."""
    others = [
        replace(changed, label=one, text=_text_of(changed, one), scores={**changed.scores, one: 1.0})
        for one in changed.scores
        if one != changed.label
    ]
    if subject.task.kind != "cloze":
        others = [replace(changed, text=f"{changed.text} so")]
    for other in others:
        mixed = [other if one is changed else one for one in predictions]
        if list(subject.task.processor.write(mixed, reading.split)) != list(files):
            return True
    return not others


def _text_of(prediction: Prediction, label: str) -> str:
    return next((one.text.strip() for one in prediction.answers if one.label == label), prediction.text)


def _unreadable(name: str, text: str) -> str:
    """What is wrong with a file of a submission by the rules of its kind; nothing where it reads back."""
    if not text.strip():
        return "is empty"
    lines = text.rstrip("\n").split("\n")
    documents = [text] if name.endswith(".json") else lines if name.endswith(".jsonl") else []
    for number, document in enumerate(documents, 1):
        try:
            json.loads(document)
        except ValueError:
            return f"does not read back: line {number} is not JSON"
    if name.endswith((".tsv", ".csv")):
        import csv

        rows = list(csv.reader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","))
        widths = {len(row) for row in rows if row}
        if len(widths) > 1:
            return f"does not read back: its rows have {min(widths)} to {max(widths)} columns"
    return ""
