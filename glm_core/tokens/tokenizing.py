"""Text files to tokens: batches of lines, tokenized here or in several processes, in order and a few at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glm_core.errors import DataError, RunError
from glm_core.tokens.sources import PlainText, Reader, Source, Unit, read_documents, read_units
from glm_core.tokens.tokenizer import Tokenizer

_BATCH_UNITS, _BATCH_BYTES = 512, 1 << 19


class TextBatch(NamedTuple):
    """Units of one file. first: how many units of the file come before."""

    source: int
    first: int
    units: list[Unit]


class UnitTokens(NamedTuple):
    """What became of one unit of a file."""

    source: int
    n_units: int  # of the file so far, this one included
    ids: NDArray[np.integer]  # of all its documents
    documents: list[tuple[int, int]]  # tokens of the prompt, tokens in all
    n_empty: int  # documents without a token, left out
    broken: str | None  # why it could not be read


@dataclass(frozen=True)
class TokenBatch:
    """What became of a batch: all ids in one array, and line, documents, n_empty, broken of each unit."""

    source: int
    first: int
    ids: NDArray[np.integer]
    told: list[tuple[int, list[tuple[int, int]], int, str | None]]

    @property
    def last_line(self) -> int:
        """Where the last unit begins."""
        return self.told[-1][0]

    def units(self) -> Iterator[UnitTokens]:
        """The units one by one."""
        done = 0
        for n, (_, documents, n_empty, broken) in enumerate(self.told, self.first + 1):
            size = sum(n_tokens for _, n_tokens in documents)
            yield UnitTokens(self.source, n, self.ids[done : done + size], documents, n_empty, broken)
            done += size


@dataclass(frozen=True)
class Tokenizing:
    """A batch of units to tokens. Special tokens in text are ordinary text.

    skip_broken: what cannot be read becomes a unit without documents. Otherwise DataError names its file and line.
    """

    tokenizer: Tokenizer
    sources: Sequence[Source]
    reader: Reader
    skip_broken: bool
    dtype: np.dtype[Any]

    def __call__(self, batch: TextBatch) -> TokenBatch:
        texts: list[str] = []
        owners: list[int] = []
        broken: list[str | None] = [None] * len(batch.units)
        for n, unit in enumerate(batch.units):
            try:
                documents = read_documents(self.sources[batch.source], unit, self.reader)
            except DataError as error:
                if not self.skip_broken:
                    raise
                broken[n] = str(error)
                continue
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
        parts = list(zip(lines, told, n_empty, broken, strict=True))
        return TokenBatch(batch.source, batch.first, np.array(ids, dtype=self.dtype), parts)


def read_batches(sources: Sequence[Source], begin: tuple[int, int], plain: PlainText) -> Iterator[TextBatch]:
    """The units of files, some at a time, without those before `begin`: the number of a file, units of it."""
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
                yield TextBatch(number, done, units)
                done += len(units)
                units, size = [], 0
        if units:
            yield TextBatch(number, done, units)


MapBatches = Callable[[Iterable[TextBatch]], Iterator[TokenBatch]]

_here: Tokenizing | None = None  # of a worker process


def _start_worker(tokenizing: Tokenizing) -> None:
    global _here
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are the parallelism
    _here = tokenizing


def _in_worker(batch: TextBatch) -> TokenBatch:
    assert _here is not None
    return _here(batch)


@contextmanager
def in_order(tokenizing: Tokenizing, processes: int) -> Iterator[MapBatches]:
    """A map over batches that keeps their order and reads only a few ahead. Raises RunError where a process dies."""
    if processes == 1:
        yield lambda batches: map(tokenizing, batches)
        return
    # spawned, not forked: a forked tokenizer library may wait for a lock for ever
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(tokenizing,)
    ) as executor:

        def mapped(batches: Iterable[TextBatch]) -> Iterator[TokenBatch]:
            waiting: deque[Future[TokenBatch]] = deque()
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
