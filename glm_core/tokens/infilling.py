"""GLM's pretraining objective: which stretches of a sample are blanked out, and how the row shows them.

Three levels, drawn for each batch of samples: short spans of tokens ([MASK]), whole sentences ([sMASK]), one long stretch
of the document ([gMASK]; [MASK] stands in for the other two where a vocabulary lacks them). All spans of a sample are
one branch of its row, each seeing those written before it; `blanks.py` draws the picture.

Source: arXiv 2103.10360, section 2.1. Every draw comes in the order of THUDM/GLM's `ConstructBlockStrategy`
(`blocklm_utils.py`), so the same samples and generator give the same rows. The original drops samples whose spans do not
fit and breaks off at samples of two tokens; here every sample gives a row.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from glm_core.errors import UsageError
from glm_core.pretrain_config import PretrainConfig
from glm_core.tokens.blanks import blank_out, context_candidates, continue_sample, mask_out
from glm_core.tokens.packing import Sample, original_short_pieces, short_pieces
from glm_core.tokens.row import Row
from glm_core.tokens.spans import (
    Stretch,
    choose_sentences,
    draw_lengths,
    original_sentences,
    sentences,
    token_spans,
)
from glm_core.tokens.special import SpecialTokens

Level = Literal["token", "sentence", "document"]


class Infilled(NamedTuple):
    """What became of a batch of samples."""

    level: Level
    rows: list[Row]


@dataclass(frozen=True)
class Infilling:
    """The objective of a config over a vocabulary. `rows` is its verb.

    ends: 1 at the ids that end a sentence (`SentenceEnds.objective`).
    Raises UsageError where the config needs special tokens that the vocabulary does not have.
    """

    config: PretrainConfig
    special: SpecialTokens
    ends: Sequence[int]

    def __post_init__(self) -> None:
        config = self.config
        if (config.decoder_mask_ratio or config.context_mask_ratio) and self.special.decoder_block is None:
            raise UsageError("decoder and context masks need [dBLOCK]; load the tokenizer with decoder_mask=True")
        if config.sentinels and not self.special.sentinels:
            raise UsageError("--sentinels needs sentinel tokens; load the tokenizer with sentinels=N")

    def rows(
        self, samples: Sequence[Sample], rng: random.Random, *, block_rng: random.Random | None = None
    ) -> Infilled:
        """Rows of a batch of samples, of one level drawn for all; more rows than samples where short pieces are drawn.

        samples: `[CLS] … [EOS] [CLS] …`. block_rng: where [dBLOCK]s of Part B are drawn from, if not from `rng` (the
        original draws them elsewhere). A row has no target where its sample has no word, and where all that it
        continues is prompt.
        """
        config = self.config
        if rng.random() < config.short_share:
            split = original_short_pieces if config.oddities else short_pieces
            samples = split(samples, rng, length=config.sample_length, special=self.special, ends=self.ends)
        single = rng.random() < config.single_span_share
        level = self._level(0.0 if single else rng.random())
        if level == "token":
            rows = [self._token_row(sample, single, rng, block_rng or rng) for sample in samples]
        elif level == "sentence":
            rows = [self._sentence_row(sample, rng) for sample in samples]
        else:
            rows = self._document_rows(samples, rng)
        return Infilled(level, rows)

    def _level(self, draw: float) -> Level:
        if draw < self.config.token_share:
            return "token"
        return "sentence" if draw < self.config.token_share + self.config.sentence_share else "document"

    def _token_row(self, sample: Sample, single: bool, rng: random.Random, block_rng: random.Random) -> Row:
        config = self.config
        lengths = draw_lengths(
            len(sample),
            rng,
            ratio=config.mask_ratio,
            mean=config.span_length,
            longest=config.longest_span,
            single=single,
        )
        spans = self._placed(sample, lengths, rng)
        if config.masked_lm:
            return mask_out(sample, spans, mask=self.special.mask)
        return self._row_of_spans(sample, spans, "token", rng, block_rng)

    def _sentence_row(self, sample: Sample, rng: random.Random) -> Row:
        find = original_sentences if self.config.oddities else sentences
        found = find(sample.ids, self.ends, cls=self.special.cls, eos=self.special.eos)
        spans = choose_sentences(found, len(sample), self.config.sentence_ratio, rng)
        return self._row_of_spans(sample, spans, "sentence", rng, rng)

    def _document_rows(self, samples: Sequence[Sample], rng: random.Random) -> list[Row]:
        """One length is drawn for the batch. A sample of several documents is always continued, never blanked inside."""
        config, special = self.config, self.special
        lengths = [len(sample) for sample in samples]
        high = max(max(lengths) - 2, 1)
        low = max(int(config.document_min_ratio * min(lengths)), 1)
        n_written = rng.randint(min(low, high), high)
        rows = []
        for sample in samples:
            n = min(n_written, max(len(sample) - 2, 1))
            several = special.eos in sample.ids[:-1]
            if several or len(sample) < 3 or rng.random() < config.continuation_share:
                rows.append(self._continued(sample, n))
            elif config.masked_lm:
                rows.append(mask_out(sample, self._placed(sample, [n], rng), mask=special.mask))
            else:
                rows.append(self._row_of_spans(sample, self._placed(sample, [n], rng), "document", rng, rng))
        return rows

    def _continued(self, sample: Sample, n_written: int) -> Row:
        return continue_sample(
            sample,
            n_written,
            mask=self._mask("document"),
            sop=self.special.sop,
            constant_block_position=self.config.constant_block_position,
        )

    def _placed(self, sample: Sample, lengths: list[int], rng: random.Random) -> list[Stretch]:
        rng.shuffle(lengths)  # once would do; the second draw keeps the order of the original's
        rng.shuffle(lengths)
        ratio, special = self.config.mask_ratio, self.special
        return token_spans(sample.ids, lengths, rng, ratio=ratio, cls=special.cls, eos=special.eos)

    def _mask(self, level: Level) -> int:
        own = {"token": None, "sentence": self.special.sentence_mask, "document": self.special.document_mask}[level]
        return self.special.mask if own is None else own

    def _row_of_spans(
        self, sample: Sample, spans: list[Stretch], level: Level, rng: random.Random, block_rng: random.Random
    ) -> Row:
        config, special = self.config, self.special
        n_part_a = len(sample) - sum(end - start - 1 for start, end in spans)
        bias = 0
        if config.random_positions and n_part_a < config.sample_length:
            bias = rng.randrange(config.sample_length - n_part_a + 1)
        if config.shuffle_spans:
            rng.shuffle(spans)
        else:
            spans.sort()
        masks, sops = self._masks_and_sops(len(spans), level)
        hidden_written: list[bool] = []
        hidden_context: list[int] = []
        if level == "token" and config.decoder_mask_ratio:
            n_written = sum(end - start for start, end in spans)
            hidden_written = [block_rng.random() < config.decoder_mask_ratio for _ in range(n_written)]
        if level == "token" and config.context_mask_ratio:
            candidates = context_candidates(n_part_a, _blanks(spans), config.context_mask_reach)
            wanted = min(int(config.context_mask_ratio * len(sample)), len(candidates))
            hidden_context = rng.sample(candidates, wanted)
        return blank_out(
            sample.ids,
            spans,
            masks=masks,
            sops=sops,
            eop=special.eop,
            bias=bias,
            one_position=config.sample_length if config.sentinels else None,
            constant_block_position=config.constant_block_position,
            hidden_written=hidden_written,
            hidden_context=hidden_context,
            decoder_block=special.decoder_block or 0,
        )

    def _masks_and_sops(self, n: int, level: Level) -> tuple[list[int], list[int]]:
        """For each span in order of writing. Only token spans have masks of their own among sentinels."""
        mask, sop = self._mask(level), self.special.sop
        if not self.config.sentinels:
            return [mask] * n, [sop] * n
        pairs = [(mask, sop), *self.special.sentinels]
        if n > len(pairs):
            raise UsageError(f"{n} spans need as many sentinels, and there are {len(pairs)}; load more of them")
        sops = [one for _, one in pairs[:n]]
        return ([one for one, _ in pairs[:n]] if level == "token" else [mask] * n), sops


def _blanks(spans: Sequence[Stretch]) -> list[int]:
    """Where the masks of these spans stand in Part A, ascending."""
    found = []
    shrunk = 0
    for start, end in sorted(spans):
        found.append(start - shrunk)
        shrunk += end - start - 1
    return found
