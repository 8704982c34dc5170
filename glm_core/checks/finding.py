"""What a check found: a code, one line for people, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glm_core.checks.pages import LEVELS, Level, page


@dataclass(frozen=True)
class Place:
    """A line of a file; `last` where what stands there is longer. An ignore mark on any of the lines counts."""

    file: str
    line: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        return shown(self.file) if self.line is None else f"{shown(self.file)}:{self.line}"

    @property
    def lines(self) -> range:
        """The lines on which an ignore mark may stand."""
        return range(0) if self.line is None else range(self.line, (self.last or self.line) + 1)


@dataclass(frozen=True)
class Finding:
    """One thing to mend (error, warning) or to know (information).

    about: the pack, or the full name of the task. places: the first is where it stands; an ignore mark at any of them
    silences it. level: that of its code, where a check does not know better.
    """

    code: str
    message: str
    about: str = ""
    places: tuple[Place, ...] = ()
    level: Level = ""  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not self.level:
            object.__setattr__(self, "level", page(self.code).level)

    @property
    def place(self) -> Place | None:
        """Where it stands, if that is known."""
        return self.places[0] if self.places else None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place is not None else ""
        return f"{self.code} {where}{self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        place = self.place
        return {
            "code": self.code,
            "level": self.level,
            "about": self.about,
            "message": self.message,
            "file": None if place is None else place.file,
            "line": None if place is None else place.line,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, as a reader wants them: by what they are about, errors first.

    Words that several patterns share are told once, at their line.
    """
    findings = list(findings)
    order = {about: number for number, about in enumerate(dict.fromkeys(one.about for one in findings))}
    once = {(one.code, one.about, one.message, one.place): one for one in findings}
    return tuple(sorted(once.values(), key=lambda one: (order[one.about], LEVELS.index(one.level), one.code)))


def shown(file: str) -> str:
    """A file as a message names it: from the working directory on, where it lies there."""
    path = Path(file)
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix() if path.is_absolute() else file
    except (ValueError, OSError):
        return file
