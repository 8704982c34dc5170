"""What a port found out, for people (Markdown) and for programs (plain values)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glm_pack_legacy.forms import Form
from glm_pack_legacy.porting import Port, Ported

_HOW = {"template": "a template", "python": "a Python pattern that asks the original", "not": "not ported"}
_SPACES = {
    "each-part": "one before each part, as PET's tokenizers put it",
    "as-written": "those written in the parts, as GLM reads them",
}


def as_values(port: Port, form: Form | None, *, pack: str, folder: str, files: list[str]) -> dict[str, Any]:
    """The report as plain values. form: None where nothing was ported."""
    return {
        "pack": pack,
        "folder": folder,
        "form": form.kind if form else None,
        "why_python": form.why_python if form else "",
        "fields": dict(form.names) if form else {},
        "pvp": port.classes.pvp.__name__,
        "processor": port.classes.processor.__name__,
        "spaces": port.classes.spaces,
        "vocabularies": list(port.vocabularies),
        "splits": {one.split.name: len(one.originals) for one in port.reads},
        "samples": len(port.samples),
        "patterns": [_values(one) for one in port.patterns],
        "notes": list(port.notes),
        "files": files,
    }


def as_markdown(port: Port, form: Form) -> str:
    """The report as a page."""
    return "\n".join(_lines(port, form)) + "\n"


def as_text(port: Port) -> str:
    """The report for a terminal: a few lines per pattern."""
    return "\n".join(line for one in port.patterns for line in _short(one))


def counted(n: int, what: str) -> str:
    """`1 sample`, `3 samples`."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def _lines(port: Port, form: Form) -> Iterator[str]:
    classes = port.classes
    files = ", ".join(f"`{path.name}`" for path in classes.files.paths)
    splits = ", ".join(f"{one.split.name} {len(one.originals)}" for one in port.reads)
    yield from (f"# Port of `{classes.pvp.__name__}`", "")
    yield f"`{classes.pvp.__name__}` and `{classes.processor.__name__}` of {files} became the task `{form.task.name}`."
    yield from ("", "| | |", "| --- | --- |")
    yield f"| patterns | {_count(port)} |"
    yield f"| tried on | {counted(len(port.samples), 'sample')}; examples: {splits} |"
    yield f"| compared by | {' and '.join(port.vocabularies) or 'nothing'} |"
    yield f"| spaces between parts | {_SPACES[classes.spaces]} |"
    yield f"| reader | {'a TOML file' if form.kind == 'toml' else 'the original class: ' + form.why_python} |"
    for theirs, ours in form.names.items():
        yield f"| `{theirs}` | is the field `{ours}` |"
    for note in port.notes:
        yield from ("", f"- {note}")
    for one in port.patterns:
        yield from ("", f"## {one.name}: {_HOW[one.how]}", "")
        yield from _page(one)


def _page(one: Ported) -> Iterator[str]:
    if one.template is not None:
        before = "" if one.how == "template" else "Nearest template: "
        yield f"{before}{_code(one.template)}"
        yield ""
    for label, words in (one.words or {}).items():
        yield f"- {label}: {', '.join(_code(word) for word in words)}"
    if one.how != "not" and one.words is None:
        yield "- the answers are the example's own"
    if one.verified is not None:
        n = one.verified.samples
        tokens = "; ".join(f"{name}: {same} of {n}" for name, same in one.verified.same_tokens.items())
        yield f"- the same parts on {one.verified.same_parts} of {counted(n, 'sample')}; the same tokens, {tokens}"
    if one.why:
        yield f"- {one.why}"
    if one.verified is not None and one.verified.difference is not None:
        found = one.verified.difference
        yield f"- differs on {found.uid}, {found.where}: {_code(found.original)} became {_code(found.ported)}"
    for note in one.notes:
        yield f"- {note}"


def _short(one: Ported) -> Iterator[str]:
    yield f"{one.name}: {_HOW[one.how]}"
    if one.template is not None and one.how == "template":
        assert one.verified is not None
        yield f"  {one.template}"
        yield f"  verified on {counted(one.verified.samples, 'sample')}"
    if one.why:
        yield f"  {one.why}"
    if one.verified is not None and one.verified.difference is not None:
        found = one.verified.difference
        yield f"  nearest: {one.template}"
        yield f"  differs on {found.uid}, {found.where}: {found.original} became {found.ported}"
    for note in one.notes:
        yield f"  note: {note}"


def _values(one: Ported) -> dict[str, Any]:
    verified = one.verified
    found = verified.difference if verified else None
    return {
        "id": one.id,
        "name": one.name,
        "how": one.how,
        "template": one.template,
        "words": None if one.words is None else {label: list(words) for label, words in one.words.items()},
        "combine": one.combine,
        "samples": verified.samples if verified else 0,
        "same_parts": verified.same_parts if verified else 0,
        "same_tokens": dict(verified.same_tokens) if verified else {},
        "difference": None if found is None else vars(found),
        "why": one.why,
        "notes": list(one.notes),
    }


def _count(port: Port) -> str:
    counts = {how: sum(one.how == how for one in port.patterns) for how in _HOW}
    words = {"template": "as a template", "python": "through the original", "not": "not ported"}
    return ", ".join(f"{n} {words[how]}" for how, n in counts.items() if n) or "none"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    pad = " " if text[:1] in "` " or text[-1:] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"
