"""Thin layers over `tokenizers` (WordPiece, byte-level BPE) and `sentencepiece`.

Each gives the ids of THUDM/GLM's own tokenizers (the tests compare twenty thousand real strings) and exact places in
the text. For BERT this holds for text, not for every code point of Unicode: the original goes by Python's tables, the
library by its own. The libraries are imported by the constructor that needs one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from glm_core.tokens.special import TokenizerOptions, special_table
from glm_core.tokens.tokenizer import Encoded, Tokenizer

_SPACE = "▁"


class WordPiece(Tokenizer):
    """BERT's vocabulary: words split greedily, continuations written `##`."""

    def __init__(self, entries: Mapping[str, int], options: TokenizerOptions, files: Mapping[str, bytes]) -> None:
        """entries: from `read_wordpiece`; the special tokens are looked up in it."""
        from tokenizers import Tokenizer as Library  # a shared library of some megabytes
        from tokenizers.models import WordPiece as Model
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer

        super().__init__(
            kind="bert-wordpiece",
            table=special_table("bert-wordpiece", entries, len(entries), options),
            n_text_tokens=len(entries),
            vocabulary_digest=_digest("lowercase" if options.lowercase else "as written", *entries),
            options=options,
            files=files,
        )
        self._entries = list(entries)
        self._library = Library(Model(dict(entries), unk_token="[UNK]", max_input_chars_per_word=100))
        self._library.normalizer = BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=options.lowercase, lowercase=options.lowercase
        )
        self._library.pre_tokenizer = BertPreTokenizer()

    def _encode_plain(self, text: str) -> Encoded:
        return _encoded(self._library.encode(text, add_special_tokens=False))

    def _encode_plain_many(self, texts: Sequence[str]) -> list[Encoded]:
        return [_encoded(one) for one in self._library.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Words joined by single spaces. Any id that stands for nothing is dropped, as in the original."""
        words: list[str] = []
        for id in ids:
            piece = self._string_of.get(id) or (self._entries[id] if 0 <= id < len(self._entries) else "")
            if words and piece.startswith("##"):
                words[-1] += piece[2:]
            elif piece:
                words.append(piece)
        return " ".join(words)

    def _piece(self, id: int) -> str:
        return self._entries[id]


class ByteLevelBPE(Tokenizer):
    """GPT-2's and RoBERTa's vocabulary: pairs of bytes merged by a list; a word carries the space before it."""

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        options: TokenizerOptions,
        files: Mapping[str, bytes],
    ) -> None:
        """kind: "gpt2-bpe" or "roberta-bpe". entries, merges: from `read_entries`, `read_merges`."""
        from tokenizers import Tokenizer as Library
        from tokenizers.models import BPE
        from tokenizers.pre_tokenizers import ByteLevel

        in_order = sorted(entries, key=entries.__getitem__)
        super().__init__(
            kind=kind,
            table=special_table(kind, entries, len(entries), options),
            n_text_tokens=len(entries),
            vocabulary_digest=_digest(*in_order, "merges", *map(" ".join, merges)),
            options=options,
            files=files,
        )
        self._entries = in_order
        self._library = Library(BPE(dict(entries), list(merges)))
        self._library.pre_tokenizer = ByteLevel(add_prefix_space=False)

    def _encode_plain(self, text: str) -> Encoded:
        return _encoded(self._library.encode(text, add_special_tokens=False))

    def _encode_plain_many(self, texts: Sequence[str]) -> list[Encoded]:
        return [_encoded(one) for one in self._library.encode_batch(texts, add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text, byte for byte; bytes that are no whole character become U+FFFD.

        Ids of padding rows stand for nothing and are dropped (the original breaks off). Raises ValueError beyond them.
        """
        return b"".join(self._bytes(id) for id in ids if not self._dropped(id)).decode("utf-8", errors="replace")

    def _piece(self, id: int) -> str:
        try:
            text = self._bytes(id).decode("utf-8")
        except UnicodeDecodeError:
            return f"<{self._bytes(id).hex(' ').upper()}>"
        text = text.replace(" ", _SPACE)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)

    def _bytes(self, id: int) -> bytes:
        symbols = self._string_of.get(id) or self._entries[id]
        values = byte_symbols()
        return bytes(values[c] for c in symbols) if all(c in values for c in symbols) else symbols.encode("utf-8")


class SentencePiece(Tokenizer):
    """GLM's Chinese vocabulary: pieces of normalised text; every text begins as if after a space."""

    def __init__(self, options: TokenizerOptions, files: Mapping[str, bytes]) -> None:
        """files: the one model file. Raises RuntimeError where the library cannot read it."""
        from sentencepiece import SentencePieceProcessor  # a shared library of some megabytes

        (model,) = files.values()
        self._library = SentencePieceProcessor()
        self._library.LoadFromSerializedProto(model)
        n_pieces = self._library.GetPieceSize()
        super().__init__(
            kind="chinese-sp",
            table=special_table("chinese-sp", {}, n_pieces, options),
            n_text_tokens=n_pieces,
            vocabulary_digest=hashlib.sha256(model).hexdigest(),
            options=options,
            files=files,
        )
        # newer versions of the library renamed the one encoding that tells places
        self._places: Any = "offset_mapping" if hasattr(self._library, "EncodeAsOffsetMapping") else "immutable_proto"

    def _encode_plain(self, text: str) -> Encoded:
        return self._encoded(text, self._library.encode(text, out_type=self._places))

    def _encode_plain_many(self, texts: Sequence[str]) -> list[Encoded]:
        found = self._library.encode(list(texts), out_type=self._places)
        return [self._encoded(text, one) for text, one in zip(texts, found, strict=True)]

    def _encoded(self, text: str, found: Any) -> Encoded:
        if self._places == "offset_mapping":
            ids, pieces, offsets = found["ids"], found["pieces"], found["offsets"]
        else:
            ids = [one.id for one in found.pieces]
            pieces = [one.piece for one in found.pieces]
            offsets = [(one.begin, one.end) for one in found.pieces]
        # where one character became several pieces (½ is 1⁄2), the library tells the place of the last one only
        end = len(text)
        wide = [
            (a, b) if a < b or piece == _SPACE else (a, min(a + 1, end))
            for piece, (a, b) in zip(pieces, offsets, strict=True)
        ]
        return Encoded(ids, wide)

    def decode(self, ids: Sequence[int]) -> str:
        """Runs of text between special tokens, with nothing added around these.

        Ids of holes and padding rows stand for nothing and are dropped (the original breaks off). Raises ValueError
        beyond them.
        """
        written: list[str] = []
        run: list[int] = []
        for id in ids:
            if self._dropped(id):
                continue
            if id in self._string_of:
                written += [self._library.decode(run), self._string_of[id]] if run else [self._string_of[id]]
                run = []
            else:
                run.append(int(id))
        return "".join([*written, self._library.decode(run) if run else ""])

    def _piece(self, id: int) -> str:
        return str(self._library.IdToPiece(int(id)))


@cache
def byte_symbols() -> dict[str, int]:
    """GPT-2's alphabet: a visible character for each of the 256 bytes; those that are visible stand for themselves."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


def _encoded(found: Any) -> Encoded:
    return Encoded(found.ids, found.offsets)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()
