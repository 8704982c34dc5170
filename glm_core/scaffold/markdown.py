"""A pattern and what it makes of an example, as a README shows it."""

from __future__ import annotations

from glm_core.parts import Blank, Part, Text
from glm_core.pvp import Cloze
from glm_core.tasks import Task


def as_markdown(task: Task, cloze: Cloze) -> str:
    """The template or the name of the function, the text with its blank, and the answers by label."""
    pattern = task.pvp(cloze.pattern).pattern
    source = f"`{pattern}`" if isinstance(pattern, str) else f"the function `{getattr(pattern, '__name__', '')}`"
    texts = [_reads(parts, _spaces(cloze, number)) for number, parts in enumerate(cloze.texts or (cloze.parts,))]
    quoted = "\n>\n".join(f"> {text}" for text in texts)
    return f"**{cloze.pattern}**: {source}\n\n{quoted}\n\n{_answers(task, cloze)}\n"


def _spaces(cloze: Cloze, number: int) -> tuple[bool, ...]:
    """For each blank of a text, whether what fills it begins with a space: that was taken from the text before it."""
    answer = cloze.answers[number if cloze.texts else 0] if cloze.answers else ""
    return tuple(one.startswith(" ") for one in (answer if isinstance(answer, tuple) else (answer,)))


def _reads(parts: tuple[Part, ...], spaces: tuple[bool, ...]) -> str:
    text, blanks = "", 0
    for one in parts:
        if isinstance(one, Text):
            text += one.text
        elif isinstance(one, Blank):
            text += (" " if blanks < len(spaces) and spaces[blanks] else "") + one.mask
            blanks += 1
    return text.strip().replace("\n", "\n> ")


def _answers(task: Task, cloze: Cloze) -> str:
    if task.kind != "cloze":
        return "target: " + " … ".join(_shown(one) for one in cloze.answers)
    said: dict[str, list[str]] = {}
    for answer, label in zip(cloze.answers, cloze.labels, strict=True):
        said.setdefault(label, []).append(_shown(answer))
    right = "" if cloze.gold is None or len(said) < 2 else f" (right: {cloze.gold})"
    return " · ".join(f"{label}: {', '.join(answers)}" for label, answers in said.items()) + right


def _shown(answer: str | tuple[str, ...]) -> str:
    return " … ".join(one.strip() for one in ((answer,) if isinstance(answer, str) else answer))
