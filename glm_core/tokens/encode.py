"""Text meets the tokenizer here and nowhere else: `Cloze` → `Instance`.

Parts are tokenized one by one, as the original does: merging across parts would change ids. The text is shortened once, for
the longest answer, so that all answers read the same Part A. `[MASK]` in the data is ordinary text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from glm_core.errors import TemplateError, UsageError
from glm_core.parts import Blank, Part, Soft, Text, place_soft
from glm_core.pvp import Cloze
from glm_core.tokens.row import Row, Span, build_row, join
from glm_core.tokens.shorten import Stretch, shorten
from glm_core.tokens.tokenizer import Encoded, Tokenizer

_SPECIAL_OF = {"[MASK]": "mask", "[sMASK]": "sentence_mask", "[gMASK]": "document_mask"}
ALL_MASKS = frozenset(_SPECIAL_OF)

Goal = tuple[tuple[int, ...], ...]  # the target ids of one answer, one tuple per blank that it fills


@dataclass(frozen=True, eq=False)
class Instance:
    """An encoded cloze.

    words: ids of one-token answers, read off together at [sop]; None where each answer is a branch.
    labels: one per answer. gold: index into `label_names`, None where unknown.
    cut: tokens cut, by field. asks_greedy: the choice depends on what greedy writing would give (`Cloze.otherwise`).
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
    asks_greedy: bool = False

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
    masks: frozenset[str] = ALL_MASKS,
    soft_tokens: int = 0,
    soft_prefix: int = 0,
) -> Instance:
    """A cloze as ids and positions. `max_length` holds Part A and its longest answer.

    masks: those the model was trained on; any other becomes [MASK].
    Where the text differs per answer, each text has the whole length for itself and its own answer, and the row holds them
    side by side as segments. What is `given` loses its first tokens where nothing else is left to be cut.
    Raises TemplateError when fixed words alone do not fit; the message names pattern, length and uid.
    """
    goals, words = _answers(cloze, tokenizer)
    given = _encode(cloze.given, cloze, tokenizer).ids if cloze.given else []
    shares = [(cloze.parts, goals)]
    if cloze.texts:
        shares = [(parts, [goal]) for parts, goal in zip(cloze.texts, goals, strict=True)]
    rows: list[Row] = []
    cut: Counter[str] = Counter()
    for number, (parts, own) in enumerate(shares, 1):
        part_a = _PartA(cloze, parts, tokenizer, masks, soft_tokens, soft_prefix)
        longest = max((sum(map(len, goal)) for goal in own), default=0) if words is None else 0
        lost = min(len(given), max(0, part_a.fixed + len(given) + longest - max_length))
        laid = part_a.fit(max_length - max(len(given) - lost + longest, 1), max_length)
        branches = [[Span(laid.blanks[0], ())]] if words is not None or not own else []
        for goal in own if words is None else ():
            branches.append(_spans(cloze, laid.blanks, goal, given[lost:]))
        rows.append(build_row(laid.ids, branches, sop=tokenizer.special.sop, first_branch=number))
        cut.update(laid.cut)
        if lost:
            cut["given"] += lost
    return Instance(
        uid=cloze.uid,
        row=rows[0] if len(rows) == 1 else join(rows),
        words=words,
        answers=tuple(" … ".join(one) if isinstance(one, tuple) else one for one in cloze.answers),
        labels=cloze.labels,
        gold=None if cloze.gold is None else cloze.label_names.index(cloze.gold),
        soft_gold=cloze.soft_gold,
        combine=cloze.combine,
        cut=dict(cut),
        asks_greedy=cloze.otherwise is not None,
    )


def lay_out(
    cloze: Cloze,
    tokenizer: Tokenizer,
    *,
    room: int,
    max_length: int,
    masks: frozenset[str] = ALL_MASKS,
    soft_tokens: int = 0,
    soft_prefix: int = 0,
) -> Laid:
    """Part A in at most `room` tokens, [CLS] and [EOS] included. `max_length` is named where it does not fit."""
    return _PartA(cloze, cloze.parts, tokenizer, masks, soft_tokens, soft_prefix).fit(room, max_length)


def encode_segments(
    segments: Sequence[str | Sequence[str]],
    tokenizer: Tokenizer,
    *,
    max_length: int,
    uid: str = "",
    specials: Sequence[str] = (),
) -> tuple[tuple[int, ...], int]:
    """`[CLS] first [SEP] second [EOS]` for a classifier, and how many tokens were cut from its end.

    A segment is a text, or several that are tokenized one by one and joined. No part is spared when it is too long: the
    whole is cut at `max_length - 1`, as the original does (SUPERGLUE 4).
    """
    if not segments:
        raise UsageError(f"example {uid} has no text to classify")
    special = tokenizer.special
    ids = [special.cls]
    for index, segment in enumerate(segments):
        if index:
            ids.append(special.sep)
        for text in (segment,) if isinstance(segment, str) else segment:
            ids += tokenizer.encode(text, specials=specials).ids
    lost = max(0, len(ids) - (max_length - 1))
    return (*ids[: max_length - 1], special.eos), lost


class _PartA:
    """The tokens of a text before anything is cut; `fit` cuts what a length asks for.

    fixed: how many of them are never cut, [CLS] and [EOS] included.
    """

    def __init__(
        self,
        cloze: Cloze,
        parts: tuple[Part, ...],
        tokenizer: Tokenizer,
        masks: frozenset[str],
        soft_tokens: int,
        soft_prefix: int,
    ) -> None:
        if soft_tokens or soft_prefix:
            try:
                parts = place_soft(parts, tokens=soft_tokens, prefix=soft_prefix)
            except ValueError as error:
                raise TemplateError(f"pattern '{cloze.pattern}': {error}") from error
        self.cloze = cloze
        self.parts = parts
        self.special = tokenizer.special
        self.pieces: list[Encoded] = []  # one per part; marks have no place in a text
        self.may_lose: dict[int, Stretch] = {}  # by index of the part
        ends_in_document_blank = bool(parts) and parts[-1] == Blank("[gMASK]")
        self.eos = cloze.edges.eos == "always" or (cloze.edges.eos == "auto" and not ends_in_document_blank)
        self.fixed = 1 + self.eos
        segment = n_soft = 0
        for index, one in enumerate(parts):
            if isinstance(one, Text):
                if one.cut is None:
                    piece = _fixed_words(one.text, cloze, tokenizer)
                else:
                    piece = _encode(one.text, cloze, tokenizer)
                    lost = 0 if one.max is None else max(0, len(piece.ids) - one.max)
                    self.may_lose[index] = Stretch(len(piece.ids), segment, one.cut, one.priority, lost)
            elif isinstance(one, Blank):
                piece = Encoded([mask_id(one, tokenizer, masks)])
            elif isinstance(one, Soft):
                piece = Encoded(list(range(-n_soft - 1, -n_soft - one.n - 1, -1)))
                n_soft += one.n
            else:
                piece = Encoded()
                segment = 1
            self.pieces.append(piece)
            if index not in self.may_lose:
                self.fixed += len(piece.ids)

    def fit(self, room: int, max_length: int) -> Laid:
        """At most `room` tokens. Raises TemplateError when fixed words alone are more."""
        cloze = self.cloze
        over = self.fixed + sum(one.left for one in self.may_lose.values()) - room
        if over > 0 and not shorten(tuple(self.may_lose.values()), over):
            raise TemplateError(
                f"pattern '{cloze.pattern}' does not fit example {cloze.uid}: its fixed words and marks take {self.fixed} "
                f"tokens, {max(room, 0)} of --max-length {max_length} are left beside the answer; raise --max-length or "
                "shorten it"
            )
        ids = [self.special.cls]
        source = [-1]
        blanks: list[int] = []
        kept: list[str] = []
        cut: Counter[str] = Counter()
        for index, (one, piece) in enumerate(zip(self.parts, self.pieces, strict=True)):
            tokens: Sequence[int] = piece.ids
            text = one.text if isinstance(one, Text) else ""
            stretch = self.may_lose.get(index)
            if stretch is not None and stretch.lost:
                assert isinstance(one, Text)
                cut[one.field or "text"] += stretch.lost
                tokens = [token for start, end in stretch.kept() for token in piece.ids[start:end]]
                text = _kept_text(text, piece, stretch)
            elif isinstance(one, Blank):
                blanks.append(len(ids))
            ids += tokens
            source += [index] * len(tokens)
            kept.append(text)
        if self.eos:
            ids.append(self.special.eos)
            source.append(-1)
        if cloze.edges.pad_to is not None:
            missing = max(0, cloze.edges.pad_to - len(ids))
            ids += [self.special.pad] * missing
            source += [-1] * missing
        if not blanks:
            raise TemplateError(f"pattern '{cloze.pattern}' gave no blank for example {cloze.uid}; write [MASK]")
        return Laid(tuple(ids), tuple(source), self.parts, tuple(kept), tuple(blanks), dict(cut))


def _answers(cloze: Cloze, tokenizer: Tokenizer) -> tuple[list[Goal], tuple[int, ...] | None]:
    """Target ids of every answer, and the word ids where they are read off together at [sop]."""
    look_up = _fixed_words if cloze.fixed_words else _encode
    goals: list[Goal] = []
    for answer in cloze.answers:
        fillings = answer if isinstance(answer, tuple) else (answer,)
        goal = tuple(tuple(look_up(one, cloze, tokenizer).ids) for one in fillings)
        if not all(goal):
            raise TemplateError(
                f"pattern '{cloze.pattern}': answer {answer!r} of example {cloze.uid} has no tokens in this vocabulary"
            )
        goals.append(goal)
    if cloze.texts and len(cloze.texts) != len(goals):
        raise TemplateError(
            f"pattern '{cloze.pattern}': example {cloze.uid} has {len(cloze.texts)} texts for {len(goals)} answers"
        )
    if cloze.fixed_words and goals and cloze.edges.end != "eop" and not cloze.given and not cloze.texts:
        words = tuple(goal[0][0] for goal in goals if len(goal) == 1 and len(goal[0]) == 1)
        if len(words) == len(goals):
            return goals, words
    if cloze.edges.end != "none":
        eop = tokenizer.special.eop
        goals = [tuple((*ids, eop) for ids in goal) for goal in goals]
    return goals, None


def _spans(cloze: Cloze, blanks: Sequence[int], goal: Goal, given: Sequence[int]) -> list[Span]:
    """One span per blank that the answer fills; what is given stands at the start of the first."""
    if len(goal) > len(blanks):
        raise TemplateError(f"pattern '{cloze.pattern}': {cloze.uid} has {len(goal)} fillings for {len(blanks)} blanks")
    spans = [Span(blank, ids) for blank, ids in zip(blanks, goal, strict=False)]
    if given:
        spans[0] = Span(spans[0].blank, (*given, *spans[0].goal), len(given))
    return spans


# Words that a pattern repeats in every example, so that they are tokenized once; emptied when it grows past its limit.
_FIXED_WORDS: WeakKeyDictionary[Tokenizer, dict[tuple[str, tuple[str, ...]], Encoded]] = WeakKeyDictionary()
_FIXED_WORDS_LIMIT = 4096


def _fixed_words(text: str, cloze: Cloze, tokenizer: Tokenizer) -> Encoded:
    known = _FIXED_WORDS.setdefault(tokenizer, {})
    found = known.get((text, cloze.specials))
    if found is None:
        if len(known) >= _FIXED_WORDS_LIMIT:
            known.clear()
        found = known[text, cloze.specials] = _encode(text, cloze, tokenizer)
    return found


def _encode(text: str, cloze: Cloze, tokenizer: Tokenizer) -> Encoded:
    return tokenizer.encode(text, specials=cloze.specials)


def mask_id(blank: Blank, tokenizer: Tokenizer, masks: frozenset[str]) -> int:
    """The id of a blank; one that the model was not trained on is [MASK]."""
    found = getattr(tokenizer.special, _SPECIAL_OF[blank.mask]) if blank.mask in masks else None
    return tokenizer.special.mask if found is None else found


def _kept_text(text: str, piece: Encoded, stretch: Stretch) -> str:
    """What is left of a text, joined by an ellipsis where the middle is gone. Its own ends stay as they are."""
    kept = []
    for start, end in stretch.kept():
        if start < end:
            first = piece.offsets[start][0] if start else 0
            last = piece.offsets[end - 1][1] if end < len(piece.ids) else len(text)
            kept.append(text[first:last])
    return "…".join(kept)
