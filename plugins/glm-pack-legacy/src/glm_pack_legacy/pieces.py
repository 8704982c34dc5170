"""What `get_parts` returns, read as our parts: texts, blanks, soft places, the border between the two segments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from glm_core import SPLIT, Part, Text
from glm_core.parts import Blank, Border, Soft
from glm_pack_legacy.errors import NotPorted
from glm_pack_legacy.stand_ins.tokenizer import BLANKS, NAME_OF, StandInTokenizer

Spaces = Literal["each-part", "as-written"]

_SPECIAL = re.compile(f"([{re.escape(''.join(NAME_OF))}])")


@dataclass(frozen=True)
class Piece:
    """One of our parts, and the number of the original's part that it comes from."""

    part: Part
    source: int


def read_parts(made: Any, tokenizer: StandInTokenizer) -> list[Piece]:
    """PET's `(a, b)`, P-tuning's `(a, b, flags_a, flags_b)`, GLM's with `None` and ids among them.

    Several masks in a row are one blank: PET writes one per token of the answer. Texts without a character stay, so that
    the same pattern gives as many pieces for every example. Raises NotPorted for what is none of these, and unless
    there is exactly one blank.
    """
    sides = _sides(made)
    pieces: list[Piece] = []
    source = 0
    for number, (parts, flags) in enumerate(sides):
        if number and parts:
            pieces.append(Piece(SPLIT, source))
        for one, flag in zip(parts, flags, strict=True):
            pieces += [Piece(part, source) for part in _read(one, bool(flag), source, tokenizer)]
            source += 1
    pieces = _joined_blanks(pieces)
    n_blanks = sum(isinstance(one.part, Blank) for one in pieces)
    if n_blanks == 0:
        written = re.search(r"\[MASK\]|<mask>", "".join(_shown(one.part) for one in pieces))
        hint = f": '{written[0]}' is plain text, use self.mask" if written else ": self.mask is not among its parts"
        raise NotPorted(f"get_parts gave no mask{hint}")
    if n_blanks > 1:
        raise NotPorted(f"get_parts gave {n_blanks} masks with something between them; a cloze has one blank")
    return pieces


def spaced(pieces: Sequence[Piece], spaces: Spaces) -> list[Part]:
    """The parts with the spaces that a tokenizer would have read between them.

    as-written: none but those in the texts, as GLM. each-part: one before each part but the first, as PET's RoBERTa
    (add_prefix_space) and ALBERT see it; words that have it already get no second one, at either end.
    The space before the blank is a text of its own.
    """
    if spaces == "as-written":
        return [one.part for one in pieces]
    made: list[Part] = []
    before: tuple[int, int] | None = None  # index in `made` of the last thing to be seen, and its source
    for piece in pieces:
        part = piece.part
        if isinstance(part, Border | Soft) or (isinstance(part, Text) and not part.text):
            made.append(part)
            continue
        if before is not None and before[1] != piece.source:
            last = made[before[0]]
            if isinstance(last, Text) and last.cut is None:
                made[before[0]] = replace(last, text=last.text.rstrip(" ") or last.text)
            if isinstance(part, Blank):
                made.append(Text(" "))
            elif part.cut is not None or not part.text[0].isspace():
                part = replace(part, text=f" {part.text}")
        elif isinstance(part, Blank):
            made.append(Text(""))
        before = (len(made), piece.source)
        made.append(part)
    return made


def _sides(made: Any) -> list[tuple[Sequence[Any], Sequence[Any]]]:
    if isinstance(made, tuple) and len(made) == 4:  # P-tuning: flags of what becomes soft
        parts, flags = made[:2], made[2:]
    elif isinstance(made, tuple) and len(made) == 2:
        parts, flags = made, (None, None)
    elif isinstance(made, list):
        parts, flags = (made, []), (None, None)
    else:
        what = "nothing" if made is None else type(made).__name__
        raise NotPorted(f"get_parts gave {what}, wants two lists of parts")
    sides: list[tuple[Sequence[Any], Sequence[Any]]] = []
    for side, own in zip(parts, flags, strict=True):
        side = [] if side is None else side
        if not isinstance(side, (list, tuple)) or isinstance(side, str):
            raise NotPorted(f"get_parts gave {type(side).__name__} for a list of parts")
        if own and len(own) != len(side):
            raise NotPorted(f"get_parts gave {len(side)} parts and {len(own)} flags; there is one for each")
        sides.append((side, own or [0] * len(side)))
    return sides


def _read(one: Any, is_soft: bool, number: int, tokenizer: StandInTokenizer) -> list[Part]:
    """The parts of one of the original's parts."""
    cut = False
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], (bool, int)):
        one, cut = one[0], bool(one[1])
    if one is None:
        return [Soft()]
    if isinstance(one, int) and not isinstance(one, bool):
        if chr(one) not in NAME_OF:  # GLM once wrote how many soft tokens stand here
            return [Soft(one) if one else Text("")]
        one = [one]
    if isinstance(one, list) and all(isinstance(id, int) for id in one):
        try:
            one = tokenizer.decode(one)
        except ValueError as error:
            raise NotPorted(f"part {number} of get_parts: {error}") from error
    if not isinstance(one, str):
        raise NotPorted(f"part {number} of get_parts is of type {type(one).__name__}, wants a text, a mask or None")
    if is_soft:
        return [Soft(max(1, len(one.split())), one.strip())]
    return [_part(text, cut) for text in _SPECIAL.split(one)]


def _part(text: str, cut: bool) -> Part:
    if text in BLANKS:
        return Blank(BLANKS[text])
    if text in NAME_OF:
        raise NotPorted(f"get_parts put the special token '{NAME_OF[text]}' into the text; only masks stand there")
    return Text(text, "tail" if cut else None)


def _joined_blanks(pieces: Sequence[Piece]) -> list[Piece]:
    """Masks with nothing but spaces between them become one."""
    joined: list[Piece] = []
    blank: int | None = None
    for piece in pieces:
        if isinstance(piece.part, Blank):
            between = [] if blank is None else joined[blank + 1 :]
            if blank is not None and all(isinstance(one.part, Text) and not one.part.text.strip() for one in between):
                del joined[blank + 1 :]
                continue
            blank = len(joined)
        joined.append(piece)
    return _without_edges(joined)


def _without_edges(pieces: Sequence[Piece]) -> list[Piece]:
    """Without the empty texts that a mask inside a text leaves on either side of it."""
    kept: list[Piece] = []
    for _, same in groupby(pieces, key=lambda one: one.source):
        group = list(same)
        has_blank = any(isinstance(one.part, Blank) for one in group)
        kept += [one for one in group if not (has_blank and isinstance(one.part, Text) and not one.part.text)]
    return kept


def _shown(part: Part) -> str:
    return part.text if isinstance(part, Text) else ""
