"""From a corpus to the rows of pretraining: every row is a function of seed and number, and of nothing else.

So order and resume are exact: on any number of processes, starting at any step, row i is the same row.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from glm_core.errors import UsageError
from glm_core.pretrain_config import PretrainConfig
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.infilling import Infilling, Level
from glm_core.tokens.packing import Sample, draw_sample
from glm_core.tokens.row import Row, join
from glm_core.tokens.sentences import sentence_ends
from glm_core.tokens.tokenizer import Tokenizer

_TRIES = 100  # a corpus of prompts alone ends them, with a row that has no target


def item_rng(seed: int, epoch: int, index: int) -> random.Random:
    """The generator of one row: all that is drawn for it, documents first and then its blanks.

    Python's Mersenne twister, seeded by the SHA-512 of the text below: equal on all machines, unrelated for neighbours.
    """
    return random.Random(f"glm-core row {seed} {epoch} {index}")


class RowMaker:
    """Rows by number, without end: `rows[7]`. May be sent to other processes, and given to a loader as its data set.

    Of the corpus, or a part of it, documents are drawn with replacement in proportion to their tokens. The level
    (token, sentence, document) is drawn for each row, where the original draws it for a batch. Short pieces of one
    sample share a row as segments that do not see each other, where the original makes a larger batch of them. A row
    with nothing to learn (it continues a prompt by more of it) is drawn again.
    """

    def __init__(
        self, corpus: Corpus, config: PretrainConfig, tokenizer: Tokenizer, *, seed: int, epoch: int = 0
    ) -> None:
        """Raises UsageError where corpus, config and tokenizer do not fit together."""
        corpus.check(tokenizer)
        ends = sentence_ends(tokenizer)
        self.corpus, self.config, self.seed, self.epoch = corpus, config, seed, epoch
        self._infilling = Infilling(config, tokenizer.special, ends.objective)
        self._ends = ends

    def __getitem__(self, index: int) -> Row:
        return self.leveled(index)[1]

    def leveled(self, index: int) -> tuple[Level, Row]:
        """Row `index` and its level, by which evaluation reports losses apart."""
        rng = item_rng(self.seed, self.epoch, index)
        for _ in range(_TRIES):
            level, rows = self._infilling.rows([self._sample(rng)], rng)
            row = rows[0] if len(rows) == 1 else join(rows)
            if row.target_mask.any():
                break
        return level, row

    def _sample(self, rng: random.Random) -> Sample:
        return draw_sample(
            self.corpus.draw,
            rng,
            length=self.config.sample_length,
            special=self._infilling.special,
            ends=self._ends,
            pack=self.config.pack_documents,
            hard_start_share=self.config.hard_start_share,
        )


def step_items(step: int, batch_size: int, *, rank: int = 0, world_size: int = 1) -> range:
    """The numbers of the rows that one process takes in one step; a step's rows are the next `batch_size` of all.

    Raises UsageError where the processes do not divide the batch.
    """
    if batch_size % world_size or not 0 <= rank < world_size:
        raise UsageError(f"a batch of {batch_size} cannot be shared by {world_size} processes (this one is {rank})")
    mine = batch_size // world_size
    first = step * batch_size + rank * mine
    return range(first, first + mine)


def pretrain_rows(
    corpus: Corpus,
    config: PretrainConfig,
    tokenizer: Tokenizer,
    *,
    seed: int,
    epoch: int = 0,
    start_step: int = 0,
    batch_size: int = 1,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[list[Row]]:
    """The rows of one step after another, without end, from `start_step` on, as if the steps before had been taken.

    batch_size: rows of a step over all processes; this one gets its share of them. Raises UsageError as `RowMaker` and
    `step_items` do, before the first row is asked for.
    """
    rows = RowMaker(corpus, config, tokenizer, seed=seed, epoch=epoch)
    step_items(start_step, batch_size, rank=rank, world_size=world_size)
    return (
        [rows[index] for index in step_items(step, batch_size, rank=rank, world_size=world_size)]
        for step in count(start_step)
    )
