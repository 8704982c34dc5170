"""D203: texts in two splits matter where one of the two is measured."""

from __future__ import annotations

import pytest

from glm_core.checks.data import shared_texts
from glm_core.checks.sources import Sources
from glm_core.checks.subject import Reading, Subject
from glm_core.examples import Example, Role, Split
from glm_core.pvp import PVP
from glm_core.tasks import JsonlProcessor, Task


class Nothing(JsonlProcessor):
    def examples(self, row, uid):
        yield from ()


def reading(name: str, role: Role) -> Reading:
    return Reading(Split(name, role), (Example(f"{name}-0", {"text": "The same."}),), ((None, None),))


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        (("train", "unlabeled"), False),
        (("train", "train"), False),
        (("train", "tune"), True),
        (("unlabeled", "final"), True),
        (("tune", "final"), True),
    ],
)
def test_texts_in_two_splits_are_told_where_one_is_measured(roles: tuple[Role, Role], told: bool) -> None:
    task = Task("t", Nothing(), (PVP("it", "{text} [MASK]", {"a": "b"}),), {"n": len})
    readings = {name: reading(name, role) for name, role in zip(("one", "two"), roles, strict=True)}
    found = list(shared_texts(Subject(task, "t/t", Sources(()), readings=readings)))
    assert [one.message for one in found] == ["1 of 1 two examples is also in one (first: two-0)"] * told
