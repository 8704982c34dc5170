"""Write a corpus: text files become token shards, to be gone on with where it was broken off.

Documents come in the order of files and lines, whatever the number of processes. A shard is there whole or not at all,
and its index tells where in the text files it ends; a second run with the same files goes on from there.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from glm_core.atomic import write_folder, write_text
from glm_core.errors import DataError, UsageError
from glm_core.tokens.corpus import (
    CORPUS,
    DOCUMENTS,
    FORMAT,
    INDEX,
    TOKENS,
    Corpus,
    ShardInfo,
    check_sizes,
    vocabulary_card,
)
from glm_core.tokens.sources import PlainText, Reader, Source, find_sources, text_and_prompt
from glm_core.tokens.tokenizer import Tokenizer
from glm_core.tokens.tokenizing import TokenBatch, Tokenizing, UnitTokens, in_order, read_batches

SHARD_TOKENS = 1 << 24
"""Tokens of a shard unless said: 32 MiB where ids fit into 16 bits."""

_PLAN = "plan.json"
_N_NAMED = 20  # broken lines named in the index


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is: the place in the text files, and what came of it so far in all runs."""

    file: Path
    line: int
    n_documents: int
    n_tokens: int
    n_shards: int


def build_shards(
    sources: Sequence[str | Path],
    tokenizer: Tokenizer,
    out: str | Path,
    *,
    reader: Reader = text_and_prompt,
    plain: PlainText = "line",
    shard_tokens: int = SHARD_TOKENS,
    processes: int = 1,
    skip_broken: bool = False,
    progress: Callable[[BuildProgress], None] | None = None,
) -> Corpus:
    """Tokenize text files, and those in folders, into a folder of token shards (`corpus.py` tells their layout).

    reader: from a row of a `.jsonl` file to its documents; by default its fields `text` and `prompt`.
    plain: what a document of a plain text file is: a line, what stands between blank lines, or the whole file.
    shard_tokens: a shard is closed after the unit with which it has so many. skip_broken: lines that cannot be read are
    counted and named in `corpus.json` instead of ending the build. progress: called after every batch of lines.

    Special tokens in text are ordinary text, line ends are no part of it, and documents without a token are counted and
    left out. Memory does not grow with the corpus. If broken off, the same call goes on after the last whole shard (a
    line mended meanwhile, or `skip_broken`, is no hindrance); if finished, it opens the corpus. With several processes
    the calling script needs the usual `if __name__ == "__main__"`, and `reader` must be a function of a module.

    Raises DataError for a broken line (file and line), a damaged file or no text at all; UsageError where the folder
    was begun from other files or settings; RunError where a process dies.
    """
    if shard_tokens < 1 or processes < 1:
        raise UsageError("shard_tokens and processes are at least 1")
    found, out = find_sources(sources), Path(out)
    plan = {
        "format": FORMAT,
        "vocabulary": vocabulary_card(tokenizer),
        "reader": f"{reader.__module__}.{reader.__qualname__}",
        "plain": plain,
        "shard_tokens": shard_tokens,
        "sources": [source.identity() for source in found],
    }
    dtype = np.dtype("<u2" if tokenizer.n_text_tokens <= 1 << 16 else "<u4")
    done = (out / CORPUS).is_file()
    tally = _Tally(out, dtype)
    _agree(out, plan, n_read=len(found) if done else tally.end[0])
    if done:
        return Corpus(out)
    with in_order(Tokenizing(tokenizer, found, reader, skip_broken, dtype), processes) as tokenized:
        batches = tokenized(read_batches(found, tally.end, plain))
        _write_shards(_units(batches, tally, found, progress), tally, shard_tokens)
    if not tally.shards:
        raise DataError("no document in these files has a token", file=found[0].path)
    told = {
        **{key: value for key, value in plan.items() if key != "shard_tokens"},
        "dtype": dtype.name,
        "n_documents": tally.n_documents,
        "n_tokens": tally.n_tokens,
        **tally.left_out,
        "shards": [asdict(shard) for shard in tally.shards],
    }
    write_text(out / CORPUS, json.dumps(told, indent=1) + "\n")
    return Corpus(out)


def _agree(out: Path, plan: dict[str, Any], n_read: int) -> None:
    """See that what is built is what was begun here, and write it down.

    n_read: so many files were read to their end and must be the same; in the next one a line may have been mended.
    """
    file = out / _PLAN
    if file.is_file():
        begun = json.loads(file.read_text(encoding="utf-8"))
        other = [key for key in plan if key != "sources" and begun.get(key) != plan[key]]
        names = [[one["name"] for one in each["sources"]] for each in (begun, plan)]
        if names[0] != names[1] or begun["sources"][:n_read] != plan["sources"][:n_read]:
            other.append("sources")
        if other:
            told = ", ".join(other)
            raise UsageError(f"{out}: was begun with another value of {told}; choose another folder or remove this one")
        if begun == plan:
            return
    elif out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out}: is not empty and holds no corpus; choose another folder")
    write_text(file, json.dumps(plan, indent=1) + "\n")


@dataclass
class _Tally:
    """What is written so far, and where in the text files that ends."""

    out: Path
    dtype: np.dtype[Any]
    shards: list[ShardInfo] = field(default_factory=list)
    n_documents: int = 0
    n_tokens: int = 0
    end: tuple[int, int] = (0, 0)
    left_out: dict[str, Any] = field(default_factory=lambda: {"n_empty": 0, "n_broken": 0, "broken": []})

    def __post_init__(self) -> None:
        """Take up what an earlier run left."""
        for told in _finished(self.out, self.dtype):
            shard = ShardInfo(**told["shard"])
            self.shards.append(shard)
            self.n_documents += shard.n_documents
            self.n_tokens += shard.n_tokens
            self.end = (told["end"][0], told["end"][1])
            self.left_out = told["left_out"]

    def passed(self, unit: UnitTokens) -> None:
        """This unit is dealt with."""
        self.end = (unit.source, unit.n_units)
        self.n_documents += len(unit.documents)
        self.n_tokens += len(unit.ids)
        self.left_out["n_empty"] += unit.n_empty
        if unit.broken is not None:
            self.left_out["n_broken"] += 1
            self.left_out["broken"] = [*self.left_out["broken"], unit.broken][:_N_NAMED]


def _finished(out: Path, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    """The indices of the whole shards that an earlier run left."""
    found: list[dict[str, Any]] = []
    while (out / f"{len(found):05d}" / INDEX).is_file():
        folder = out / f"{len(found):05d}"
        try:
            told = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            check_sizes(out, ShardInfo(**told["shard"]), dtype.itemsize)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"is damaged ({error}); remove {folder} and build again", file=folder / INDEX) from error
        found.append(told)
    return found


def _units(
    batches: Iterable[TokenBatch],
    tally: _Tally,
    sources: list[Source],
    progress: Callable[[BuildProgress], None] | None,
) -> Iterator[UnitTokens]:
    """The units of batches; progress is told when those of a batch are written."""
    for batch in batches:
        yield from batch.units()
        if progress is not None:
            file = sources[batch.source].path
            progress(BuildProgress(file, batch.last_line, tally.n_documents, tally.n_tokens, len(tally.shards)))


def _write_shards(units: Iterator[UnitTokens], tally: _Tally, shard_tokens: int) -> None:
    for first in units:
        if not first.documents:
            tally.passed(first)
            continue
        name = f"{len(tally.shards):05d}"
        with write_folder(tally.out / name) as draft:
            shard = _Shard(draft)
            with (draft / TOKENS).open("wb") as file:
                for unit in chain([first], units):
                    file.write(shard.add(unit))
                    tally.passed(unit)
                    if shard.n_tokens >= shard_tokens:
                        break
            info = shard.finish(name)
            told = {"shard": asdict(info), "end": tally.end, "left_out": tally.left_out}
            write_text(draft / INDEX, json.dumps(told, indent=1) + "\n")
        tally.shards.append(info)


class _Shard:
    """A shard being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_tokens = 0
        self.ends, self.prompts = array("q"), array("q")
        self._sha256 = sha256()

    def add(self, unit: UnitTokens) -> bytes:
        """Take note of a unit's documents; returns what is to be written."""
        for n_prompt, n_tokens in unit.documents:
            self.n_tokens += n_tokens
            self.ends.append(self.n_tokens)
            self.prompts.append(n_prompt)
        content = unit.ids.tobytes()
        self._sha256.update(content)
        return content

    def finish(self, name: str) -> ShardInfo:
        documents = np.array([self.ends, self.prompts], dtype="<i8").tobytes()
        (self.folder / DOCUMENTS).write_bytes(documents)
        hashes = {TOKENS: self._sha256.hexdigest(), DOCUMENTS: sha256(documents).hexdigest()}
        return ShardInfo(name, len(self.ends), self.n_tokens, hashes)
