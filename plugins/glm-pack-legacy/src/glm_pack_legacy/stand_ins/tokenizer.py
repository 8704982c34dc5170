"""A tokenizer for code that asks one: words are its tokens, and what it encodes it decodes again to the letter.

Special tokens are characters that no data hold (a private plane of Unicode), so that a blank is never taken for text nor
text for a blank. It answers to the names of `transformers` and to those of GLM's own tokenizers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLANE = 0xF0000
_NAMES = ("MASK", "sMASK", "gMASK", "ENC", "sop", "eop", "sep", "pad", "eos", "unk", "bos", "dBLOCK")
SPECIAL: Mapping[str, str] = {name: chr(_PLANE + index) for index, name in enumerate(_NAMES)}
"""Each special token, as GLM calls it, and the character that stands for it."""

NAME_OF: Mapping[str, str] = {character: name for name, character in SPECIAL.items()}
BLANKS: Mapping[str, str] = {SPECIAL[name]: f"[{name}]" for name in ("MASK", "sMASK", "gMASK")}
"""The characters that are blanks, and how we write these."""

_ALSO = {"cls": "ENC", "mask": "MASK", "sop": "sop", "eop": "eop"}  # names in other spellings
_PIECES = re.compile(
    f"[{chr(_PLANE)}-{chr(_PLANE + len(_NAMES) - 1)}]|\\s*[^\\s{chr(_PLANE)}-{chr(_PLANE + 255)}]+|\\s+"
)


@dataclass(frozen=True)
class Command:
    """A special token as GLM's tokenizers hand it out."""

    name: str
    Id: int
    token: str


class Tokenization(list[int]):
    """Ids as GLM's `EncodeAsIds` returns them."""

    @property
    def tokenization(self) -> list[int]:
        return list(self)


class StandInTokenizer:
    """Words with the whitespace before them are tokens, numbered as they come."""

    mask_token, mask_token_id = SPECIAL["MASK"], _PLANE
    cls_token, cls_token_id = SPECIAL["ENC"], ord(SPECIAL["ENC"])
    sep_token, sep_token_id = SPECIAL["sep"], ord(SPECIAL["sep"])
    pad_token, pad_token_id = SPECIAL["pad"], ord(SPECIAL["pad"])
    eos_token, eos_token_id = SPECIAL["eos"], ord(SPECIAL["eos"])
    bos_token, bos_token_id = SPECIAL["bos"], ord(SPECIAL["bos"])
    unk_token, unk_token_id = SPECIAL["unk"], ord(SPECIAL["unk"])
    vocab_size = num_tokens = _PLANE + len(_NAMES)

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._words: list[str] = []

    def tokenize(self, text: str, **options: Any) -> list[str]:
        """The words of a text, each with the whitespace before it."""
        return _PIECES.findall(text)

    def encode(self, text: str, **options: Any) -> list[int]:
        """The ids of a text; no special token is added."""
        return [self._id(piece) for piece in self.tokenize(text)]

    def decode(self, ids: int | Iterable[int], **options: Any) -> str:
        """The text of these ids."""
        return "".join(self._word(int(id)) for id in ([ids] if isinstance(ids, int) else ids))

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        return self._id(tokens) if isinstance(tokens, str) else [self._id(one) for one in tokens]

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> str | list[str]:
        return self._word(ids) if isinstance(ids, int) else [self._word(one) for one in ids]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        ids = self.encode(text)
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}

    def __len__(self) -> int:
        return self.vocab_size

    # ---- as GLM spells it

    def EncodeAsIds(self, text: str, process_fn: Any = None) -> Tokenization:
        return Tokenization(self.encode(text if process_fn is None else process_fn(text)))

    def EncodeAsTokens(self, text: str, process_fn: Any = None) -> list[str]:
        return self.tokenize(text if process_fn is None else process_fn(text))

    def DecodeIds(self, ids: Sequence[int]) -> str:
        return self.decode(ids)

    def DecodeTokens(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)

    def IdToToken(self, id: int) -> str:
        return self._word(id)

    def TokenToId(self, token: str) -> int:
        return self._id(token)

    def get_command(self, name: str) -> Command:
        known = _ALSO.get(name.lower(), name)
        if known not in SPECIAL:
            raise KeyError(f"no special token '{name}' here (there are {', '.join(SPECIAL)})")
        return Command(name, ord(SPECIAL[known]), SPECIAL[known])

    # ---- inside

    def _id(self, piece: str) -> int:
        if piece in NAME_OF:
            return ord(piece)
        if piece not in self._ids:
            self._ids[piece] = len(self._words)
            self._words.append(piece)
        return self._ids[piece]

    def _word(self, id: int) -> str:
        if chr(id) in NAME_OF:
            return chr(id)
        if not 0 <= id < len(self._words):
            raise ValueError(f"id {id} stands for nothing here: ids come from this tokenizer's own encode()")
        return self._words[id]
