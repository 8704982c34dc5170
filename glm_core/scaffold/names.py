"""What a new pack may be called, and its labels and fields: each refusal says what to write instead (PACKS 1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glm_core.errors import UsageError
from glm_core.pack import PACK_NAME, same_name

SPECIAL_FIELDS = ("uid", "label", "target", "group", "choices")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def distribution_of(name: str) -> str:
    """The distribution of a pack: `glm-pack-emotion`."""
    return f"glm-pack-{name}"


def module_of(name: str) -> str:
    """The module of a pack: `glm_pack_emotion`."""
    return distribution_of(name).replace("-", "_")


def check_name(name: str) -> None:
    """Raise UsageError for what cannot name a pack and its distribution."""
    usable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if usable.startswith("glm-pack-"):
        usable = usable.removeprefix("glm-pack-")
        raise UsageError(f"'{name}' is the name of a distribution; the pack's is '{usable}'")
    if not PACK_NAME.match(name) or name != usable:
        instead = f"use '{usable}'" if usable else "use small letters, digits and -, as in 'film-reviews'"
        raise UsageError(f"'{name}' is not a pack name; {instead}")


def check_free(name: str) -> None:
    """Raise UsageError where another distribution of this environment has a pack or a task of this name."""
    from glm_core.plugins import list_packs

    for pack in list_packs():
        if same_name(pack.distribution) == distribution_of(name):
            continue
        if pack.name == name:
            why = "two packs of one name exclude each other"
        elif name in pack.tasks:
            why = "a short name that two packs have works for neither"
        else:
            continue
        what = "pack" if pack.name == name else "task"
        raise UsageError(
            f"there is a {what} '{name}' already ({pack.label}), and {why}; choose another, as in 'my-{name}'"
        )


def labels_in(text: str | None) -> tuple[str, ...]:
    """The labels of `--labels joy,anger`. Raises UsageError for none, one, or two that words cannot tell apart."""
    labels = _listed(text or "", "--labels", "joy,anger,fear")
    if not labels:
        raise UsageError("--labels is missing: the labels as the data spell them, as in --labels joy,anger,fear")
    if len(labels) == 1:
        raise UsageError(f"--labels {labels[0]}: to choose takes two labels or more")
    words: dict[str, str] = {}
    for label in labels:
        if not label.isprintable():
            raise UsageError(f"--labels: {label!r} holds a character that cannot be printed; spell it otherwise")
        other = words.setdefault(word_of(label).lower(), label)
        if other != label:
            raise UsageError(
                f"--labels: '{other}' and '{label}' would be the same word to many a vocabulary; rename one of them"
            )
    return labels


def word_of(label: str) -> str:
    """A word to begin with that stands for a label: the label, read as words."""
    return re.sub(r"[\s_-]+", " ", label).strip() or label


def fields_in(text: str) -> tuple[str, ...]:
    """The fields of `--fields premise,hypothesis`. Raises UsageError for what a pattern could not name."""
    fields = _listed(text, "--fields", "premise,hypothesis")
    if not fields:
        raise UsageError("--fields is empty: the texts of an example, as in --fields text")
    for field in fields:
        if field in SPECIAL_FIELDS or field in ("soft", "split"):
            raise UsageError(
                f"--fields: '{field}' has a meaning of its own; name what the text is, as in --fields text"
            )
        if not _FIELD.match(field):
            usable = re.sub(r"\W+", "_", field, flags=re.ASCII).strip("_") or "text"
            usable = f"_{usable}" if usable[0].isdigit() else usable
            raise UsageError(f"--fields: '{field}' cannot stand in a pattern; use '{usable}'")
    return fields


def _listed(text: str, flag: str, example: str) -> tuple[str, ...]:
    given: Sequence[str] = [one.strip() for one in text.split(",")] if text.strip() else ()
    if "" in given:
        raise UsageError(f"{flag} {text}: there is nothing between two commas; write {flag} {example}")
    for one in given:
        if given.count(one) > 1:
            raise UsageError(f"{flag}: '{one}' is there twice")
    return tuple(given)
