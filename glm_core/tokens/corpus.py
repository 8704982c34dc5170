"""A corpus as token shards on disk: read in place, never loaded.

    corpus.json               written last: format, vocabulary, every shard's counts and hashes, what it was made from
    00000/tokens.bin          the tokens of all documents, back to back, uint16 or uint32, little-endian
    00000/documents.bin       int64 (2, n): where each document ends · how many of its tokens are prompt
    00000/index.json          the shard's line of corpus.json

A document is addressed by its number. Which documents are kept for development is a function of that number alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from bisect import bisect
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glm_core.errors import DataError, UsageError
from glm_core.tokens.packing import Document
from glm_core.tokens.tokenizer import Tokenizer

FORMAT = "glm-core corpus 1"
CORPUS, TOKENS, DOCUMENTS, INDEX = "corpus.json", "tokens.bin", "documents.bin", "index.json"

_MAPPED = 64  # shards mapped at once, over all folders: each takes two of the files a process may have open
_TRIES = 1000
_GOLDEN = (math.sqrt(5) - 1) / 2

Part = Literal["all", "train", "dev"]
_PARTS: tuple[Part, Part] = ("train", "dev")


@dataclass(frozen=True)
class ShardInfo:
    """One shard's counts and the sha256 of its files."""

    name: str
    n_documents: int
    n_tokens: int
    sha256: dict[str, str]


def vocabulary_card(tokenizer: Tokenizer) -> dict[str, Any]:
    """What decides the ids of plain text: kept with a corpus, to refuse another vocabulary."""
    digest = hashlib.sha256()
    for name in sorted(tokenizer.files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(tokenizer.files[name]).digest())
    return {
        "kind": tokenizer.kind,
        "n_text_tokens": tokenizer.n_text_tokens,
        "lowercase": tokenizer.options.lowercase,
        "files_sha256": digest.hexdigest() if tokenizer.files else None,
        "fingerprint": tokenizer.fingerprint,
    }


def same_vocabulary(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether plain text has the same ids under both; they may differ in their special tokens."""
    if one["fingerprint"] == other["fingerprint"]:
        return True
    told = ("kind", "n_text_tokens", "lowercase", "files_sha256")
    return one["files_sha256"] is not None and all(one[key] == other[key] for key in told)


class Corpus:
    """The documents of one or several folders of token shards.

    weights: how often each folder is drawn from; without, in proportion to its tokens (as the original concatenates).
    `split` gives two views of it, for training and development; `n_tokens` counts the whole in both. It can be sent to
    other processes, which map the files anew.

    Raises DataError where a folder is no finished corpus or a file of it has not the size its index tells, UsageError
    where the folders were made with different vocabularies.
    """

    def __init__(self, *folders: str | Path, weights: Sequence[float] | None = None) -> None:
        if not folders:
            raise UsageError("no corpus was given; give folders that were written by build_shards")
        self._folders = [_Folder(Path(one), max(_MAPPED // len(folders), 2)) for one in folders]
        self._part: Part = "all"
        self._dev = [0] * len(folders)
        self.weights = _checked_weights(weights, len(folders))
        first = self._folders[0]
        for other in self._folders[1:]:
            if not same_vocabulary(first.vocabulary, other.vocabulary):
                raise UsageError(f"{first.path} and {other.path} were made with different vocabularies")
        self.n_tokens = sum(folder.n_tokens for folder in self._folders)
        self._after = list(accumulate(folder.n_tokens for folder in self._folders))
        self._shares = list(accumulate(self.weights or []))

    def __repr__(self) -> str:
        where = ", ".join(str(folder.path) for folder in self._folders)
        return f"<corpus of {len(self)} documents ({self._part}) in {where}>"

    def check(self, tokenizer: Tokenizer) -> None:
        """Raise UsageError where the corpus was made with a vocabulary that gives other ids."""
        mine, other = self._folders[0].vocabulary, vocabulary_card(tokenizer)
        if not same_vocabulary(mine, other):
            told = f"{mine['kind']} of {mine['n_text_tokens']} tokens, {mine['fingerprint'][:12]}"
            raise UsageError(
                f"{self._folders[0].path} was made with another vocabulary ({told}) than {tokenizer!r}; "
                "load that one, or build the corpus again"
            )

    def verify(self) -> None:
        """Read everything and compare hashes. Raises DataError that names the first changed file."""
        for folder in self._folders:
            folder.verify()

    # ---- documents by number

    def __len__(self) -> int:
        """Documents of this part."""
        return sum(self._sizes())

    def __getitem__(self, number: int) -> Document:
        """A document of this part. Training and development parts have an order of their own, spread over the corpus."""
        if not 0 <= number < len(self):
            raise IndexError(f"document {number} of {len(self)}")
        for folder, dev, size in zip(self._folders, self._dev, self._sizes(), strict=True):
            if number < size:
                return folder.document(self._number(number, folder, dev))
            number -= size
        raise AssertionError("unreachable")

    def __iter__(self) -> Iterator[Document]:
        """The documents of this part, one after the other as they lie on disk."""
        for folder, dev in zip(self._folders, self._dev, strict=True):
            for number in range(folder.n_documents):
                if self._mine(number, folder, dev):
                    yield folder.document(number)

    # ---- drawing

    def draw(self, rng: random.Random) -> Document:
        """A document of this part, with replacement, in proportion to its tokens.

        (A part so small that a thousand draws miss it gives its documents with equal chances.)
        """
        for _ in range(_TRIES):
            which, place = self._place(rng)
            folder, dev = self._folders[which], self._dev[which]
            number = folder.at(place)
            if self._mine(number, folder, dev):
                return folder.document(number)
        return self[rng.randrange(len(self))]

    def _place(self, rng: random.Random) -> tuple[int, int]:
        """A folder, and a token in it."""
        if self.weights is None:
            place = rng.randrange(self.n_tokens)
            which = bisect(self._after, place)
            return which, place - (self._after[which] - self._folders[which].n_tokens)
        which = bisect(self._shares, rng.random() * self._shares[-1], 0, len(self._shares) - 1)
        return which, rng.randrange(self._folders[which].n_tokens)

    # ---- two parts

    def split(self, dev: float) -> tuple[Corpus, Corpus]:
        """A training part, and a development part with this share of the documents of every folder (at least one each).

        Which document belongs where depends on its number and on how many its folder has, on nothing else; those for
        development are spread evenly. Raises UsageError where a folder has too few documents for both.
        """
        if self._part != "all":
            raise UsageError("this corpus is a part already; split the whole one")
        if not 0 < dev < 1:
            raise UsageError(f"the share for development is between 0 and 1; got {dev!r}")
        parts = []
        for part in _PARTS:
            mine = copy(self)
            mine._part, mine._dev = part, []
            for folder in self._folders:
                if folder.n_documents < 2:
                    raise UsageError(f"{folder.path} has one document only, too few to keep some for development")
                mine._dev.append(min(max(round(dev * folder.n_documents), 1), folder.n_documents - 1))
            parts.append(mine)
        return parts[0], parts[1]

    def _sizes(self) -> list[int]:
        pairs = zip(self._folders, self._dev, strict=True)
        if self._part == "dev":
            return [dev for _, dev in pairs]
        return [folder.n_documents - dev for folder, dev in pairs]

    def _mine(self, number: int, folder: _Folder, dev: int) -> bool:
        return self._part == "all" or (number * folder.stride % folder.n_documents < dev) == (self._part == "dev")

    def _number(self, nth: int, folder: _Folder, dev: int) -> int:
        """From the nth document of this part to its number in the folder."""
        if self._part == "all":
            return nth
        rank = nth if self._part == "dev" else nth + dev
        return rank * pow(folder.stride, -1, folder.n_documents) % folder.n_documents


class _Folder:
    """The shards of one folder."""

    def __init__(self, path: Path, n_mapped: int) -> None:
        """n_mapped: so many shards are mapped at once."""
        self.path, self.n_mapped = path, n_mapped
        told = _read_index(path)
        try:
            self.vocabulary: dict[str, Any] = told["vocabulary"]
            self.dtype = np.dtype(told["dtype"]).newbyteorder("<")
            self.shards = [ShardInfo(**one) for one in told["shards"]]
        except (KeyError, TypeError) as error:
            raise DataError(f"lacks something that this version needs ({error})", file=path / CORPUS) from error
        self.n_documents = sum(one.n_documents for one in self.shards)
        self.n_tokens = sum(one.n_tokens for one in self.shards)
        self.stride = _stride(self.n_documents)
        self._documents_after = list(accumulate(one.n_documents for one in self.shards))
        self._tokens_after = list(accumulate(one.n_tokens for one in self.shards))
        self._mapped: OrderedDict[int, tuple[NDArray[Any], NDArray[np.int64]]] = OrderedDict()
        for shard in self.shards:
            check_sizes(path, shard, self.dtype.itemsize)

    def document(self, number: int) -> Document:
        which = bisect(self._documents_after, number)
        tokens, documents = self._map(which)
        nth = number - (self._documents_after[which] - self.shards[which].n_documents)
        start = int(documents[0, nth - 1]) if nth else 0
        return Document(tokens[start : int(documents[0, nth])], int(documents[1, nth]))

    def at(self, place: int) -> int:
        """The number of the document that the token at this place belongs to."""
        which = bisect(self._tokens_after, place)
        place -= self._tokens_after[which] - self.shards[which].n_tokens
        before = self._documents_after[which] - self.shards[which].n_documents
        return before + int(np.searchsorted(self._map(which)[1][0], place, side="right"))

    def verify(self) -> None:
        for shard in self.shards:
            for name, told in shard.sha256.items():
                file = self.path / shard.name / name
                if file_sha256(file) != told:
                    raise DataError(
                        f"is not as it was written (another sha256); copy it again, or remove the folder {shard.name} "
                        f"and {CORPUS} and build again: the other shards are kept",
                        file=file,
                    )

    def _map(self, which: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        if which in self._mapped:
            self._mapped.move_to_end(which)
            return self._mapped[which]
        shard = self.shards[which]
        check_sizes(self.path, shard, self.dtype.itemsize)  # cut off since it was opened, it would end the process
        place = self.path / shard.name
        tokens = np.memmap(place / TOKENS, dtype=self.dtype, mode="r").view(np.ndarray)
        documents = np.memmap(place / DOCUMENTS, dtype="<i8", mode="r", shape=(2, shard.n_documents)).view(np.ndarray)
        self._mapped[which] = (tokens, documents)
        if len(self._mapped) > self.n_mapped:
            self._mapped.popitem(last=False)
        return tokens, documents

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": OrderedDict()}


def check_sizes(folder: Path, shard: ShardInfo, itemsize: int) -> None:
    """Raise DataError where a file of a shard is missing or not of the size its index tells."""
    for name, size in ((TOKENS, shard.n_tokens * itemsize), (DOCUMENTS, shard.n_documents * 16)):
        file = folder / shard.name / name
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            what = "is missing" if found is None else f"has {found} bytes, and {size} were written"
            raise DataError(f"{what}; copy it again, or build the corpus again", file=file)


def file_sha256(file: Path) -> str:
    """The hash of a file, read piece by piece."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _read_index(path: Path) -> dict[str, Any]:
    file = path / CORPUS
    if not file.is_file():
        begun = (path / "00000").is_dir()
        remedy = "it was begun and not finished: run the same build again" if begun else "build it first"
        raise DataError(f"no corpus lies here ({CORPUS} is missing); {remedy}", file=path)
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"not JSON, perhaps cut off ({error}); build the corpus again", file=file) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        what = told.get("format") if isinstance(told, dict) else type(told).__name__
        raise DataError(f"is {what!r}; this version reads {FORMAT!r}", file=file)
    return told


def _stride(n: int) -> int:
    """A number near n times the golden ratio without a common divisor: its multiples fall evenly over 0 to n-1."""
    stride = max(round(n * _GOLDEN), 1)
    while math.gcd(stride, n) != 1:
        stride += 1
    return stride


def _checked_weights(weights: Sequence[float] | None, n: int) -> tuple[float, ...] | None:
    if weights is None:
        return None
    if len(weights) != n:
        raise UsageError(f"{len(weights)} weights for {n} corpora; give one each")
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights) > 0:
        raise UsageError(f"weights are numbers from 0 on, not all 0; got {list(weights)}")
    return tuple(float(weight) for weight in weights)
