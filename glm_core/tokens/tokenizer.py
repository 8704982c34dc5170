"""Text to ids and back, with the place in the text that every token came from.

What all vocabularies share stands here: blank text has no tokens, special tokens are found only where the caller says
so, and the pieces between them are encoded one by one. What differs is in `libraries.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from glm_core.atomic import write_bytes
from glm_core.errors import UsageError, did_you_mean
from glm_core.tokens.special import ANY_SPECIAL_STRING, SpecialToken, SpecialTokens, TokenizerOptions

CONFIG_FILE = "tokenizer_config.json"
CONFIG_FORMAT = "glm-core tokenizer 1"

_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The tokens of a text.

    ids: (T,). offsets: (T,) pairs; `text[start:end]` is what the token was made from. Tokens that share a character
    (bytes of one letter) share its place; a token made from nothing (sentencepiece's leading space) has start == end.
    """

    ids: list[int] = field(default_factory=list)
    offsets: list[tuple[int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer(ABC):
    """Text to ids and back. A kind of vocabulary says how plain text is encoded and how ids are decoded.

    kind: "bert-wordpiece", "gpt2-bpe", "roberta-bpe", "chinese-sp", or a name of your own.
    special, special_strings: the ids of the special tokens, and how they are written in text.
    n_text_tokens: tokens of the vocabulary itself. n_tokens: ids in use, from 0. vocab_size: n_tokens rounded up to a
    multiple of 128, the rows of the original's embedding. fingerprint: equal where all text gets equal ids.
    """

    def __init__(
        self,
        *,
        kind: str,
        table: Sequence[SpecialToken],
        n_text_tokens: int,
        vocabulary_digest: str,
        options: TokenizerOptions | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """`vocabulary_digest`: a hash of all that decides the ids of plain text. `files`: name to content, to save."""
        self.kind = kind
        self.table = tuple(table)
        self.options = options or TokenizerOptions()
        self.special = SpecialTokens.from_table(self.table)
        self.special_strings = tuple(dict.fromkeys(token.string for token in self.table))
        self.n_text_tokens = n_text_tokens
        self.n_tokens = max(n_text_tokens, *(token.id + 1 for token in self.table))
        self.vocab_size = -(-self.n_tokens // 128) * 128
        decides = [kind, n_text_tokens, vocabulary_digest, self.table]
        self.fingerprint = hashlib.sha256(json.dumps(decides).encode()).hexdigest()
        self.files = dict(files or {})
        # where several tokens have one id, the original prints the one defined last
        self._string_of = {token.id: token.string for token in self.table}
        self._token_of = {token.string: token for token in self.table}
        self._finders: dict[frozenset[str], re.Pattern[str] | None] = {}

    # ---- what a vocabulary brings

    @abstractmethod
    def _encode_plain(self, text: str) -> Encoded:
        """Tokens of a text that is not empty, where nothing is special."""

    def _encode_plain_many(self, texts: Sequence[str]) -> list[Encoded]:
        """As `_encode_plain` for each; a library may do better."""
        return [self._encode_plain(text) for text in texts]

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text that these ids stand for, special tokens written out."""

    @abstractmethod
    def _piece(self, id: int) -> str:
        """A token of the vocabulary for people to read, with `▁` for a space."""

    # ---- what all share

    def encode(self, text: str, *, specials: Collection[str] = ()) -> Encoded:
        """The tokens of a text, `[CLS]` and `[EOS]` not among them. Whitespace alone has none.

        specials: the strings that are special tokens in this text; `special_strings` means all, as in the original.
        Any other special string in it is ordinary text, and so is one that only other vocabularies have. A string that
        is special nowhere raises UsageError.
        """
        if text.isspace() or not text:
            return Encoded()
        finder = self._finder(specials) if specials else None
        if finder is None:
            return self._encode_plain(_whole(text))
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        done = 0
        for match in finder.finditer(text):
            token = self._token_of[match.group()]
            before = text[done : match.start()]
            self._append(before.rstrip() if token.eats_space else before, done, ids, offsets)
            ids.append(token.id)
            offsets.append(match.span())
            done = match.end()
        self._append(text[done:], done, ids, offsets)
        return Encoded(ids, offsets)

    def encode_many(self, texts: Sequence[str], *, specials: Collection[str] = ()) -> list[Encoded]:
        """`encode` for each text; plain ones go to the library together."""
        finder = self._finder(specials) if specials else None
        plain = [i for i, t in enumerate(texts) if not t.isspace() and t and not (finder and finder.search(t))]
        found: dict[int, Encoded] = {}
        if len(plain) > 1:
            found = dict(zip(plain, self._encode_plain_many([_whole(texts[i]) for i in plain]), strict=True))
        return [found[i] if i in found else self.encode(text, specials=specials) for i, text in enumerate(texts)]

    def token(self, id: int) -> str:
        """One token for people to read: a special token's string, or a piece of text with `▁` for a space."""
        if id in self._string_of:
            return self._string_of[id]
        return self._piece(id) if 0 <= id < self.n_text_tokens else f"<{id}>"

    def save(self, where: str | Path) -> None:
        """Write the vocabulary files and `tokenizer_config.json` into a folder; `load_tokenizer` reads them back.

        Raises UsageError where this tokenizer was made without files, and where the folder cannot be written.
        """
        if not self.files:
            raise UsageError(f"a tokenizer of kind {self.kind} was not made from files and cannot be saved")
        folder = Path(where)
        for name, content in self.files.items():
            write_bytes(folder / name, content)
        told = {
            "format": CONFIG_FORMAT,
            "kind": self.kind,
            "options": asdict(self.options),
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()},
            "fingerprint": self.fingerprint,
        }
        write_bytes(folder / CONFIG_FILE, (json.dumps(told, indent=2) + "\n").encode())

    # ---- inside

    def _append(self, piece: str, start: int, ids: list[int], offsets: list[tuple[int, int]]) -> None:
        if piece:  # whitespace between special tokens is text like any other
            encoded = self._encode_plain(_whole(piece))
            ids += encoded.ids
            offsets += [(a + start, b + start) for a, b in encoded.offsets]

    def _finder(self, specials: Collection[str]) -> re.Pattern[str] | None:
        wanted = frozenset(specials)
        if wanted not in self._finders:
            for string in sorted(wanted - ANY_SPECIAL_STRING - self._token_of.keys()):
                near = did_you_mean(string, self.special_strings)
                raise UsageError(f"no special token is written {string!r}{near}")
            # no special string contains or overlaps another, so one pass finds what the original's passes find
            mine = [re.escape(string) for string in self.special_strings if string in wanted]
            self._finders[wanted] = re.compile("|".join(mine)) if mine else None
        return self._finders[wanted]

    def _dropped(self, id: int) -> bool:
        """True for the ids of the padding rows and of holes: a model may emit them, and they stand for nothing.

        Raises ValueError for an id beyond the padded vocabulary.
        """
        if not 0 <= id < self.vocab_size:
            raise ValueError(
                f"id {id} is outside this vocabulary of {self.vocab_size} ({self.kind}); was it made by another?"
            )
        return id >= self.n_text_tokens and id not in self._string_of

    def __repr__(self) -> str:
        return f"<{self.kind} tokenizer of {self.n_tokens} tokens, {self.fingerprint[:12]}>"


def _whole(text: str) -> str:
    """Half characters (lone surrogates, from broken escapes in JSON) become U+FFFD, one for one: the offsets hold."""
    return text if text.isascii() else _HALF_CHARACTERS.sub("\ufffd", text)
