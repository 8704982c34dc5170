"""From written ids to text: put into the places of the blanks, told as it grows, cut before a stop text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from glm_core.backbone import Chunk, Filled
from glm_core.parts import Blank, Text
from glm_core.tokens.encode import Laid
from glm_core.tokens.tokenizer import Tokenizer

_HALF = "\ufffd"  # what decoding shows for the first bytes of a character
_OPENING = "([{“‘-/$#@"  # after these no space
_CLOSING = ".,;:!?)]}%”’"  # before these no space


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Up to the first stop text that it holds."""
    places = [at for at in map(text.find, stops) if at >= 0]
    return text[: min(places)] if places else text


def settled(text: str, stops: Sequence[str]) -> str:
    """The beginning that stays as it is whatever is written next: no half character, no beginning of a stop text."""
    text = cut_at_stop(text, stops).rstrip(_HALF)
    begun = (n for one in stops for n in range(len(one) - 1, 0, -1) if text.endswith(one[:n]))
    held = max(begun, default=0)
    return text[: len(text) - held]


def fixed_texts(laid: Laid, given: str = "") -> list[str]:
    """What stands before each blank, and behind the last one, as it was kept. Marks and padding have no text."""
    found = [""]
    for part, kept in zip(laid.parts, laid.kept, strict=True):
        if isinstance(part, Blank):
            found.append("")
        elif isinstance(part, Text):
            found[-1] += kept
    found[0] += given
    return found


def joined(before: str, ids: Sequence[int], text: str, tokenizer: Tokenizer) -> str:
    """The text of these ids as it follows `before`.

    Vocabularies whose tokens carry the space before a word are taken at their word, but for Chinese, where a text begins
    as if after a space. WordPiece knows no spaces, so one is put where English has one.
    """
    if not text or not before:
        return text
    if tokenizer.kind == "bert-wordpiece":
        if text.startswith("##"):
            return text[2:]
        return " " + text if _has_space_between(before[-1], text[0]) else text
    carries = tokenizer.token(ids[0]).startswith("▁")
    return " " + text if carries and not _is_open(before[-1], text[0]) else text


def _has_space_between(left: str, right: str) -> bool:
    return not (_is_open(left, right) or left in _OPENING or right in _CLOSING)


def _is_open(left: str, right: str) -> bool:
    """Whether no space is wanting: there is one, or a Chinese character."""
    return left.isspace() or right.isspace() or any(unicodedata.east_asian_width(one) in "WF" for one in (left, right))


class Transcript:
    """One text whose blanks are being written. `told` gets every piece as soon as it is certain; all pieces together are
    the whole text.
    """

    def __init__(
        self,
        number: int,
        fixed: Sequence[str],
        tokenizer: Tokenizer,
        stops: Sequence[str] = (),
        told: Callable[[Chunk], None] | None = None,
        spelled: Mapping[tuple[int, ...], str] | None = None,
    ) -> None:
        """fixed: what stands before each blank, and behind the last one.

        spelled: candidates by their ids, as they are to be shown; a blank is told when it is whole then.
        """
        self.number = number
        self.fixed = fixed
        self.tokenizer = tokenizer
        self.stops = stops
        self.told = told
        self.spelled = spelled
        self.text = ""
        self.texts: list[str] = []
        self._started = False  # whether the words before the next blank were told
        self._now = ""  # of the blank that is being written

    def hear(self, blank: int, ids: Sequence[int], over: bool) -> None:
        """All ids of a blank so far. Blanks come in order."""
        self._begin()
        if self.spelled is not None and not over:
            return
        text = self._text(ids, self.text[: len(self.text) - len(self._now)], over)
        if text.startswith(self._now):
            self._tell(text[len(self._now) :], blank)
            self._now = text
        if over:
            self.texts.append(self._now.strip())
            self._now = ""
            self._started = False

    def close(self, pieces: Sequence[Sequence[int]], ended: Sequence[bool]) -> Filled:
        """What is still missing, then the whole."""
        for blank in range(len(self.texts), len(pieces)):
            self.hear(blank, pieces[blank], True)
        self._begin()
        return Filled(tuple(self.texts), self.text, tuple(ended), tuple(map(tuple, pieces)))

    def _text(self, ids: Sequence[int], before: str, over: bool) -> str:
        known = None if self.spelled is None else self.spelled.get(tuple(ids))
        if known is not None:
            return known if self.tokenizer.kind != "bert-wordpiece" else joined(before, ids, known, self.tokenizer)
        text = self.tokenizer.decode(ids) if ids else ""
        text = cut_at_stop(text, self.stops) if over else settled(text, self.stops)
        return joined(before, ids, text, self.tokenizer)

    def _begin(self) -> None:
        if not self._started:
            self._started = True
            self._tell(self.fixed[len(self.texts)], None)

    def _tell(self, text: str, blank: int | None) -> None:
        self.text += text
        if text and self.told is not None:
            self.told(Chunk(self.number, blank, text))
