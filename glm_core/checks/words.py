"""V402 to V407: what a vocabulary makes of the words. V401 is found by the loader, or where a verbalizer is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from glm_core.checks.finding import Finding
from glm_core.checks.sources import Places
from glm_core.checks.subject import Rendered, Subject
from glm_core.examples import Example
from glm_core.parts import Blank, Border, Part, Soft, Text
from glm_core.pvp import PVP, Cloze

if TYPE_CHECKING:
    from glm_core.backbone import Backbone
    from glm_core.tokens.tokenizer import Encoded, Tokenizer

_NEIGHBOUR = 40  # characters of the text on either side that a word is joined with


@dataclass(frozen=True)
class _Word:
    """A word of a label with its ids, as a cloze has it: with the space that it took over from the pattern."""

    label: str
    text: str
    ids: tuple[int, ...]

    @property
    def shown(self) -> str:
        return f"'{self.text.strip()}'"


def check_words(subject: Subject) -> Iterator[Finding]:
    """What the vocabulary of `subject.model` makes of fixed words; V405 for those of every example."""
    tokenizer = subject.model.tokenizer
    assert tokenizer is not None
    for pvp in subject.task.pvps:
        cloze = _any_cloze(subject, pvp)
        if cloze is None or not cloze.fixed_words:
            continue
        words = [
            _Word(label, answer, tuple(tokenizer.encode(answer, specials=cloze.specials).ids))
            for label, answer in zip(cloze.labels, cloze.answers, strict=True)
            if isinstance(answer, str)
        ]
        yield from same_ids(subject, pvp, words)
        yield from unknown_pieces(subject, pvp, words, tokenizer)
        if cloze.edges.end == "none":
            yield from beginnings(subject, pvp, words)
        yield from uneven_lengths(subject, pvp, words)
    for rendered in subject.rendered:
        yield from merging(subject, rendered, tokenizer)


def same_ids(subject: Subject, pvp: PVP, words: Sequence[_Word]) -> Iterator[Finding]:
    """V402."""
    for one, other in combinations(words, 2):
        if one.label != other.label and one.ids == other.ids:
            message = f"{one.shown} and {other.shown} are the same ids here; the labels always tie"
            yield subject.finding("V402", message, _places(subject, pvp, other))


def beginnings(subject: Subject, pvp: PVP, words: Sequence[_Word]) -> Iterator[Finding]:
    """V403, for answers without an end token."""
    for one in words:
        for other in words:
            longer = len(other.ids) > len(one.ids)
            if one.label != other.label and longer and other.ids[: len(one.ids)] == one.ids:
                message = f"{one.shown} begins {other.shown}; without an end token it always wins"
                yield subject.finding("V403", message, _places(subject, pvp, one))


def unknown_pieces(subject: Subject, pvp: PVP, words: Sequence[_Word], tokenizer: Tokenizer) -> Iterator[Finding]:
    """V404."""
    for one in words:
        if tokenizer.special.unk in one.ids or not one.ids:
            what = "an unknown piece" if one.ids else "no token"
            message = f"{one.shown} has {what} in this vocabulary"
            yield subject.finding("V404", message, _places(subject, pvp, one))


def uneven_lengths(subject: Subject, pvp: PVP, words: Sequence[_Word]) -> Iterator[Finding]:
    """V406, unless the task recommends a `length_penalty`, be it 0."""
    if "length_penalty" in subject.task.recommended or not words:
        return
    shortest, longest = min(words, key=lambda one: len(one.ids)), max(words, key=lambda one: len(one.ids))
    n, more = len(shortest.ids), len(longest.ids)
    if n != more:
        message = (
            f"{shortest.shown} has {n} token{'' if n == 1 else 's'}, {longest.shown} {more}; recommend a length_penalty "
            "(1: the mean per token, 0: the sum)"
        )
        yield subject.finding("V406", message, _places(subject, pvp, longest))


def merging(subject: Subject, rendered: Rendered, tokenizer: Tokenizer) -> Iterator[Finding]:
    """V405: an answer that becomes other tokens when it is read together with the letters beside its blank."""
    for _, _, cloze in rendered.clozes:
        texts = cloze.texts or (cloze.parts,) * len(cloze.answers)
        for parts, answer, label in zip(texts, cloze.answers, cloze.labels, strict=True):
            first = answer[0] if isinstance(answer, tuple) else answer
            before, after = _neighbours(parts)
            for left, right in ((before, first), (first, after)):
                if left and right and _merge(left, right, tokenizer):
                    message = f"'{_end(left)}' + '{_start(right)}' tokenizes differently when joined"
                    places = _places(subject, rendered.pvp, _Word(label, first.strip(), ()))
                    yield subject.finding("V405", message, places)
                    return


def preference(subject: Subject, backbone: Backbone) -> Iterator[Finding]:
    """V407: the shares of the labels where all fields are empty."""
    from glm_core.checks.weighing import has_soft_places, weigh
    from glm_core.runs.scoring import distribution, label_scores

    for rendered in subject.rendered:
        cloze = _empty_cloze(subject, rendered)
        if cloze is None or len(cloze.label_names) < 2 or has_soft_places(cloze):
            continue
        answers = weigh(backbone, [cloze], max_length=subject.max_length)[0]
        penalty = float(subject.task.recommended.get("length_penalty", 0.0))
        shares = distribution(label_scores(answers, combine=cloze.combine, length_penalty=penalty))
        label, share = max(shares.items(), key=lambda one: one[1])
        if share >= (1 + 1 / len(shares)) / 2:  # half-way from undecided to certain
            text = next(one.text.strip() for one in answers if one.label == label)
            message = f"with empty fields the model gives '{text}' {share:.2f} (pattern '{rendered.pvp.name}')"
            yield subject.finding("V407", message, subject.sources.pattern(subject.task, rendered.pvp))


def _any_cloze(subject: Subject, pvp: PVP) -> Cloze | None:
    """A cloze of this pattern: of the first sample; without data, of an example whose fields are all a letter."""
    for rendered in subject.rendered:
        if rendered.pvp is pvp and rendered.clozes:
            return rendered.clozes[0][2]
    if pvp.template is None or not isinstance(pvp.verbalizer, Mapping):
        return None
    return subject.task.cloze(Example("none", dict.fromkeys(pvp.template.fields, "x")), pvp.name)


def _empty_cloze(subject: Subject, rendered: Rendered) -> Cloze | None:
    if not rendered.clozes or not rendered.clozes[0][2].fixed_words:
        return None
    example = rendered.clozes[0][1]
    empty = replace(example, fields=dict.fromkeys(example.fields, ""), label=None)
    try:
        return subject.task.cloze(empty, rendered.pvp.name)
    except Exception:  # a pattern may want text; then there is nothing to ask
        return None


def _neighbours(parts: Sequence[Part]) -> tuple[str, str]:
    """The text on either side of the first blank, as far as it touches it."""
    marks = [one for one in parts if not isinstance(one, Border | Soft)]
    at = next((index for index, one in enumerate(marks) if isinstance(one, Blank)), None)
    if at is None:
        return "", ""
    before = marks[at - 1].text[-_NEIGHBOUR:] if at and isinstance(marks[at - 1], Text) else ""  # type: ignore[union-attr]
    rest = marks[at + 1 : at + 2]
    after = rest[0].text[:_NEIGHBOUR] if rest and isinstance(rest[0], Text) else ""
    return before, after


def _merge(left: str, right: str, tokenizer: Tokenizer) -> bool:
    """Whether two texts that touch become other tokens together than one by one.

    Pieces are compared without the mark of a space in front: that a text begins with one is the library's doing.
    """
    if not (left[-1].isalnum() and right[0].isalnum()) or _spaceless(left[-1]) or _spaceless(right[0]):
        return False
    joined = tokenizer.encode(left + right)
    if any(start < len(left) < end for start, end in joined.offsets):
        return True
    pieces = [tokenizer.token(id).lstrip("▁") for id, (start, _) in _pairs(joined) if start >= len(left)]
    alone = [tokenizer.token(id).lstrip("▁") for id, _ in _pairs(tokenizer.encode(right))]
    return [one for one in pieces if one] != [one for one in alone if one]


def _spaceless(letter: str) -> bool:
    """Chinese and Japanese letters always touch; there is nothing to mend."""
    return "\u2e80" <= letter <= "\u9fff" or letter >= "\U00020000"


def _pairs(encoded: Encoded) -> list[tuple[int, tuple[int, int]]]:
    return list(zip(encoded.ids, encoded.offsets, strict=True))


def _end(text: str) -> str:
    """The last word of a text, as far as it is one."""
    return text.split()[-1] if text.split() else text


def _start(text: str) -> str:
    return text.split()[0] if text.split() else text


def _places(subject: Subject, pvp: PVP, word: _Word) -> Places:
    return subject.sources.word(subject.task, pvp, word.label, word.text.strip())
