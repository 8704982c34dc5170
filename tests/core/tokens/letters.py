"""A tokenizer to check with a pencil: every ASCII character is a token, its id its code."""

from __future__ import annotations

from collections.abc import Sequence

from glm_core.tokens import Encoded, Tokenizer
from glm_core.tokens.special import STRINGS, SpecialToken

CLS, EOS, SOP, EOP, MASK, UNK, SEP, SENTENCE, DOCUMENT = range(128, 137)
_IDS = {
    "cls": CLS,
    "eos": EOS,
    "pad": EOS,
    "sop": SOP,
    "eop": EOP,
    "mask": MASK,
    "unk": UNK,
    "sep": SEP,
    "sentence_mask": SENTENCE,
    "document_mask": DOCUMENT,
}


class Letters(Tokenizer):
    """`asked` lists the texts that it was given to encode."""

    def __init__(self) -> None:
        table = [SpecialToken(name, STRINGS[name], id, name.endswith("mask")) for name, id in _IDS.items()]
        super().__init__(kind="letters", table=table, n_text_tokens=128, vocabulary_digest="letters")
        self.asked: list[str] = []

    def _encode_plain(self, text: str) -> Encoded:
        self.asked.append(text)
        return Encoded([ord(one) for one in text], [(at, at + 1) for at in range(len(text))])

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.token(id) for id in ids)

    def _piece(self, id: int) -> str:
        return chr(id)


def letters(text: str) -> list[int]:
    """Its ids by hand: `letters("ab") == [97, 98]`."""
    return [ord(one) for one in text]
