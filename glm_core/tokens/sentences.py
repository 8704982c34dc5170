"""Where sentences end, told by single tokens.

As in the original (`contains_sentence_end` of `data_utils/datasets.py` and `blocklm_utils.py`), a token ends a sentence
where its piece contains one of a few marks: `2.5` and `..."` do, and a newline of a byte-level BPE does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glm_core.tokens.libraries import ByteLevelBPE
from glm_core.tokens.tokenizer import Tokenizer

_PACKING = re.compile(r"[.?!;:\n]")
_OBJECTIVE = re.compile(r"[.?!;:\n。？！；…]")
_ASCII = re.compile(r"[.?!;:]")


@dataclass(frozen=True)
class SentenceEnds:
    """Two tables by id, 1 where the token ends a sentence: `packing` for cutting documents, `objective` for blanks.

    They differ in the marks of Chinese, which the original forgot when cutting.
    """

    packing: bytes  # (n_tokens,)
    objective: bytes  # (n_tokens,)


def sentence_ends(tokenizer: Tokenizer) -> SentenceEnds:
    """The tables of a vocabulary; special tokens end nothing. Takes some tenths of a second for 50,000 pieces."""
    packing, objective = bytearray(tokenizer.n_tokens), bytearray(tokenizer.n_tokens)
    # the original looks at raw pieces, in which the bytes of every character that is not ASCII have other names
    byte_level = isinstance(tokenizer, ByteLevelBPE)
    for id in range(tokenizer.n_text_tokens):
        piece = tokenizer.token(id)
        if _OBJECTIVE.search(piece) is None:
            continue
        packing[id] = (_ASCII if byte_level else _PACKING).search(piece) is not None
        objective[id] = not byte_level or bool(packing[id])
    return SentenceEnds(bytes(packing), bytes(objective))
