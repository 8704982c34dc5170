"""The options of pretraining by blank infilling: what is taken out of a text, and how samples are cut from documents.

Defaults are the objective of GLM-10B (half token spans, three tenths sentences, the rest document endings). The names that
THUDM/GLM gives the same options are listed in `ORIGINAL_NAMES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glm_core.config import option
from glm_core.errors import UsageError

ORIGINAL_NAMES = {
    "sample_length": "seq-length",
    "token_share": "bert-prob",
    "sentence_share": "gap-sentence-prob",
    "span_length": "avg-block-length",
    "single_span_share": "single-span-prob",
    "sentence_ratio": "gap-sentence-ratio",
    "document_min_ratio": "gpt-min-ratio",
    "continuation_share": "gpt-infill-prob",
    "short_share": "short-seq-prob",
    "decoder_mask_ratio": "block-mask-prob",
    "context_mask_ratio": "context-mask-ratio",
    "random_positions": "random-position",
    "sentinels": "sentinel-token",
    "masked_lm": "masked-lm",
    "hard_start_share": "non-sentence-start",
}
"""From our options to the original's flags of the same meaning; those of opposite meaning are told in the help."""

ADVICE: Mapping[str, Any] = {
    "objective": "lm",
    "epochs": 1.0,
    "batch_size": 64,
    "learning_rate": 4e-4,
    "schedule": "cosine",
    "warmup": 0.04,
    "beta2": 0.95,
    "eval_every": 0.05,
}
"""What is usual for pretraining where it differs from fine-tuning (`TrainConfig`); the published GLMs had rates from 1e-4
to 4e-4."""

_SHARES = (
    "token_share",
    "sentence_share",
    "single_span_share",
    "continuation_share",
    "short_share",
    "hard_start_share",
    "decoder_mask_ratio",
    "context_mask_ratio",
    "mask_ratio",
    "sentence_ratio",
    "document_min_ratio",
)


@dataclass(frozen=True)
class PretrainConfig:
    """How documents become rows with blanks. Shares are of rows, ratios of a sample's tokens."""

    sample_length: int = option(512, "tokens of a sample before its blanks are made; a row is longer by two per span")
    token_share: float = option(0.5, "share of rows whose blanks are short spans of tokens, [MASK]")
    sentence_share: float = option(0.3, "share of rows whose blanks are whole sentences, [sMASK]; the rest: [gMASK]")
    mask_ratio: float = option(0.15, "token rows: share of the tokens taken out")
    span_length: float = option(3.0, "token rows: mean of the Poisson distribution that span lengths are drawn from")
    longest_span: int = option(39, "token rows: no span is longer")
    single_span_share: float = option(0.0, "share of rows that are token rows with one span only")
    sentence_ratio: float = option(0.15, "sentence rows: sentences are taken out up to this share of the tokens")
    document_min_ratio: float = option(0.25, "document rows: the shortest stretch to write, as a share of the sample")
    continuation_share: float = option(0.5, "document rows: share that writes the sample's end, without [eop]")
    shuffle_spans: bool = option(True, "spans are written in random order; off: as they stand (no-shuffle-block)")
    short_share: float = option(0.0, "share of rows made of several short pieces instead of one long sample")
    decoder_mask_ratio: float = option(0.0, "token rows: share of the tokens read while writing that become [dBLOCK]")
    context_mask_ratio: float = option(0.0, "token rows: share of tokens beside spans that become [dBLOCK]")
    context_mask_reach: int = option(3, "token rows: so near to a span a token may become [dBLOCK]")
    random_positions: bool = option(False, "rows of spans begin at a random position")
    constant_block_position: bool = option(False, "block position 1 all over Part B (no-block-position)")
    sentinels: bool = option(False, "a mask of its own for every span, at one common position")
    masked_lm: bool = option(False, "BERT's objective on the same spans; no Part B")
    pack_documents: bool = option(True, "short documents share a sample; off: one each (sample-one-document)")
    hard_start_share: float = option(0.0, "share of cut documents that need not begin with a sentence")
    oddities: bool = option(False, "cut sentences and short pieces exactly as the original does, mistakes included")

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"--{name.replace('_', '-')} is from 0 to 1; got {getattr(self, name)!r}")
        if self.token_share + self.sentence_share > 1 + 1e-10:
            total = self.token_share + self.sentence_share
            raise UsageError(f"--token-share and --sentence-share are together at most 1; got {total:g}")
        if self.sample_length < 16:
            raise UsageError(f"--sample-length is at least 16; got {self.sample_length!r}")
        if not 0 < self.span_length <= 100:
            raise UsageError(f"--span-length is above 0 and at most 100; got {self.span_length!r}")
        for name in ("longest_span", "context_mask_reach"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} is at least 1; got {getattr(self, name)!r}")
        if self.masked_lm and self.sentinels:
            raise UsageError("--masked-lm has no Part B, so --sentinels mean nothing with it; choose one of them")

    @property
    def document_share(self) -> float:
        """What token and sentence rows leave: rows that write a long stretch of the document."""
        return max(0.0, 1.0 - self.token_share - self.sentence_share)
