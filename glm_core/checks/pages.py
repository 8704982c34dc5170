"""The page of every check code, read from `pages.toml`: what triggers it, what it says, how to mend and to silence it.

The same file makes `glm check --explain V402` and `docs/reference/checks/`: `write_pages` writes the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from glm_core.atomic import write_text
from glm_core.errors import UsageError, did_you_mean
from glm_core.toml_file import load_toml

Level = Literal["error", "warning", "information"]
LEVELS: tuple[Level, ...] = ("error", "warning", "information")

_FILE = Path(__file__).with_name("pages.toml")


@dataclass(frozen=True)
class Page:
    """One code. `needs`: what there must be for it to run. `silence`: where an ignore mark stands; empty: nowhere."""

    code: str
    level: Level
    title: str
    needs: str
    when: str
    example: str
    mend: str
    silence: str

    def as_markdown(self) -> str:
        """The whole page."""
        mark = (
            f"Write `# glm: ignore {self.code}` {self.silence}. It silences this code there and nothing else."
            if self.silence
            else "It cannot be silenced: it has no line of its own, or nothing works before it is mended."
        )
        return (
            f"# {self.code} · {self.title}\n\n"
            f"*{self.level.capitalize()}.* {self.needs}\n\n"
            f"## What triggers it\n\n{self.when}\n\n"
            f"```text\n{self.example}\n```\n\n"
            f"## How to mend it\n\n{self.mend}\n\n"
            f"## How to silence it\n\n{mark}\n"
        )


@cache
def pages() -> Mapping[str, Page]:
    """Every page by its code, in the order of the codes."""
    told = load_toml(_FILE.read_text(encoding="utf-8"))
    families = told.pop("family")
    made = {}
    for code, values in told.items():
        family = families[code[0]]
        texts = {key: str(values.get(key, family.get(key, ""))).strip() for key in ("needs", "silence")}
        body = {key: values[key].strip() for key in ("title", "when", "example", "mend")}
        made[code] = Page(code, values["level"], **body, **texts)
    return made


def page(code: str) -> Page:
    """The page of a code. Raises UsageError with the nearest one."""
    found = pages().get(code.upper())
    if found is None:
        raise UsageError(f"there is no check '{code}'{did_you_mean(code.upper(), pages())} (glm check --explain all)")
    return found


def index() -> str:
    """All codes as one table in Markdown."""
    rows = [f"| [{one.code}]({one.code}.md) | {one.level} | {one.title} |" for one in pages().values()]
    return "\n".join(
        (
            "# Check codes",
            "",
            "What `glm check` looks for. `glm check --explain CODE` prints a page; these files are made from the same text",
            "by `glm check --explain all --write docs/reference/checks`.",
            "",
            "| code | level | |",
            "| --- | --- | --- |",
            *rows,
            "",
        )
    )


def write_pages(folder: str | Path) -> list[Path]:
    """One Markdown file per code and the table of all, in a folder; the files. Raises UsageError where it cannot."""
    texts = {"README.md": index(), **{f"{one.code}.md": one.as_markdown() for one in pages().values()}}
    written = []
    for name, text in texts.items():
        place = Path(folder) / name
        write_text(place, text)
        written.append(place)
    return written
