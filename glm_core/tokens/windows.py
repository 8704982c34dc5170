"""A text that is longer than the model: overlapping windows, each of its tokens weighed once.

    tokens     t0 t1 t2 t3 t4 t5 t6 t7 t8 t9      width 5, overlap 2
    window 0   .  w  w  w  w                      . is read, w is weighed
    window 1            .  .  w  w  w
    window 2                     .  .  w  w

`bi`: what is read stands in Part A, `[CLS] t3 t4 [MASK]`, where all of it sees all of it; what is weighed is the answer.
`uni`: Part A holds the first token alone, `[CLS] t3 [MASK]`; the others that are read begin the answer and are given.
The very first token of a text is never weighed: nothing stands before it. Source: SEQ2SEQ_LM 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from glm_core.errors import UsageError
from glm_core.parts import Blank, Border, Text
from glm_core.pvp import Cloze
from glm_core.tokens.encode import ALL_MASKS, Instance, mask_id
from glm_core.tokens.row import Row, Span, build_row
from glm_core.tokens.tokenizer import Tokenizer

Direction = Literal["bi", "uni"]


class Window(NamedTuple):
    """The tokens from `start` to `end` of a text; the first `read` of them are not weighed."""

    start: int
    end: int
    read: int


def windows(n_tokens: int, *, width: int, overlap: int, read: int = 1) -> list[Window]:
    """Windows over a text whose first `read` tokens are only read: every other token is weighed in exactly one.

    width: tokens of a window. overlap: those that it shares with the one before, from 0 to below `width`.
    Windows without a token to weigh are left out. Raises ValueError for an overlap that does not fit.
    """
    if not 0 <= overlap < width:
        raise ValueError(f"windows of {width} tokens cannot overlap by {overlap}")
    found = []
    start = 0
    while True:
        end = min(start + width, n_tokens)
        first = max(start + overlap if start else 0, read)  # the first token that is weighed here
        if first < end:
            found.append(Window(start, end, first - start))
        if end == n_tokens:
            return found
        start += width - overlap


def overlap_tokens(overlap: float, width: int) -> int:
    """What the option `--overlap` means for windows of this width: a share below 1, from 1 on a number of tokens.

    Raises UsageError where that leaves no token to weigh.
    """
    tokens = int(overlap * width) if overlap < 1 else int(overlap)
    if tokens >= width:
        raise UsageError(
            f"--overlap {tokens} leaves nothing to weigh: a row holds {width} tokens of text (see --max-length)"
        )
    return tokens


def window_row(
    tokens: Sequence[int], read: int, *, cls: int, mask: int, sop: int, eos: int | None, direction: Direction
) -> Row:
    """The row of one window. eos: the token that closes Part A, if any.

    Raises ValueError where nothing is left to be weighed.
    """
    if not 0 <= read < len(tokens):
        raise ValueError(f"{read} of {len(tokens)} tokens are read, none is weighed")
    n_head = read if direction == "bi" else min(read, 1)
    part_a = [cls, *tokens[:n_head], mask, *(() if eos is None else (eos,))]
    return build_row(part_a, [[Span(n_head + 1, tokens[n_head:], read - n_head)]], sop=sop)


def encode_windows(
    cloze: Cloze,
    tokenizer: Tokenizer,
    *,
    max_length: int,
    overlap: float = 0.5,
    direction: Direction = "bi",
    masks: frozenset[str] = ALL_MASKS,
) -> list[Instance]:
    """The rows that weigh the answer of a cloze whose blank stands at its end; together they weigh each token once.

    The text before the blank is read, never weighed. A pattern that is nothing but a blank reads a whole text, of which
    the first token is not weighed. An answer that fits into one row has one, and what is read loses its first tokens
    where that row is too long; a longer answer has several. None where there is nothing to weigh.
    max_length: tokens of a row, marks included. masks: those the model was trained on; any other becomes [MASK].

    Raises UsageError for a pattern of another form, or an overlap that does not fit.
    """
    context, blank = _before_the_blank(cloze, tokenizer)
    goal = tokenizer.encode(str(cloze.answers[0]), specials=cloze.specials).ids
    if cloze.edges.end == "eop":
        goal = [*goal, tokenizer.special.eop]
    tokens = [*context, *goal]
    eos = cloze.edges.eos == "always" or (cloze.edges.eos == "auto" and blank.mask != "[gMASK]")
    width = max_length - 2 - eos  # beside [CLS], the mask and [EOS]; [sop] takes the place of the last target
    if width < 2:
        raise UsageError(f"--max-length {max_length} leaves no room for a text beside the marks; raise it")
    cut = {}
    if context and len(goal) < width < len(tokens):  # one row is enough: it begins later
        lost = len(tokens) - width
        cut = {_field(cloze): lost}
        tokens, context = tokens[lost:], context[lost:]
    read = max(len(context), 1)
    shared = overlap_tokens(overlap, width) if len(tokens) > width else 0
    special = tokenizer.special
    rows = [
        window_row(
            tokens[one.start : one.end],
            one.read,
            cls=special.cls,
            mask=mask_id(blank, tokenizer, masks),
            sop=special.sop,
            eos=special.eos if eos else None,
            direction=direction,
        )
        for one in windows(len(tokens), width=width, overlap=shared, read=read)
    ]
    return [
        Instance(
            uid=cloze.uid,
            row=row,
            words=None,
            answers=tuple(map(str, cloze.answers)),
            labels=cloze.labels,
            gold=0,
            cut={} if number else cut,
            asks_greedy=True,
        )
        for number, row in enumerate(rows)
    ]


def _before_the_blank(cloze: Cloze, tokenizer: Tokenizer) -> tuple[list[int], Blank]:
    """The tokens that stand before the one blank of a cloze, and the blank."""
    *before, last = [one for one in cloze.parts if not isinstance(one, Border)] or [Text("")]
    if not isinstance(last, Blank) or not all(isinstance(one, Text) for one in before) or len(cloze.answers) != 1:
        raise UsageError(
            f"pattern '{cloze.pattern}': what is read in windows or from left to right is words, then the one blank, with "
            "one answer; this one has something else or something behind it"
        )
    texts = [one.text for one in before if isinstance(one, Text)]
    return [id for text in texts for id in tokenizer.encode(text, specials=cloze.specials).ids], last


def _field(cloze: Cloze) -> str:
    return next((one.field for one in cloze.parts if isinstance(one, Text) and one.field), "text")
