"""Rows for a new pack to begin with: valid for its labels and fields, and plainly placeholders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glm_core.scaffold.names import word_of

ROUNDS = {"train": range(4), "dev": range(4, 6), "test": range(6, 8)}  # rows per label
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

Rows = dict[str, list[dict[str, str]]]


def sample_rows(fields: Sequence[str], labels: Sequence[str]) -> Rows:
    """The rows of each split. Without labels each row has a `target`. No two texts are the same."""
    make = _labelled if labels else _to_be_written
    return {
        split: [row for nth in rounds for row in make(_NTH[nth], fields, labels)] for split, rounds in ROUNDS.items()
    }


def _labelled(nth: str, fields: Sequence[str], labels: Sequence[str]) -> Iterator[dict[str, str]]:
    for label in labels:
        texts = {field: f"This is the {nth} {_spoken(field)} for {word_of(label)}." for field in fields}
        yield {**texts, "label": label}


def _to_be_written(nth: str, fields: Sequence[str], labels: Sequence[str]) -> Iterator[dict[str, str]]:
    texts = {field: f"This is the {nth} {_spoken(field)}. Your own text goes here." for field in fields}
    yield {**texts, "target": f"the {nth} {_spoken(fields[0])}"}


def _spoken(field: str) -> str:
    return field.replace("_", " ").strip() or "text"
