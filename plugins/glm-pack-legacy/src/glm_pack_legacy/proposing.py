"""A template for a pattern of old: what every sample shows, laid side by side, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from glm_core import Example, Part, Text
from glm_core.checks.subject import every
from glm_core.parts import Blank, Soft
from glm_pack_legacy.altering import KINDS, altered
from glm_pack_legacy.errors import NotPorted
from glm_pack_legacy.examples import fields_of, to_original
from glm_pack_legacy.expressions import Expression, find_expression, written
from glm_pack_legacy.original import Classes

_N_ALTERED = 3  # examples whose texts are altered


@dataclass(frozen=True)
class Seen:
    """What a pattern made of an example, texts without a character among it. key, kind: which text was altered, and how."""

    parts: tuple[Part, ...]
    fields: Mapping[str, str]
    uid: str
    key: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Proposal:
    """A template, or None with the reason. notes: what it rests on beside the samples."""

    template: str | None
    why: str = ""
    notes: tuple[str, ...] = ()


def propose(classes: Classes, id: int, examples: Sequence[Example], *, spaced: bool) -> Proposal:
    """A template that reads as the pattern does, if there is one. spaced: every answer begins with a space.

    It fits the samples it was made from, text by text; whether it renders the same is for `verifying` to see. Where the
    samples contradict each other it is made from the first of them, so that the difference can be shown.
    Raises NotPorted where the pattern fails on one of the examples.
    """
    return _from_seen(*observe(classes, id, examples), spaced=spaced)


def observe(classes: Classes, id: int, examples: Sequence[Example]) -> tuple[list[Seen], list[Seen]]:
    """The pattern on the examples, and on altered ones as far as it takes them. Raises NotPorted."""
    seen = []
    for one in examples:
        original = to_original(one, classes.label_value(one.label))
        fields = fields_of(original)
        seen.append(Seen(tuple(classes.parts(original, id)), fields, one.uid))
    probes = []
    kinds = KINDS if classes.spaces == "as-written" else KINDS[:-1]  # else spaces at the ends are the shim's own affair
    for one in every(examples, _N_ALTERED):
        for other in altered(to_original(one, classes.label_value(one.label)), kinds):
            fields = fields_of(other.example)
            try:
                parts = tuple(classes.parts(other.example, id))
            except NotPorted:
                continue
            probes.append(Seen(parts, fields, one.uid, other.key, other.kind))
    return seen, probes


def _from_seen(seen: Sequence[Seen], probes: Sequence[Seen], *, spaced: bool) -> Proposal:
    shape = _shape(seen[0])
    odd = next((one for one in seen if _shape(one) != shape), None)
    alike = [one for one in seen if _shape(one) == shape]
    probes = [one for one in probes if _shape(one) == shape]
    template, notes = "", []
    for index, part in enumerate(shape):
        if isinstance(part, Text):
            found, note = _expression(index, alike, probes)
            if found is None:
                found, note = _expression(index, alike[:1], [one for one in probes if one.uid == alike[0].uid])
            if found is None:
                what = _quoted(_text(seen[0], index))
                return Proposal(None, f"where {what} in {seen[0].uid} comes from is no field and no word that stays")
            template += written(found, keep=part.cut is None)
            notes += note
        elif isinstance(part, Blank):  # whitespace before it is in the answers by now
            template = f"{template.rstrip()}{' ' if spaced else ''}{part.mask}"
        else:
            template += _mark(part)
    why = "" if odd is None else f"{odd.uid} has other parts than {seen[0].uid}: not the same number or kind"
    return Proposal(template, why, tuple(dict.fromkeys(notes)))


def _expression(index: int, seen: Sequence[Seen], probes: Sequence[Seen]) -> tuple[Expression | None, list[str]]:
    """How one text is made in all samples and, as far as possible, in the altered ones; and what was left out."""
    for kept, note in _less_and_less(probes):
        all_seen = [*seen, *kept]
        found = find_expression([_text(one, index) for one in all_seen], [one.fields for one in all_seen])
        if found is not None:
            return found, [note] if note else []
    return None, []


def _less_and_less(probes: Sequence[Seen]) -> Iterator[tuple[list[Seen], str]]:
    """The altered examples, then without those that ask the most of a template."""
    yield list(probes), ""
    if not probes:
        return
    for n_kinds in (3, 2, 1):
        left_out = {"around": "has spaces around it", "start": "begins otherwise", "end": "ends otherwise"}
        kinds = [one for one in KINDS if one not in KINDS[:n_kinds]]
        kept = [one for one in probes if one.kind in KINDS[:n_kinds]]
        what = " or ".join(left_out[one] for one in kinds)
        yield kept, f"a text that {what} may be taken otherwise than in the samples"
    for key in dict.fromkeys(one.key for one in probes):
        yield (
            [one for one in probes if one.key != key],
            f"another '{key}' than those of the samples may change the words",
        )
    yield [], "altered examples are taken otherwise than the samples; only the samples were gone by"


def _text(seen: Seen, index: int) -> str:
    part = seen.parts[index]
    return part.text if isinstance(part, Text) else ""


def _shape(seen: Seen) -> tuple[Part, ...]:
    return tuple(replace(one, text="") if isinstance(one, Text) else one for one in seen.parts)


def _mark(part: Part) -> str:
    if isinstance(part, Soft):
        if not part.start:
            return f"{{soft:{part.n}}}" if part.n else "{soft}"
        start = part.start.replace("\\", "\\\\").replace('"', '\\"')
        return f'{{soft:{part.n}="{start}"}}'
    return "{split}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:40]}…{text[-15:]}")
