"""A pattern with its verbalizer, and the text with a blank that the two make of an example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from glm_core.errors import DataError, TemplateError, UsageError, did_you_mean
from glm_core.examples import Example
from glm_core.parts import Blank, Border, Part, Soft, Text, as_parts
from glm_core.templates import Template, parse

Combine = Literal["mean", "max", "logsumexp", "first"]
Parts = Sequence[Part | str]
Pattern = str | Callable[[Example], Parts | Sequence[Parts]]
Words = Mapping[str, str | Sequence[str]]
Verbalizer = Words | Callable[[Example], Sequence[str | tuple[str, str]]]


@dataclass(frozen=True)
class Edges:
    """How a cloze is closed off in its row, where the defaults do not fit.

    end: what closes an answer. auto: nothing where the verbalizer is a mapping of one-token words, else [eop].
    eos: whether [EOS] follows the text. auto: unless the text ends in [gMASK].
    pad_to: visible padding of Part A, only to repeat numbers of old seq2seq checkpoints.
    """

    end: Literal["auto", "eop", "none"] = "auto"
    eos: Literal["auto", "always", "never"] = "auto"
    pad_to: int | None = None


@dataclass(frozen=True)
class Cloze:
    """A text with a blank, the answers that may fill it, and which label each answer stands for.

    answers: none when the blank is to be written; a tuple of strings fills several blanks in order.
    labels: one per answer; several answers may share a label.
    gold: the right label, None where unknown.
    soft_gold: an ensemble's distribution over the labels, for distillation.
    given: text at the start of the blank that is read but not scored.
    pattern: name of the pattern, for messages.
    fixed_words: the verbalizer was a mapping, so the answers are the same for every example.
    specials: special tokens that the text holds on purpose; no other is looked for.
    segments: for classifiers, the example without a pattern: rows of one or two texts, one row per choice.
    otherwise: the label to choose when no answer is greedy (see `Answer.greedy`); it has no words of its own.
    texts: one text per answer, where the text differs and not only the answer; `parts` is empty then.
    """

    uid: str
    parts: tuple[Part, ...]
    answers: tuple[str | tuple[str, ...], ...] = ()
    labels: tuple[str, ...] = ()
    gold: str | None = None
    soft_gold: tuple[float, ...] | None = None
    given: str = ""
    pattern: str = ""
    combine: Combine = "mean"
    fixed_words: bool = False
    edges: Edges = Edges()
    specials: tuple[str, ...] = ()
    segments: tuple[tuple[str, ...], ...] = ()
    otherwise: str | None = None
    texts: tuple[tuple[Part, ...], ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Cloze:
        """A cloze to be written: `'Paris is the [MASK] of France.'` One or more [MASK], [sMASK], [gMASK].

        A text without any gets [gMASK] at its end.
        """
        escaped = text.replace("{", "{{").replace("}", "}}")
        parts = parse(escaped).parts(Example("text", {}))
        if not any(isinstance(one, Blank) for one in parts):
            parts = (*parts, Blank("[gMASK]"))
        parts, _ = _settle_blanks(parts)
        return cls("text", parts)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Each label once, in the order of its first answer."""
        return tuple(dict.fromkeys(self.labels))

    def __str__(self) -> str:
        return "\n".join(_shown(parts) for parts in self.texts or (self.parts,))


@dataclass(frozen=True)
class PVP:
    """A pattern with its verbalizer: how an example reads with a hole in it, and which words may fill the hole.

    name: stable, `--pattern quoted`.
    pattern: a template string, or a function from an example to parts; or to several lists of parts, one text per
        answer.
    verbalizer: label -> word or words; or a function that returns answers (labelled "0", "1", … in order) or (label,
        answer) pairs; or None: the example's own choices, or its target.
    combine: what becomes of several answers of one label.
    otherwise: a label without words, for "the model would write none of these answers".
    """

    name: str
    pattern: Pattern
    verbalizer: Verbalizer | None = None
    combine: Combine = "mean"
    edges: Edges = Edges()
    otherwise: str | None = None
    summary: str = field(default="", compare=False)

    @cached_property
    def template(self) -> Template | None:
        """The parsed template, None for a Python pattern. Raises TemplateError."""
        return parse(self.pattern, self.name) if isinstance(self.pattern, str) else None

    def cloze(self, example: Example) -> Cloze:
        """The text with a blank that this pair makes of an example.

        Raises TemplateError or DataError that names the pattern and the example.
        """
        texts, spaces = self._texts(example)
        answers, labels = self._answers(example)
        if len(texts) > 1 and len(texts) != len(answers):
            raise TemplateError(
                f"pattern '{self.name}' gave {len(texts)} texts and {len(answers)} answers for example {example.uid}; "
                "where the text differs per answer there is one of each"
            )
        gold = self._gold(example, labels)
        return Cloze(
            uid=example.uid,
            parts=texts[0] if len(texts) == 1 else (),
            answers=tuple(_with_spaces(one, spaces[index % len(spaces)]) for index, one in enumerate(answers)),
            labels=labels,
            gold=gold,
            combine=self.combine,
            fixed_words=isinstance(self.verbalizer, Mapping),
            pattern=self.name,
            edges=self.edges,
            otherwise=self.otherwise,
            texts=tuple(texts) if len(texts) > 1 else (),
        )

    def _texts(self, example: Example) -> tuple[list[tuple[Part, ...]], list[tuple[bool, ...]]]:
        """The text, or one text per answer; and for each of its blanks whether whitespace stood before it."""
        made: Sequence[Part] | Sequence[Parts] | Parts
        if self.template is not None:
            made = self.template.parts(example)
        else:
            assert callable(self.pattern)
            made = self.pattern(example)
            if isinstance(made, str) or not isinstance(made, Sequence):
                raise TemplateError(f"pattern '{self.name}' gave {type(made).__name__}, wants a list of parts")
        several = bool(made) and all(isinstance(one, list | tuple) for one in made)
        texts, spaces = [], []
        for parts in made if several else (made,):
            settled, space = _settle_blanks(self._checked(parts, example))  # type: ignore[arg-type]
            texts.append(settled)
            spaces.append(space)
        return texts, spaces

    def _checked(self, made: Parts, example: Example) -> tuple[Part, ...]:
        for one in made:
            if not isinstance(one, str | Text | Blank | Border | Soft):
                raise TemplateError(
                    f"pattern '{self.name}' gave {type(one).__name__} inside its list, wants parts or str"
                )
        if not any(isinstance(one, Blank) for one in made):
            raise TemplateError(f"pattern '{self.name}' gave no blank for example {example.uid}; write [MASK]")
        return as_parts(made)

    def _answers(self, example: Example) -> tuple[tuple[str | tuple[str, ...], ...], tuple[str, ...]]:
        if isinstance(self.verbalizer, Mapping):
            pairs = [
                (label, word)
                for label, words in self.verbalizer.items()
                for word in ((words,) if isinstance(words, str) else words)
            ]
            return tuple(word for _, word in pairs), tuple(label for label, _ in pairs)
        if callable(self.verbalizer):
            found = list(self.verbalizer(example))
            given = [one if isinstance(one, tuple) else (str(index), one) for index, one in enumerate(found)]
            return tuple(answer for _, answer in given), tuple(label for label, _ in given)
        if example.choices:
            return tuple(example.choices), tuple(str(index) for index in range(len(example.choices)))
        if example.target is not None:
            return (example.target,), ("0",)
        return (), ()

    def _gold(self, example: Example, labels: tuple[str, ...]) -> str | None:
        if example.label is None:
            return "0" if example.target is not None and labels == ("0",) else None
        if example.label == self.otherwise:
            return None
        if labels and example.label not in labels:
            known = list(dict.fromkeys(labels))
            raise DataError(
                f"example {example.uid}: label '{example.label}' has no words in pattern '{self.name}' "
                f"(it knows {', '.join(known)}){did_you_mean(example.label, known)}"
            )
        return example.label if labels else None


def choose_pvp(pvps: Sequence[PVP], which: str | int, task: str) -> PVP:
    """The pair of this name or index. Raises UsageError with a near name."""
    names = [one.name for one in pvps]
    if isinstance(which, str) and which in names:
        return pvps[names.index(which)]
    if isinstance(which, int) or which.lstrip("-").isdigit():
        index = int(which)
        if 0 <= index < len(pvps):
            return pvps[index]
        raise UsageError(f"task {task} has patterns 0 to {len(pvps) - 1} ({', '.join(names)}); there is no {index}")
    raise UsageError(f"task {task} has no pattern '{which}' (it has {', '.join(names)}){did_you_mean(which, names)}")


def _shown(parts: Sequence[Part]) -> str:
    shown = []
    for one in parts:
        if isinstance(one, Text):
            shown.append(one.text)
        elif isinstance(one, Blank):
            shown.append(one.mask)
    return "".join(shown)


def _settle_blanks(parts: Sequence[Part]) -> tuple[tuple[Part, ...], tuple[bool, ...]]:
    """Take the whitespace before each blank away; tell for each blank whether there was any.

    Whitespace belongs to what comes after it: the answer that fills the blank begins with it. It passes over borders
    and soft places.
    """
    settled: list[Part] = []
    spaces: list[bool] = []
    for one in parts:
        if isinstance(one, Blank):
            spaces.append(_strip_before(settled))
        settled.append(one)
    return tuple(settled), tuple(spaces)


def _strip_before(parts: list[Part]) -> bool:
    found = False
    for index in range(len(parts) - 1, -1, -1):
        one = parts[index]
        if isinstance(one, Border | Soft):
            continue
        if not isinstance(one, Text):
            break
        kept = one.text.rstrip()
        found = found or kept != one.text
        if kept:
            parts[index] = replace(one, text=kept)
            break
        del parts[index]
    return found


def _with_spaces(answer: str | tuple[str, ...], spaces: Sequence[bool]) -> str | tuple[str, ...]:
    if isinstance(answer, tuple):
        return tuple(_one_space(one) if space else one for one, space in zip(answer, spaces, strict=False))
    return _one_space(answer) if spaces and spaces[0] else answer


def _one_space(answer: str) -> str:
    """Exactly one space in front of an answer that follows whitespace; an answer with its own keeps just one."""
    return " " + answer.lstrip() if answer.strip() else answer
