"""Predictions as a file: compressed JSON lines that hold all a metric, a submission or another scoring may look at.

One line per example: `uid`, `label` (chosen), `gold`, `text`, `scores`, `cut`, `answers` with the log-probability of
every token, and `example` (its fields, choices, target, group and meta), so that nobody has to find the data set again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glm_core.atomic import write_bytes
from glm_core.errors import DataError
from glm_core.examples import Answer, Example, Prediction


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write `….jsonl.gz`, whole or not at all. The same predictions give the same bytes.

    Raises DataError for an example whose meta JSON cannot hold; UsageError or RunError where the disk refuses.
    """
    lines = "".join(to_line(one) + "\n" for one in predictions)
    write_bytes(path, gzip.compress(lines.encode("utf-8"), compresslevel=6, mtime=0))


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of a file that `write_predictions` made. Tuples inside `meta` come back as lists.

    Raises DataError with the line where the file is not what it should be.
    """
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"cannot be read as predictions ({error}); evaluate again", file=path) from error
    predictions = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        try:
            predictions.append(from_row(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"is no prediction ({error}); evaluate again", file=path, line=number) from error
    return predictions


def to_line(prediction: Prediction) -> str:
    """A prediction as one line of JSON. Raises DataError for meta that JSON cannot hold."""
    try:
        return json.dumps(to_row(prediction), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"example {prediction.example.uid}: its meta is not JSON ({error}); use text, numbers and lists"
        ) from error


def to_row(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain values."""
    example = prediction.example
    row: dict[str, Any] = {
        "uid": example.uid,
        "label": prediction.label,
        "gold": example.label,
        "text": prediction.text,
        "scores": dict(prediction.scores),
        "cut": dict(prediction.cut),
        "answers": [_answer_row(one) for one in prediction.answers],
        "example": example_row(example),
    }
    if prediction.value is not None:
        row["value"] = prediction.value
    return row


def from_row(row: dict[str, Any]) -> Prediction:
    """The prediction that `to_row` made into plain values. Raises KeyError or TypeError."""
    return Prediction(
        example=example_from(row["uid"], row["gold"], row["example"]),
        label=row["label"],
        text=row["text"],
        answers=tuple(
            Answer(one["text"], one["label"], tuple(one["log_probs"]), one.get("greedy")) for one in row["answers"]
        ),
        scores=row["scores"],
        value=row.get("value"),
        cut=row["cut"],
    )


def example_row(example: Example) -> dict[str, Any]:
    """An example but for its uid and label as plain values."""
    return {
        "fields": dict(example.fields),
        "choices": list(example.choices),
        "target": example.target,
        "group": example.group,
        "meta": dict(example.meta),
    }


def example_from(uid: str, label: str | None, row: dict[str, Any]) -> Example:
    """The example that `example_row` made into plain values. Raises KeyError or TypeError."""
    target = row["target"]
    return Example(
        uid=uid,
        fields=row["fields"],
        label=label,
        choices=tuple(row["choices"]),
        target=tuple(target) if isinstance(target, list) else target,
        group=row["group"],
        meta=row["meta"],
    )


def _answer_row(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {"text": answer.text, "label": answer.label, "log_probs": list(answer.log_probs)}
    if answer.greedy is not None:
        row["greedy"] = answer.greedy
    return row
