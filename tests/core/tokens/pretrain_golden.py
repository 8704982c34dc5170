"""What pretraining's recorded cases need: the vocabularies they were made with, the names of options, scripted draws."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from glm_core.pretrain_config import ORIGINAL_NAMES, PretrainConfig
from glm_core.tokens import Tokenizer, load_tokenizer
from glm_core.tokens.sentences import SentenceEnds, sentence_ends
from tests.shared_files import shared

VOCABULARIES = {
    "bert": "bert-base-uncased-vocab.txt",
    "gpt2": "gpt2-vocab.json",
    "roberta": "roberta-vocab.json",
    "chinese": "cog-pretrain.model",
}
_TOKENIZER_OPTIONS = {
    "add_task_mask": "task_mask",
    "add_decoder_mask": "decoder_mask",
    "fix_command_token": "fix_command_token",
    "add_sentinel_token": "sentinels",
}
_OPTIONS = {name.replace("-", "_"): mine for mine, name in ORIGINAL_NAMES.items()}
_OPTIONS |= {"average_block_length": "span_length", "shuffle_blocks": "shuffle_spans"}


def golden(name: str) -> Any:
    return json.loads(shared("golden", "pretrain", f"{name}.json").read_text(encoding="utf-8"))


def vocabulary(name: str, options: dict[str, Any]) -> tuple[Tokenizer, SentenceEnds]:
    return _vocabulary(name, json.dumps(options, sort_keys=True))


@cache
def _vocabulary(name: str, options: str) -> tuple[Tokenizer, SentenceEnds]:
    asked = {"task_mask": False, **{_TOKENIZER_OPTIONS[key]: value for key, value in json.loads(options).items()}}
    tokenizer = load_tokenizer(shared("vocab", VOCABULARIES[name]), **asked)
    return tokenizer, sentence_ends(tokenizer)


def config(options: dict[str, Any], sample_length: int) -> PretrainConfig:
    """Ours for the original's strategy options, whose defaults differ."""
    mine: dict[str, Any] = {"sentence_share": 0.0, "document_min_ratio": 0.5, "oddities": True}
    for name, value in options.items():
        if name == "block_position_encoding":
            mine["constant_block_position"] = not value
        elif name != "task_mask":  # here the vocabulary tells
            mine[_OPTIONS[name]] = value
    return PretrainConfig(sample_length=sample_length, **mine)


class Scripted(random.Random):
    """Gives the draws of a recording, and checks that they were asked for within their range."""

    def __init__(self, draws: Iterable[int] = (), chances: Iterable[float] = ()) -> None:
        super().__init__(0)
        self.draws, self.chances = list(draws), list(chances)

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # type: ignore[override]
        draw = self.draws.pop(0)
        assert step == 1 and (draw < start if stop is None else start <= draw < stop)
        return draw

    def random(self) -> float:
        return self.chances.pop(0)


class SamplesSets(random.Random):
    """`sample` of Python 3.10 and before, to which the original gave a set."""

    def sample(self, population: Sequence[Any], k: int, *, counts: Any = None) -> list[Any]:
        return super().sample(tuple(set(population)), k)


class NumpyDraws(random.Random):
    """The generator of an item of the original's data set, by index."""

    def __init__(self, index: int) -> None:
        super().__init__(0)
        seeds = random.Random(index)
        self.state = np.random.RandomState([seeds.randint(0, 2**32 - 1) for _ in range(16)])

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # type: ignore[override]
        assert stop is None and step == 1
        return int(self.state.randint(start))

    def random(self) -> float:
        return float(self.state.random_sample())
