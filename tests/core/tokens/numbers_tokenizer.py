"""A tokenizer whose text is its ids, so that a test can write a corpus of the tokens it wants."""

from __future__ import annotations

from collections.abc import Sequence

from glm_core.tokens import SpecialTokens
from glm_core.tokens.special import SpecialToken
from glm_core.tokens.tokenizer import Encoded, Tokenizer

N_TEXT = 1000
NAMES = ("eos", "pad", "cls", "sop", "eop", "mask", "sentence_mask", "document_mask", "decoder_block", "unk", "sep")


class Numbers(Tokenizer):
    """ "12 7 30" is 12, 7, 30. Every tenth id ends a sentence. Special tokens follow the text tokens: eos, pad, cls, …"""

    def __init__(self, n_text: int = N_TEXT, *, masks: bool = True, sentinels: int = 0) -> None:
        names = [name for name in NAMES if masks or name not in ("sentence_mask", "document_mask", "decoder_block")]
        table = [SpecialToken(name, f"<{name}>", n_text + i) for i, name in enumerate(names)]
        for i in range(1, sentinels + 1):
            table.append(SpecialToken(f"mask{i}", f"<mask{i}>", table[-1].id + 1))
            table.append(SpecialToken(f"sop{i}", f"<sop{i}>", table[-1].id + 1))
        super().__init__(kind="numbers", table=table, n_text_tokens=n_text, vocabulary_digest="numbers")

    def _encode_plain(self, text: str) -> Encoded:
        ids = [int(word) for word in text.split()]
        return Encoded(ids, [(0, 0)] * len(ids))

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))

    def _piece(self, id: int) -> str:
        return f"{id}." if id % 10 == 0 else str(id)


TOKENIZER = Numbers()
SPECIAL: SpecialTokens = TOKENIZER.special
EOS, CLS, SOP, EOP, MASK = SPECIAL.eos, SPECIAL.cls, SPECIAL.sop, SPECIAL.eop, SPECIAL.mask
ENDS = bytes(int(id < N_TEXT and id % 10 == 0) for id in range(TOKENIZER.n_tokens))
