"""Write a corpus: text files become token shards, in several processes, to be gone on with where it was broken off.

Documents come in the order of files and lines, whatever the number of processes. A shard is there whole or not at all,
and its index tells where in the text files it ends; a second run with the same files goes on from there.
"""

from __future__ import annotations

import json
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glm_core.atomic import write_folder, write_text
from glm_core.errors import DataError, RunError, UsageError
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
from glm_core.tokens.sources import (
    PlainText,
    Reader,
    Source,
    Unit,
    find_sources,
    read_documents,
    read_units,
    text_and_prompt,
)
from glm_core.tokens.tokenizer import Tokenizer

SHARD_TOKENS = 1 << 24
"""Tokens of a shard unless said: 32 MiB where ids fit into 16 bits."""

_PLAN = "plan.json"
_BATCH_UNITS, _BATCH_BYTES = 512, 1 << 19
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

    Special tokens in text are ordinary text; documents without a token are counted and left out. Memory does not grow
    with the corpus. If broken off, the same call goes on after the last whole shard; if finished, it opens the corpus.
    With several processes the calling script needs the usual `if __name__ == "__main__"`, and `reader` must be a
    function of a module.

    Raises DataError for a broken line (file and line), a damaged file or no text at all; UsageError where the folder
    was begun from other files or settings; RunError where a process dies.
    """
    if shard_tokens < 1 or processes < 1:
        raise UsageError("shard_tokens and processes are at least 1")
    found, out = find_sources(sources), Path(out)
    plan = {
        "format": FORMAT,
        "vocabulary": vocabulary_card(tokenizer),
        "sources": [source.identity() for source in found],
        "reader": f"{reader.__module__}.{reader.__qualname__}",
        "plain": plain,
        "shard_tokens": shard_tokens,
        "skip_broken": skip_broken,
    }
    _agree(out, plan)
    if (out / CORPUS).is_file():
        return Corpus(out)
    dtype = np.dtype("<u2" if tokenizer.n_text_tokens <= 1 << 16 else "<u4")
    tally = _Tally(out, dtype, _finished(out, dtype), progress)
    encode = _Encode(tokenizer, found, reader, skip_broken, dtype)
    with _in_order(encode, processes) as encoded:
        batches = _batches(found, tally.end, plain)
        units = chain.from_iterable(batch.units() for batch in encoded(batches))
        _write_shards(units, tally, shard_tokens, found)
    if not tally.shards:
        raise DataError("no document in these files has a token", file=found[0].path)
    told = {
        **{key: plan[key] for key in ("format", "vocabulary", "sources", "reader", "plain")},
        "dtype": dtype.name,
        "n_documents": sum(shard.n_documents for shard in tally.shards),
        "n_tokens": sum(shard.n_tokens for shard in tally.shards),
        **tally.left_out,
        "shards": [asdict(shard) for shard in tally.shards],
    }
    write_text(out / CORPUS, json.dumps(told, indent=1) + "\n")
    return Corpus(out)


def _agree(out: Path, plan: dict[str, Any]) -> None:
    """Write down what is built, or see that it is what was begun here."""
    file = out / _PLAN
    if not file.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise UsageError(f"{out}: is not empty and holds no corpus; choose another folder")
        write_text(file, json.dumps(plan, indent=1) + "\n")
        return
    begun = json.loads(file.read_text(encoding="utf-8"))
    other = [key for key in plan if begun.get(key) != plan[key]]
    if other:
        raise UsageError(
            f"{out}: was begun with another value of {', '.join(other)}; choose another folder or remove it"
        )


# ---- text to tokens


class _Batch(NamedTuple):
    """Units of one file."""

    source: int
    first: int  # how many units of the file come before
    units: list[Unit]


class _Tokens(NamedTuple):
    """What became of one unit."""

    source: int
    n_units: int  # of the file, this one included
    line: int
    ids: NDArray[np.integer]
    documents: list[tuple[int, int]]  # tokens of the prompt, tokens in all
    n_empty: int
    broken: str | None


@dataclass
class _Encoded:
    """What became of a batch, in a form that travels cheaply: all ids in one array."""

    source: int
    first: int
    ids: NDArray[np.integer]
    told: list[tuple[int, list[tuple[int, int]], int, str | None]]  # line, documents, empty ones, what is broken

    def units(self) -> Iterator[_Tokens]:
        done = 0
        for n, (line, documents, n_empty, broken) in enumerate(self.told, self.first + 1):
            size = sum(n_tokens for _, n_tokens in documents)
            yield _Tokens(self.source, n, line, self.ids[done : done + size], documents, n_empty, broken)
            done += size


@dataclass(frozen=True)
class _Encode:
    """A batch of units to tokens; sent to every process once."""

    tokenizer: Tokenizer
    sources: list[Source]
    reader: Reader
    skip_broken: bool
    dtype: np.dtype[Any]

    def __call__(self, batch: _Batch) -> _Encoded:
        texts: list[str] = []
        owners: list[int] = []
        problems: list[str | None] = []
        for n, unit in enumerate(batch.units):
            try:
                documents = read_documents(self.sources[batch.source], unit, self.reader)
            except DataError as error:
                if not self.skip_broken:
                    raise
                problems.append(str(error))
                continue
            problems.append(None)
            for one in documents:
                texts += [one.prompt, one.text]
                owners.append(n)
        encoded = [one.ids for one in self.tokenizer.encode_many(texts)]
        ids: list[int] = []
        told: list[list[tuple[int, int]]] = [[] for _ in batch.units]
        n_empty = [0] * len(batch.units)
        for owner, prompt, text in zip(owners, encoded[::2], encoded[1::2], strict=True):
            if text:
                ids += prompt
                ids += text
                told[owner].append((len(prompt), len(prompt) + len(text)))
            else:
                n_empty[owner] += 1
        lines = [unit.line for unit in batch.units]
        parts = list(zip(lines, told, n_empty, problems, strict=True))
        return _Encoded(batch.source, batch.first, np.array(ids, dtype=self.dtype), parts)


def _batches(sources: list[Source], begin: tuple[int, int], plain: PlainText) -> Iterator[_Batch]:
    """Units from a place in the files on, some at a time."""
    for number, source in enumerate(sources):
        if number < begin[0]:
            continue
        done = begin[1] if number == begin[0] else 0
        units: list[Unit] = []
        size = 0
        for unit in islice(read_units(source, plain), done, None):
            units.append(unit)
            size += len(unit.content)
            if len(units) >= _BATCH_UNITS or size >= _BATCH_BYTES:
                yield _Batch(number, done, units)
                done += len(units)
                units, size = [], 0
        if units:
            yield _Batch(number, done, units)


# ---- processes

_MapBatches = Callable[[Iterable[_Batch]], Iterator[_Encoded]]
_encode_here: _Encode | None = None  # of a worker process


def _start_worker(encode: _Encode) -> None:
    global _encode_here
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are the parallelism
    _encode_here = encode


def _in_worker(batch: _Batch) -> _Encoded:
    assert _encode_here is not None
    return _encode_here(batch)


@contextmanager
def _in_order(encode: _Encode, processes: int) -> Iterator[_MapBatches]:
    """A map over batches that keeps their order and reads only a few ahead."""
    if processes == 1:
        yield lambda batches: map(encode, batches)
        return
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(encode,)
    ) as executor:

        def mapped(batches: Iterable[_Batch]) -> Iterator[_Encoded]:
            waiting: deque[Future[_Encoded]] = deque()
            for batch in batches:
                waiting.append(executor.submit(_in_worker, batch))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield mapped
        except BrokenProcessPool as error:
            raise RunError(
                "a tokenizing process died (is there enough memory?); run it again, perhaps with fewer processes: "
                "finished shards are kept"
            ) from error
        finally:
            executor.shutdown(cancel_futures=True)


# ---- tokens to shards


@dataclass
class _Tally:
    """What is written so far, and where in the text files that ends."""

    out: Path
    dtype: np.dtype[Any]
    finished: list[dict[str, Any]]
    progress: Callable[[BuildProgress], None] | None
    shards: list[ShardInfo] = field(default_factory=list)
    end: tuple[int, int] = (0, 0)
    left_out: dict[str, Any] = field(default_factory=lambda: {"n_empty": 0, "n_broken": 0, "broken": []})

    def __post_init__(self) -> None:
        for told in self.finished:
            self.shards.append(ShardInfo(**told["shard"]))
            self.end = (told["end"][0], told["end"][1])
            self.left_out = told["left_out"]

    def passed(self, unit: _Tokens) -> None:
        """This unit is dealt with."""
        self.end = (unit.source, unit.n_units)
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


def _write_shards(units: Iterator[_Tokens], tally: _Tally, shard_tokens: int, sources: list[Source]) -> None:
    reported = None
    for first in units:
        if not first.documents:
            tally.passed(first)
            continue
        name = f"{len(tally.shards):05d}"
        with write_folder(tally.out / name) as draft:
            shard = _Shard(draft, tally.dtype)
            with (draft / TOKENS).open("wb") as file:
                for unit in chain([first], units):
                    file.write(shard.add(unit))
                    tally.passed(unit)
                    if tally.progress and unit.n_units // _BATCH_UNITS != reported:
                        reported = unit.n_units // _BATCH_UNITS
                        tally.progress(_told(tally, shard, sources[unit.source], unit.line))
                    if shard.n_tokens >= shard_tokens:
                        break
            info = shard.finish(name)
            told = {"shard": asdict(info), "end": tally.end, "left_out": tally.left_out}
            write_text(draft / INDEX, json.dumps(told, indent=1) + "\n")
        tally.shards.append(info)


def _told(tally: _Tally, shard: _Shard, source: Source, line: int) -> BuildProgress:
    n_documents = sum(one.n_documents for one in tally.shards) + len(shard.ends)
    n_tokens = sum(one.n_tokens for one in tally.shards) + shard.n_tokens
    return BuildProgress(source.path, line, n_documents, n_tokens, len(tally.shards))


class _Shard:
    """A shard being written."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        self.folder, self.dtype = folder, dtype
        self.n_tokens = 0
        self.ends, self.prompts = array("q"), array("q")
        self._sha256 = sha256()

    def add(self, unit: _Tokens) -> bytes:
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
