"""Put values into the files of `template/`: `%%{name}`, and nothing else.

The standard library's `string.Template` with another delimiter, because `{`, `$` and `{{` mean something in the patterns,
TOML files and workflows that are written. What differs between two kinds of pack is two files, so there is nothing to
repeat and no condition to write, for which a template language would be needed, and a dependency with it.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from glm_core.toml_file import BARE_KEY

TEMPLATES = Path(__file__).parent / "template"
WIDTH = 120


class _File(string.Template):
    delimiter = "%%"


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text of a template with its values. Raises KeyError for a value that is not given."""
    return _File((TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")).substitute(values)


def quoted(text: str) -> str:
    """A string as TOML, JSON and Python write it."""
    return json.dumps(text, ensure_ascii=False)


def python_quoted(text: str) -> str:
    """A string as Python writes it that has double quotes inside, as a formatter would have it."""
    return repr(text) if '"' in text and "'" not in text else quoted(text)


def toml_key(text: str) -> str:
    """A key of TOML, in quotes where it needs them."""
    return text if BARE_KEY.fullmatch(text) else quoted(text)


def listed(texts: Sequence[str], brackets: str, *, indent: str = "", before: int = 0) -> str:
    """Values in brackets on one line, or each on its own where they and the `before` characters in front are too long."""
    inside = ", ".join(texts)
    if before + len(inside) + 2 <= WIDTH:
        return f"{brackets[0]}{inside}{brackets[1]}"
    lines = "".join(f"{indent}    {one},\n" for one in texts)
    return f"{brackets[0]}\n{lines}{indent}{brackets[1]}"


def as_words(text: str) -> str:
    """Text as it stands in a pattern as fixed words: braces doubled, masks escaped."""
    return re.sub(r"\[[sg]?MASK\]", r"[\g<0>]", text.replace("{", "{{").replace("}", "}}"))
