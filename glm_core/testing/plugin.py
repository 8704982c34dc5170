"""The pytest plugin `glm`: fixtures for the tests of packs. Nothing of glm-core is imported before a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from glm_core.backbone import Backbone
    from glm_core.tasks import Task
    from glm_core.tokens.tokenizer import Tokenizer


@pytest.fixture(name="toy_tokenizer", scope="session")
def _toy_tokenizer() -> Tokenizer:
    """Every character is a token."""
    from glm_core.testing.tiny import toy_tokenizer

    return toy_tokenizer()


@pytest.fixture(name="tiny_backbone")
def _tiny_backbone() -> Backbone:
    """A GLM of two layers, 32 wide, fresh for every test."""
    from glm_core.testing.tiny import tiny_backbone

    return tiny_backbone()


@pytest.fixture
def packs_only() -> Iterator[Callable[..., None]]:
    """`packs_only("emotion")`: until the test ends these packs and the built-in ones are all there are."""
    from contextlib import ExitStack

    from glm_core.pack import Settings
    from glm_core.plugins import using

    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(using(Settings(only=names)))


@pytest.fixture
def no_network() -> Iterator[None]:
    """The network is refused to this thread; this machine itself (localhost, sockets in files) is not."""
    from glm_core.checks.watch import Watch

    with Watch(None, "network", stage="the test", loopback=True):
        yield


@pytest.fixture
def golden_prompts(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`golden_prompts("emotion")`: the prompts of a task are still those of `golden_prompts.txt` beside the test.

    Another file is given as the second argument. `glm check emotion --data DIR --update-golden` writes it.
    """

    def compare(task: str | Task, file: str | Path | None = None) -> None:
        _compare(task, Path(file) if file is not None else request.path.parent / "golden_prompts.txt")

    return compare


def _compare(task: Any, file: Path) -> None:
    from glm_core.checks.golden import first_difference, read_golden, render
    from glm_core.plugins import find_offer, find_task

    offer = find_task(task) if isinstance(task, str) else find_offer(task)
    name, found = (task.name, task) if offer is None else (offer.name, offer.value)
    how = f"write it with: glm check {found.name} --data DIR --update-golden"
    if not file.is_file():
        pytest.fail(f"{file} is not there; {how}", pytrace=False)
    known = read_golden(file).get(name)
    if known is None:
        pytest.fail(f"{file} holds no prompts of {name}; {how}", pytrace=False)
    difference = first_difference(known, render(name, found, known.examples))
    if difference:
        advice = f"if that is meant, raise its revision ({found.revision}) and {how}"
        pytest.fail(f"{name}: {difference}; {advice}", pytrace=False)
