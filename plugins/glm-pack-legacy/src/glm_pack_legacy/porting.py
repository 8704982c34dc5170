"""The way of a port: read, ask every pattern on samples, propose templates, verify them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glm_core import PVP, Example, Split
from glm_core.checks.subject import every
from glm_core.checks.watch import Watch
from glm_core.errors import GlmError
from glm_core.examples import Role
from glm_core.pvp import Combine
from glm_pack_legacy.columns import ReadSplit
from glm_pack_legacy.errors import NotPorted, PortError
from glm_pack_legacy.examples import to_example, to_original, with_own_uids
from glm_pack_legacy.original import READERS, Classes, Original
from glm_pack_legacy.proposing import propose
from glm_pack_legacy.runtime import LegacyAnswers, LegacyPattern, answer_labels
from glm_pack_legacy.stand_ins.pvps import LegacyPVP
from glm_pack_legacy.verifying import Verified, Vocabulary, toy_vocabularies, verify

ROLES: Mapping[str, Role] = {"train": "train", "dev": "tune", "test": "final", "unlabeled": "unlabeled"}


@dataclass(frozen=True)
class Ported:
    """What became of one pattern.

    how: a template, the original class behind a Python pattern, or nothing. template: the one that was accepted or, where
    a difference is told, the nearest. words: of each label; None where the answers are the example's own.
    why: why it was not ported, or why no template was found. notes: what to know.
    """

    id: int
    name: str
    how: str
    template: str | None = None
    words: Mapping[str, tuple[str, ...]] | None = None
    combine: Combine = "mean"
    verified: Verified | None = None
    why: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """Everything found out, before anything is written. choices_of: whose answers are the examples' choices."""

    classes: Classes
    reads: tuple[ReadSplit, ...]
    samples: tuple[Example, ...]
    patterns: tuple[Ported, ...]
    vocabularies: tuple[str, ...]
    choices_of: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> tuple[Ported, ...]:
        """The patterns that were ported."""
        return tuple(one for one in self.patterns if one.how != "not")


def port(
    original: Original,
    data: Path,
    *,
    pattern_ids: Sequence[int] | None = None,
    n_samples: int = 20,
    model: Vocabulary | None = None,
) -> Port:
    """Port all patterns of a PVP, or these. n_samples: examples of each split that every pattern is tried on.

    model: the vocabulary that decides; without one, two learnt from the samples have to agree.
    Raises PortError where files, classes or data cannot be used.
    """
    with watching():
        classes = original.load()
        reads, notes = _read(classes, data)
        samples = _samples(classes, reads, n_samples)
        firsts = [to_original(one, classes.label_value(one.label)) for one in samples[:3]]
        ids = list(dict.fromkeys(pattern_ids)) if pattern_ids is not None else classes.pattern_ids(firsts)
        asked = {id: _ask(classes, id, samples) for id in ids}
        choices_of = _common_choices(
            classes, {id: one for id, one in asked.items() if not isinstance(one, str)}, samples
        )
        texts = [str(cloze) for one in asked.values() if not isinstance(one, str) for cloze in one.clozes]
        vocabularies = [model] if model is not None else toy_vocabularies(texts) if texts else []
        patterns = tuple(
            Ported(id, name_of(id), "not", why=one)
            if isinstance(one, str)
            else _port_one(classes, id, one, samples, vocabularies, choices_of)
            for id, one in asked.items()
        )
    own = [name for name in ("encode", "replace") if name in _of_their_own(classes.pvp)]
    if own:
        notes.append(
            f"{classes.pvp.__name__} has an {own[0]}() of its own; what that does beside get_parts was not ported"
        )
    return Port(classes, reads, samples, patterns, tuple(one.name for one in vocabularies), choices_of, tuple(notes))


@contextmanager
def watching() -> Iterator[Watch]:
    """While code of the user's runs: no network, nothing written; the files it reads are seen."""
    with Watch(None, "read", "write", "network", stage="glm port") as watch:
        yield watch


def name_of(id: int) -> str:
    """The name of a pattern in the pack: the number it had stays known."""
    return f"pattern-{id}"


# ---- the data


def _read(classes: Classes, data: Path) -> tuple[tuple[ReadSplit, ...], list[str]]:
    """The splits that the original can read. Raises PortError where it can read none."""
    folder = data.resolve()
    reads, notes = [], []
    for name in READERS:
        with watching() as watch:
            try:
                originals = classes.read(name, data)
            except NotPorted as error:
                if "NotImplementedError" not in str(error):
                    notes.append(f"split '{name}' is left out: {error}")
                continue
        if not originals:
            continue
        files = dict.fromkeys(Path(one.what).resolve() for one in watch.seen if one.kind == "read")
        own = tuple(one.relative_to(folder).as_posix() for one in files if one.is_relative_to(folder))
        labelled = name != "unlabeled" and any(one.label is not None for one in originals)
        reads.append(ReadSplit(Split(name, ROLES[name], own, labelled=labelled), tuple(originals)))
    if not reads:
        told = "; ".join(notes) or "all of its methods gave nothing"
        raise PortError(f"--data {data}: {classes.processor.__name__} read no split ({told})")
    return tuple(reads), notes


def _samples(classes: Classes, reads: Sequence[ReadSplit], n: int) -> tuple[Example, ...]:
    found = []
    for read in reads:
        labelled = read.split.labelled
        found += [to_example(one, labelled=labelled) for one in every(read.originals, n)]
    return tuple(with_own_uids(found))


# ---- one pattern


@dataclass(frozen=True)
class _Asked:
    """A pattern's words and answers as the original says them, and the samples as it reads them."""

    shim: PVP
    words: Mapping[str, tuple[str, ...]] | None
    combine: Combine
    clozes: tuple[Any, ...]

    @property
    def spaced(self) -> bool:
        """Whether every answer begins with one space."""
        answers = [answer for cloze in self.clozes for answer in cloze.answers]
        return bool(answers) and all(one[:1] == " " and not one[1:2].isspace() for one in answers)


def _ask(classes: Classes, id: int, samples: Sequence[Example]) -> _Asked | str:
    """The pattern behind a shim on all samples; or why it fails."""
    try:
        words = classes.words(id)
        first = to_original(samples[0], classes.label_value(samples[0].label))
        answers = classes.answers(first, id)
        if answers is not None:
            words = None
            _check_number(classes, id, samples)
        shim_words: Any = LegacyAnswers(classes.original, id) if words is None else words
        several = words is not None and any(len(some) > 1 for some in words.values())
        combine: Combine = "first" if several and not classes.is_pet else "mean"
        shim = PVP(name_of(id), LegacyPattern(classes.original, id), shim_words, combine=combine)
        return _Asked(shim, words, combine, tuple(shim.cloze(one) for one in samples))
    except PortError:
        raise
    except GlmError as error:
        return re.sub(rf"^{name_of(id)}: ", "", str(error))


def _check_number(classes: Classes, id: int, samples: Sequence[Example]) -> None:
    """Raises NotPorted where answers and labels do not belong together."""
    for one in samples:
        answers = classes.answers(to_original(one, classes.label_value(one.label)), id) or ()
        labels = answer_labels(classes, len(answers))
        if one.label is not None and one.label not in labels:
            raise NotPorted(f"{one.uid} has the label '{one.label}' and answers for {', '.join(labels) or 'none'} only")


def _common_choices(classes: Classes, asked: Mapping[int, _Asked], samples: Sequence[Example]) -> int | None:
    """The first pattern whose answers are the examples', if all patterns with such answers give the same ones.

    None where labels are no numbers: choices are labelled "0", "1", …
    """
    own = {id: one for id, one in asked.items() if one.words is None}
    if not own:
        return None
    first = next(iter(own))
    numbers = all(
        label == str(index) for one in own.values() for c in one.clozes for index, label in enumerate(c.labels)
    )
    bare = [[tuple(answer.strip() for answer in cloze.answers) for cloze in one.clozes] for one in own.values()]
    return first if numbers and all(one == bare[0] for one in bare) else None


def _port_one(
    classes: Classes,
    id: int,
    one: _Asked,
    samples: Sequence[Example],
    vocabularies: Sequence[Vocabulary],
    choices_of: int | None,
) -> Ported:
    notes = _notes(classes, one)
    words = None if one.words is None else {key: tuple(some) for key, some in one.words.items()}
    made = Ported(id, name_of(id), "python", words=words, combine=one.combine, notes=notes)
    proposal = propose(classes, id, samples, spaced=one.spaced)
    if proposal.template is None:
        return replace(made, why=proposal.why)
    pvp, examples = _with_template(classes, id, one, samples, proposal.template, choices_of)
    try:
        verified = verify(one.shim, pvp, examples, vocabularies)
    except GlmError as error:
        return replace(made, why=str(error))
    made = replace(made, template=proposal.template, verified=verified, notes=(*proposal.notes, *notes))
    if verified.is_same:
        return replace(made, how="template", words=None if words is None else _bare(words, one.spaced))
    return replace(made, why=proposal.why or "the nearest template does not render the same")


def _with_template(
    classes: Classes, id: int, one: _Asked, samples: Sequence[Example], template: str, choices_of: int | None
) -> tuple[PVP, list[Example]]:
    """The pair that a pack would have, and the examples that it would read."""
    if one.words is not None:
        return PVP(name_of(id), template, _bare(one.words, one.spaced), combine=one.combine), list(samples)
    if choices_of is None:
        return PVP(name_of(id), template, LegacyAnswers(classes.original, id)), list(samples)
    answers = [
        classes.answers(to_original(sample, classes.label_value(sample.label)), choices_of) or () for sample in samples
    ]
    chosen = [replace(sample, choices=some) for sample, some in zip(samples, answers, strict=True)]
    return PVP(name_of(id), template), chosen


def _bare(words: Mapping[str, tuple[str, ...]], spaced: bool) -> dict[str, tuple[str, ...]]:
    """The words without the space in front that stands in the template."""
    return {label: tuple(word.removeprefix(" ") if spaced else word for word in some) for label, some in words.items()}


def _notes(classes: Classes, one: _Asked) -> tuple[str, ...]:
    notes = []
    if one.combine == "first":
        notes.append('GLM scores the first word of a label only; combine = "first" does so too')
    if any("[SEP]" in str(cloze) for cloze in one.clozes):
        notes.append("'[SEP]' stands in its text, and is plain text here")
    return tuple(notes)


def _of_their_own(pvp: type) -> set[str]:
    """What a PVP and its bases define, down to a base class that has `get_parts` itself."""
    found: set[str] = set()
    for kind in pvp.__mro__:
        if kind is LegacyPVP or kind.__module__.startswith("glm_pack_legacy."):
            break
        if "get_parts" not in vars(kind) and "verbalize" not in vars(kind):
            continue
        if "mask" in vars(kind) or "shortenable" in vars(kind):
            break  # the program's own base class
        found |= vars(kind).keys()
    return found
