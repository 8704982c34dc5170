"""The options of writing a blank.

Two programs of THUDM/GLM write, and they count in different ways. `rules` chooses between them and our own way:

    rules          own                       interactive                seq2seq
    written by     –                         generate_samples.py        tasks/seq2seq/evaluate.py
    a blank ends   at [eop] or [EOS]         at [eop] or [EOS]          at [eop] only
    beam length    tokens and [sop]          tokens and [sop]           tokens
    may be written words of the vocabulary   any id, padding rows too   any id, padding rows too
    next blank     sees all that was         does not see the last      sees all that was
                   written                   token of a blank that      written
                                             ran into `max_tokens`
    n-grams        within a blank            within a blank             over all blanks of a text, [sop] included

Their other habits are ordinary options: `temperature` above 0 with beams draws the candidates as both do by default;
`length_penalty` 0 and `max_tokens` 256 are the interactive program's; `memory` is its limited memory; `max_total` is
the evaluator's budget for several blanks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from glm_core.config import option
from glm_core.errors import UsageError

_ESCAPES = {"n": "\n", "t": "\t", "|": "|", "\\": "\\"}


@dataclass(frozen=True)
class GenerationConfig:
    """How blanks are written. As it stands: always the most likely token, up to 256 of them."""

    max_tokens: int = option(256, "tokens written into one blank, at most")
    min_tokens: int = option(0, "tokens written before a blank may end")
    max_total: int = option(0, "tokens written into all blanks of a text, their ends counted; 0: no limit")
    temperature: float = option(0.0, "0: the most likely token; above 0: drawn, the higher the freer")
    top_k: int = option(0, "only the k most likely tokens, and those as likely as the k-th; 0: all")
    top_p: float = option(1.0, "only the most likely tokens that together reach this share; 1: all")
    repetition_penalty: float = option(1.0, "above 1: what was written before becomes less likely")
    no_repeat_ngram: int = option(0, "no n tokens in a row are written twice; 0: they may be")
    stop: str = option("", "writing ends before this text; several are separated by |, \\n is a new line")
    beams: int = option(1, "beams of a beam search; above 1, a temperature draws them as the original does")
    length_penalty: float = option(1.0, "a beam's score is divided by (tokens ** penalty); 0: a plain sum")
    seed: int = option(1, "of everything that is drawn")
    max_length: int = option(0, "tokens of a row: the text and what is written; 0: what the model has positions for")
    batch_tokens: int = option(16384, "tokens of the rows written at once, beams counted; results do not depend on it")
    memory: int = option(0, "tokens that the model remembers, the oldest are forgotten; 0: all")
    rules: Literal["own", "interactive", "seq2seq"] = option(
        "own", "how lengths, ends and tokens count: our way, or that of one of the original's two programs"
    )

    def __post_init__(self) -> None:
        for name, least in (("max_tokens", 1), ("beams", 1), ("batch_tokens", 1)):
            self._check(getattr(self, name) >= least, name, f"is at least {least}")
        for name in ("min_tokens", "max_total", "temperature", "top_k", "no_repeat_ngram", "memory"):
            self._check(getattr(self, name) >= 0, name, "is not negative")
        self._check(self.min_tokens <= self.max_tokens, "min_tokens", f"is at most --max-tokens {self.max_tokens}")
        self._check(0 < self.top_p <= 1, "top_p", "is a share above 0, at most 1 (1: all)")
        self._check(self.repetition_penalty > 0, "repetition_penalty", "is above 0 (1: none)")
        self._check(self.length_penalty >= 0, "length_penalty", "is not negative")
        self._check(self.max_length == 0 or self.max_length >= 8, "max_length", "is 0 or at least 8")
        if (self.top_k or self.top_p < 1) and self.temperature == 0 and self.beams == 1:
            flag, value = ("--top-k", self.top_k) if self.top_k else ("--top-p", self.top_p)
            raise UsageError(
                f"{flag} {value} limits what is drawn, and nothing is drawn without --temperature (1: as the model says)"
            )
        _ = self.stops

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts before which writing ends. Raises UsageError for an escape that does not exist."""
        found, now, at = [], "", 0
        while at < len(self.stop):
            one = self.stop[at]
            if one == "\\":
                at += 1
                escaped = self.stop[at : at + 1]
                if escaped not in _ESCAPES:
                    raise UsageError(f"--stop {self.stop!r}: after \\ stands n, t, | or \\; got {escaped!r}")
                now += _ESCAPES[escaped]
            elif one == "|":
                found.append(now)
                now = ""
            else:
                now += one
            at += 1
        return tuple(one for one in (*found, now) if one)

    def _check(self, fine: bool, name: str, what: str) -> None:
        if not fine:
            raise UsageError(f"--{name.replace('_', '-')} {what}; got {getattr(self, name)!r}")
