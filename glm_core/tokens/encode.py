"""Text meets the tokenizer here and nowhere else: `Cloze` → `Instance`.

Parts are tokenized one by one, as the original does: merging across parts would change ids. The text is shortened once, for
the longest answer, so that all answers read the same Part A. `[MASK]` in the data is ordinary text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from glm_core.errors import TemplateError, UsageError
from glm_core.parts import Blank, Border, Part, Soft, Text, place_soft
from glm_core.pvp import Cloze
from glm_core.tokens.row import Row, Span, build_row
from glm_core.tokens.shorten import Stretch, shorten
from glm_core.tokens.tokenizer import Encoded, Tokenizer

_SPECIAL_OF = {"[MASK]": "mask", "[sMASK]": "sentence_mask", "[gMASK]": "document_mask"}


@dataclass(frozen=True, eq=False)
class Instance:
    """An encoded cloze.

    words: ids of one-token answers, read off together at [sop]; None where each answer is a branch.
    labels: one per answer. gold: index into `label_names`, None where unknown.
    cut: tokens cut, by field.
    """

    uid: str
    row: Row
    words: tuple[int, ...] | None
    answers: tuple[str, ...]
    labels: tuple[str, ...]
    gold: int | None
    soft_gold: tuple[float, ...] | None = None
    combine: str = "mean"
    cut: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_tokens(self) -> int:
        return len(self.row)

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.labels))


@dataclass(frozen=True, eq=False)
class Laid:
    """Part A before it becomes a row: which part each token came from, and what was cut. `glm preview` shows it."""

    ids: tuple[int, ...]
    source: tuple[int, ...]  # index into `parts` per token; -1 for [CLS] and [EOS]
    parts: tuple[Part, ...]
    kept: tuple[str, ...]  # the text of each part that stayed, exactly as it stands in the example
    blanks: tuple[int, ...]  # index of each blank's mask in `ids`
    cut: Mapping[str, int]


def encode(
    cloze: Cloze,
    tokenizer: Tokenizer,
    *,
    max_length: int,
    masks: frozenset[str] = frozenset(("[MASK]", "[sMASK]", "[gMASK]")),
    soft_tokens: int = 0,
    soft_prefix: int = 0,
) -> Instance:
    """A cloze as ids and positions. `max_length` holds Part A and its longest answer.

    masks: those the model was trained on; any other becomes [MASK].
    Raises TemplateError when fixed words alone do not fit; the message names pattern, length and uid.
    """
    goals, words = _answers(cloze, tokenizer)
    given = tokenizer.encode(cloze.given, specials=cloze.specials).ids if cloze.given else ()
    longest = len(given) + max((sum(map(len, goal)) for goal in goals), default=0) if words is None else 0
    laid = lay_out(
        cloze,
        tokenizer,
        room=max_length - max(longest, 1),
        max_length=max_length,
        masks=masks,
        soft_tokens=soft_tokens,
        soft_prefix=soft_prefix,
    )
    branches: list[list[Span]] = []
    if words is not None or not goals:
        branches.append([Span(laid.blanks[0], ())])
    for goal in goals if words is None else ():
        if len(goal) > len(laid.blanks):
            raise TemplateError(
                f"pattern '{cloze.pattern}': {cloze.uid} has {len(goal)} fillings for {len(laid.blanks)} blanks"
            )
        spans = [Span(blank, ids) for blank, ids in zip(laid.blanks, goal, strict=False)]
        if given:
            spans[0] = Span(spans[0].blank, (*given, *spans[0].goal), len(given))
        branches.append(spans)
    names = list(cloze.label_names)
    return Instance(
        uid=cloze.uid,
        row=build_row(laid.ids, branches, sop=tokenizer.special.sop),
        words=words,
        answers=tuple(" … ".join(one) if isinstance(one, tuple) else one for one in cloze.answers),
        labels=cloze.labels,
        gold=None if cloze.gold is None else names.index(cloze.gold),
        soft_gold=cloze.soft_gold,
        combine=cloze.combine,
        cut=laid.cut,
    )


def lay_out(
    cloze: Cloze,
    tokenizer: Tokenizer,
    *,
    room: int,
    max_length: int,
    masks: frozenset[str] = frozenset(_SPECIAL_OF),
    soft_tokens: int = 0,
    soft_prefix: int = 0,
) -> Laid:
    """Part A in at most `room` tokens, [CLS] and [EOS] included."""
    parts = cloze.parts
    if soft_tokens or soft_prefix:
        parts = place_soft(parts, tokens=soft_tokens, prefix=soft_prefix)
    special = tokenizer.special
    texts = [one.text for one in parts if isinstance(one, Text)]
    encoded = iter(tokenizer.encode_many(texts, specials=cloze.specials))
    ids_of: list[Sequence[int]] = []
    found: list[Encoded | None] = []
    stretches: list[Stretch] = []
    segment, n_soft = 0, 0
    for one in parts:
        piece: Encoded | None = None
        ids: Sequence[int] = ()
        stretch = Stretch(0, segment)
        if isinstance(one, Text):
            piece = next(encoded)
            ids = piece.ids
            stretch = Stretch(len(ids), segment, one.cut, one.priority)
            if one.max is not None and one.cut is not None:
                stretch.lost = max(0, len(ids) - one.max)
        elif isinstance(one, Blank):
            ids = (_mask_id(one, tokenizer, masks),)
        elif isinstance(one, Soft):
            ids = tuple(range(-n_soft - 1, -n_soft - one.n - 1, -1))
            n_soft += one.n
        elif isinstance(one, Border):
            segment = 1
        ids_of.append(ids)
        found.append(piece)
        stretches.append(stretch)
    ends_in_document_blank = bool(parts) and parts[-1] == Blank("[gMASK]")
    eos = cloze.edges.eos == "always" or (cloze.edges.eos == "auto" and not ends_in_document_blank)
    total = sum(len(ids) - one.lost for ids, one in zip(ids_of, stretches, strict=True)) + 1 + eos
    if total > room and not shorten(stretches, total - room):
        fixed = sum(len(ids) for ids, one in zip(ids_of, stretches, strict=True) if one.cut is None) + 1 + eos
        raise TemplateError(
            f"pattern '{cloze.pattern}' does not fit example {cloze.uid}: its fixed words and marks take {fixed} tokens, "
            f"{max(room, 0)} of --max-length {max_length} are left beside the answer; raise --max-length or shorten it"
        )
    ids_out: list[int] = [special.cls]
    source: list[int] = [-1]
    blanks: list[int] = []
    kept: list[str] = []
    cut: Counter[str] = Counter()
    for index, (one, ids, piece, stretch) in enumerate(zip(parts, ids_of, found, stretches, strict=True)):
        if isinstance(one, Blank):
            blanks.append(len(ids_out))
        if stretch.lost:
            assert isinstance(one, Text)
            cut[one.field or "text"] += stretch.lost
            ranges = [(start, end) for start, end in stretch.kept() if end > start]
            ids = [token for start, end in ranges for token in ids[start:end]]
            kept.append(_kept_text(one.text, piece, ranges))
        else:
            kept.append(one.text if isinstance(one, Text) else "")
        ids_out += ids
        source += [index] * len(ids)
    if eos:
        ids_out.append(special.eos)
        source.append(-1)
    if cloze.edges.pad_to is not None:
        missing = max(0, cloze.edges.pad_to - len(ids_out))
        ids_out += [special.pad] * missing
        source += [-1] * missing
    if not blanks:
        raise TemplateError(f"pattern '{cloze.pattern}' gave no blank for example {cloze.uid}; write [MASK]")
    return Laid(tuple(ids_out), tuple(source), parts, tuple(kept), tuple(blanks), dict(cut))


def encode_segments(
    segments: Sequence[str],
    tokenizer: Tokenizer,
    *,
    max_length: int,
    uid: str = "",
    specials: Sequence[str] = (),
) -> tuple[tuple[int, ...], int]:
    """`[CLS] first [SEP] second [EOS]` for a classifier, and how many tokens were cut from its end.

    No part is spared when it is too long: the whole is cut at `max_length - 1`, as the original does (SUPERGLUE 4).
    """
    if not segments:
        raise UsageError(f"example {uid} has no text to classify")
    special = tokenizer.special
    ids = [special.cls]
    for index, piece in enumerate(tokenizer.encode_many(list(segments), specials=specials)):
        if index:
            ids.append(special.sep)
        ids += piece.ids
    lost = max(0, len(ids) - (max_length - 1))
    return (*ids[: max_length - 1], special.eos), lost


def _answers(
    cloze: Cloze, tokenizer: Tokenizer
) -> tuple[list[tuple[tuple[int, ...], ...]], tuple[int, ...] | None]:
    """Target ids of every answer, one tuple per blank it fills; and the word ids where they are read off at [sop]."""
    flat: list[str] = []
    for answer in cloze.answers:
        flat += answer if isinstance(answer, tuple) else (answer,)
    pieces = iter([tuple(one.ids) for one in tokenizer.encode_many(flat, specials=cloze.specials)])
    goals = []
    for answer in cloze.answers:
        goals.append(tuple(next(pieces) for _ in (answer if isinstance(answer, tuple) else (answer,))))
    for answer, goal in zip(cloze.answers, goals, strict=True):
        if not all(goal):
            raise TemplateError(
                f"pattern '{cloze.pattern}': answer {answer!r} of example {cloze.uid} has no tokens in this vocabulary"
            )
    one_token = bool(goals) and all(len(goal) == 1 and len(goal[0]) == 1 for goal in goals)
    if cloze.fixed_words and one_token and cloze.edges.end != "eop" and not cloze.given:
        return goals, tuple(goal[0][0] for goal in goals)
    if cloze.edges.end != "none":
        goals = [tuple((*ids, tokenizer.special.eop) for ids in goal) for goal in goals]
    return goals, None


def _mask_id(blank: Blank, tokenizer: Tokenizer, masks: frozenset[str]) -> int:
    found = getattr(tokenizer.special, _SPECIAL_OF[blank.mask]) if blank.mask in masks else None
    return tokenizer.special.mask if found is None else found


def _kept_text(text: str, piece: Encoded | None, ranges: Sequence[tuple[int, int]]) -> str:
    """The stretches of the text that the kept tokens stand for, joined by an ellipsis where the middle is gone."""
    if piece is None or not ranges:
        return ""
    return "…".join(text[piece.offsets[start][0] : piece.offsets[end - 1][1]] for start, end in ranges)
