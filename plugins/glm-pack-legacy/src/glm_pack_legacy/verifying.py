"""Whether a template makes of the samples what the original makes: the same parts, or at least the same tokens."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glm_core import PVP, Cloze, Example, Part, Text
from glm_core.errors import GlmError
from glm_core.parts import Blank, Border, Soft

if TYPE_CHECKING:
    from glm_core import Tokenizer

_SIZE = 4000


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer by its name in the report."""

    name: str
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Difference:
    """The first sample that a template renders otherwise: what stands in either at the first place that differs."""

    uid: str
    where: str
    original: str
    ported: str


@dataclass(frozen=True)
class Verified:
    """How many samples were compared, and on how many a template gave the same parts, and the same tokens by vocabulary."""

    samples: int
    same_parts: int
    same_tokens: Mapping[str, int]
    difference: Difference | None = None

    @property
    def is_same(self) -> bool:
        """Whether all samples gave the same tokens in every vocabulary."""
        return self.samples > 0 and all(one == self.samples for one in self.same_tokens.values())


def toy_vocabularies(texts: Sequence[str]) -> list[Vocabulary]:
    """A WordPiece and a byte-level BPE vocabulary, learnt from these texts: what merges across parts shows in them."""
    from glm_core.tokens.train_vocabulary import train_vocabulary

    made = []
    with tempfile.TemporaryDirectory(prefix="glm-port-") as folder:
        for name, kind in (("WordPiece", "bert-wordpiece"), ("byte-level BPE", "gpt2-bpe")):
            out = Path(folder) / kind
            made.append(
                Vocabulary(name, train_vocabulary(texts, out, kind=kind, size=_SIZE, min_count=1, lowercase=False))
            )
    return made


def verify(original: PVP, ported: PVP, examples: Iterable[Example], vocabularies: Sequence[Vocabulary]) -> Verified:
    """Compare two pairs on the examples. What the ported one cannot render is a difference."""
    n = same_parts = 0
    same_tokens = {one.name: 0 for one in vocabularies}
    first: Difference | None = None
    for example in examples:
        n += 1
        before = original.cloze(example)
        try:
            after = ported.cloze(example)
        except GlmError as error:
            first = first or Difference(example.uid, "the template fails", _told(before.parts), str(error))
            continue
        answers = (before.answers, before.labels, before.gold) == (after.answers, after.labels, after.gold)
        parts = answers and _plain(before.parts) == _plain(after.parts)
        same_parts += parts
        for one in vocabularies:
            same = parts or (answers and _tokens(before, one.tokenizer) == _tokens(after, one.tokenizer))
            same_tokens[one.name] += same
            if not same and first is None:
                first = _difference(example, before, after, one)
    return Verified(n, same_parts, same_tokens, first)


def _tokens(cloze: Cloze, tokenizer: Tokenizer) -> list[object]:
    """Every token with whether it may be cut; blanks, borders and soft places as they stand."""
    made: list[object] = []
    for part in cloze.parts:
        if isinstance(part, Text):
            made += [(id, part.cut) for id in tokenizer.encode(part.text).ids]
        else:
            made.append(part)
    return made


def _plain(parts: Sequence[Part]) -> list[Part]:
    """Parts without the names under which cuts are counted."""
    return [Text(one.text, one.cut) if isinstance(one, Text) else one for one in parts]


def _difference(example: Example, before: Cloze, after: Cloze, vocabulary: Vocabulary) -> Difference:
    for what in ("answers", "labels", "gold"):
        one, other = getattr(before, what), getattr(after, what)
        if one != other:
            return Difference(example.uid, what, repr(one), repr(other))
    pieces = [_shown_tokens(cloze, vocabulary.tokenizer) for cloze in (before, after)]
    at = next(
        (index for index, (a, b) in enumerate(zip(*pieces, strict=False)) if a != b),
        min(map(len, pieces)),
    )
    near = slice(max(0, at - 3), at + 4)
    return Difference(example.uid, f"tokens in {vocabulary.name}", " ".join(pieces[0][near]), " ".join(pieces[1][near]))


def _shown_tokens(cloze: Cloze, tokenizer: Tokenizer) -> list[str]:
    """Tokens for people, `~` before those that may be cut."""
    shown = []
    for part in cloze.parts:
        if isinstance(part, Text):
            shown += [("~" if part.cut else "") + tokenizer.token(id) for id in tokenizer.encode(part.text).ids]
        else:
            shown.append(_mark(part))
    return shown


def _told(parts: Sequence[Part]) -> str:
    return " ".join(
        ("~" if one.cut else "") + repr(_short(one.text)) if isinstance(one, Text) else _mark(one) for one in parts
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:25]}…{text[-12:]}"


def _mark(part: Part) -> str:
    if isinstance(part, Blank):
        return part.mask
    return "{split}" if isinstance(part, Border) else f"{{soft:{part.n}}}" if isinstance(part, Soft) else ""
