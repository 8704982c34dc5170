"""The steps of pretraining: rows by number, made ahead of the step that learns from them.

A step is a function of its number alone, so a resumed run needs to remember nothing but that number; what was made ahead
and not used is lost with the process and made again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType

from glm_core.errors import RunError, UsageError
from glm_core.tokens.encode import Instance
from glm_core.tokens.infilling import Level
from glm_core.tokens.pretraining import RowMaker, step_items
from glm_core.tokens.row import Row
from glm_core.training.batching import token_batches

AHEAD = 4
"""Steps that are made ahead: a few, so that one with unusual documents holds nobody up."""

_rows: RowMaker | None = None  # of a worker process


def as_instance(row: Row, uid: str) -> Instance:
    """A row of pretraining as a question with one answer, all that its blanks hide; every token of it counts alike."""
    return Instance(uid=uid, row=row, words=None, answers=("",), labels=("0",), gold=0)


class PretrainSteps:
    """`Steps` without end for the trainer. To be used with `with`: it holds a thread, or processes.

    An epoch is as many steps as have the corpus's tokens in their samples; documents are drawn with replacement.
    """

    def __init__(
        self,
        rows: RowMaker,
        *,
        batch_size: int,
        micro_batch_tokens: int,
        steps_per_epoch: int,
        overhead: int = 64,
        processes: int = 0,
    ) -> None:
        """processes: that make rows; 0: a thread of this one does. overhead: what one more micro-batch costs, in tokens.

        Raises UsageError for a negative number of processes.
        """
        if processes < 0:
            raise UsageError(f"--processes is 0 or more; got {processes}")
        self.steps_per_epoch = steps_per_epoch
        self._rows, self._batch_size = rows, batch_size
        self._micro_batch_tokens, self._overhead = micro_batch_tokens, overhead
        self._ahead = max(AHEAD, 2 * processes)
        self._due: dict[tuple[int, int, int], Future[list[Row]]] = {}
        self._executor: Executor
        if processes:
            self._executor = ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (rows,))
        else:
            self._executor = ThreadPoolExecutor(1, "rows")

    def at(self, step: int, *, rank: int = 0, world_size: int = 1) -> list[list[Instance]]:
        """The micro-batches of one rank's share of a step. Raises what making them raised."""
        wanted = [(one, rank, world_size) for one in range(step, step + self._ahead + 1)]
        for key in set(self._due) - set(wanted):
            self._due.pop(key).cancel()
        for key in wanted:
            if key not in self._due:
                numbers = step_items(key[0], self._batch_size, rank=rank, world_size=world_size)
                self._due[key] = self._submit(numbers)
        try:
            rows = self._due.pop(wanted[0]).result()
        except BrokenProcessPool as error:
            raise RunError(
                "a process that makes rows has died; give the same command again, with fewer --processes"
            ) from error
        first = step_items(step, self._batch_size, rank=rank, world_size=world_size)[0]
        instances = [as_instance(row, f"row-{number}") for number, row in enumerate(rows, first)]
        lengths = [one.n_tokens for one in instances]
        groups = token_batches(lengths, budget=self._micro_batch_tokens, overhead=self._overhead)
        return [[instances[index] for index in group] for group in groups]

    def __enter__(self) -> PretrainSteps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, numbers: Sequence[int]) -> Future[list[Row]]:
        if isinstance(self._executor, ProcessPoolExecutor):
            return self._executor.submit(_make_there, numbers)
        return self._executor.submit(_make, self._rows, numbers)


def held_out(rows: RowMaker, n: int) -> list[tuple[Level, Instance]]:
    """The first rows of a development part, each with its level."""
    found = (rows.leveled(number) for number in range(n))
    return [(level, as_instance(row, f"dev-{number}")) for number, (level, row) in enumerate(found)]


def _make(rows: RowMaker, numbers: Sequence[int]) -> list[Row]:
    return [rows[number] for number in numbers]


def _start_worker(rows: RowMaker) -> None:
    global _rows
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _rows = rows


def _make_there(numbers: Sequence[int]) -> list[Row]:
    assert _rows is not None
    return _make(_rows, numbers)
