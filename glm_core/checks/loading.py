"""What the loader said about a pack or task that it refused, as a finding: its first mistake has a check's number too."""

from __future__ import annotations

import re

from glm_core.checks.finding import Finding, Place
from glm_core.errors import GlmError, PackError
from glm_core.pack import Pack
from glm_core.packs_check import check_task
from glm_core.tasks import Task

# The loader's words -> the code of the check that asks for the same. The first that fits counts.
_CODES = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"^find: .* is not a pack name", "P101"),
        (r"^hooks: ", "P104"),
        (r"^pack name '.*' is claimed by ", "P106"),
        (r"^(validate: )?(glm_(backbones|models|commands)\(\) gave |(backbone|model|command) '[^']*')", "P105"),
        (r"label '.*' has no words in |pattern '.*' has no words", "V401"),
        (r"pattern '.*: (a \w+ pattern needs a blank|(a cloze|lm) has one blank)", "T304"),
        (r"pattern '[^']*'( of \S+)?, column \d+: |pattern '.*' (is of type|gave) ", "T301"),
    )
)
_PHASE = re.compile(r"^(find|import|hooks|collect|validate): (TomlError: )?")
_TOML = re.compile(r"^(\S+\.toml):(\d+): ")
_PYTHON = re.compile(r" \[(\S+\.py):(\d+)\]$| in glm_\w+\(\)( \[\S+\])?$")


def code_of(message: str) -> str | None:
    """The check that a message of the loader belongs to; None where no check looks for that."""
    return next((code for pattern, code in _CODES if pattern.search(message)), None)


def of_broken_pack(pack: Pack) -> Finding:
    """The finding that a pack which did not load stands for. Raises PackError where it is none of the checks'."""
    code = code_of(pack.message) if pack.status in ("broken", "conflict") else None
    if code is None:
        raise PackError(f"pack '{pack.name}' is {pack.status}: {pack.message}")
    return _finding(code, pack.message, pack.name)


def of_task(task: Task, about: str) -> Finding | None:
    """What the loader would say about a task; None where it takes it. Raises PackError where that is no check's."""
    try:
        check_task(task)
    except GlmError as error:
        code = code_of(str(error))
        if code is None:
            raise PackError(str(error)) from error
        return _finding(code, str(error), about)
    return None


def _finding(code: str, message: str, about: str) -> Finding:
    """Without the loader's phase; the place in front or at the end becomes the finding's own."""
    text = _PHASE.sub("", message)
    toml, python = _TOML.search(text), _PYTHON.search(text)
    places: tuple[Place, ...] = ()
    if toml:
        places = (Place(toml[1], int(toml[2])),)
        text = text[toml.end() :]
    if python:
        places = places or ((Place(python[1], int(python[2])),) if python[1] else ())
        text = text[: python.start()]
    return Finding(code, text, about, places)
