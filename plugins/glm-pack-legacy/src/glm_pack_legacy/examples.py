"""Examples of old and of ours: what becomes what, in both directions."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from glm_core import Example
from glm_pack_legacy.stand_ins.data import InputExample

TEXTS = ("text_a", "text_b")
_TAKEN = ("uid", "label", "target", "group", "choices", "soft", "split")  # names with a meaning of their own
_GROUP = "question_idx"  # PET's and GLM's name for what answers belong together


def fields_of(one: Any) -> dict[str, str]:
    """The texts of an example of old by the names of our fields: its two texts, and the texts and numbers in `meta`."""
    found = {name: text for name in TEXTS if isinstance(text := getattr(one, name, None), str)}
    for key, value in (getattr(one, "meta", None) or {}).items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            found.setdefault(field_name(str(key)), str(value))
    return found


def field_name(key: str) -> str:
    """A key of `meta` as a field's name."""
    name = re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_") or "field"
    return f"_{name}" if name[0].isdigit() else f"{name}_" if name in _TAKEN else name


def to_example(one: Any, *, labelled: bool, fields: Iterable[str] | None = None) -> Example:
    """Our example of one of old. fields: those to take; None: all. What else it had is kept in `meta`."""
    texts = fields_of(one)
    meta = getattr(one, "meta", None) or {}
    kept: dict[str, Any] = {"meta": copy.deepcopy(dict(meta))} if meta else {}
    if getattr(one, "idx", -1) not in (-1, None):
        kept["idx"] = one.idx
    return Example(
        str(one.guid),
        texts if fields is None else {name: texts[name] for name in fields if name in texts},
        label=None if not labelled or one.label is None else str(one.label),
        group=str(meta[_GROUP]) if _GROUP in meta else None,
        meta=kept,
    )


def to_original(example: Example, label: Any) -> InputExample:
    """The example of old that a pattern of old is asked about; each call gives a new one, which it may write into.

    label: as the original spells it.
    """
    meta: Mapping[str, Any] = example.meta.get("meta") or {}
    more = {name: text for name, text in example.fields.items() if name not in (*TEXTS, *map(field_name, meta))}
    return InputExample(
        example.uid,
        example.fields.get("text_a", ""),
        example.fields.get("text_b"),
        label,
        meta={**more, **copy.deepcopy(dict(meta))},
        idx=example.meta.get("idx", -1),
    )


def with_own_uids(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples, a number added to a uid that was there before."""
    seen: dict[str, int] = {}
    for one in examples:
        seen[one.uid] = seen.get(one.uid, 0) + 1
        yield one if seen[one.uid] == 1 else replace(one, uid=f"{one.uid}#{seen[one.uid]}")


def storable(value: Any) -> bool:
    """Whether JSON can hold a value."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
