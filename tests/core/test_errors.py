"""Errors that a user can cause: one line, an exit code, a near name."""

from __future__ import annotations

import pytest

from glm_core import errors
from glm_core.errors import DataError, GlmError, did_you_mean


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UsageError", 2),
        ("DataError", 2),
        ("TemplateError", 2),
        ("CheckpointError", 2),
        ("RunError", 1),
        ("PackError", 3),
    ],
)
def test_every_kind_of_error_has_its_exit_code(name: str, code: int) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, GlmError) and kind.exit_code == code


def test_a_data_error_begins_with_its_place() -> None:
    assert str(DataError("bad")) == "bad"
    assert str(DataError("bad", file="a.jsonl")) == "a.jsonl: bad"
    error = DataError("bad", file="a.jsonl", line=3)
    assert (str(error), error.file, error.line) == ("a.jsonl:3: bad", "a.jsonl", 3)


def test_a_near_name_is_offered_and_a_far_one_is_not() -> None:
    assert did_you_mean("strp", ["strip", "lower"]) == "; did you mean 'strip'?"
    assert did_you_mean("xyz", ["strip", "lower"]) == "" == did_you_mean("a", [])
