"""From text to tensors: how many examples a second are rendered, tokenized, laid out and collated. No network."""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lengths import read_lengths
from glm_core.examples import Example
from glm_core.model.batch import collate
from glm_core.pvp import PVP, Edges
from glm_core.tokens import load_tokenizer
from glm_core.tokens.encode import encode
from glm_core.tokens.tokenizer import Tokenizer

SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
FIXED = "[PAD] [UNK] [CLS] [SEP] [MASK] , . ? : question answer yes not"
PATTERN = "{premise} question: {hypothesis}? answer: [MASK]."
WORDS = {"entailment": "Yes", "not_entailment": "Not"}
BATCH = 32


@dataclass(frozen=True)
class Encoding:
    """Microseconds of CPU time per example."""

    name: str
    render: float
    encode: float  # tokenize and lay out
    collate: float
    tokens: float  # per example

    @property
    def per_second(self) -> float:
        return 1e6 / (self.render + self.encode + self.collate)


def made_up_tokenizer(folder: Path) -> Tokenizer:
    """A WordPiece vocabulary of 4,900 two-syllable words and their pieces."""
    words = [one + other for one in SYLLABLES for other in SYLLABLES]
    pieces = [f"##{one}" for one in SYLLABLES]
    (folder / "vocab.txt").write_text("\n".join([*FIXED.split(), *SYLLABLES, *pieces, *words]) + "\n", encoding="utf-8")
    return load_tokenizer(folder)


def made_up_examples(task: str, n: int, seed: int = 1) -> list[Example]:
    """Texts of random words, as many as the sample's examples have tokens."""
    rng = random.Random(seed)
    sample = read_lengths(task, "dev")

    def text(length: int) -> str:
        return " ".join(rng.choice(SYLLABLES) + rng.choice(SYLLABLES) for _ in range(max(1, length)))

    made = []
    for index in range(n):
        length = sample[index % len(sample)].part_a - 10
        fields = {"premise": text(length - length // 5), "hypothesis": text(length // 5)}
        made.append(Example(f"{task}-{index}", fields, label=rng.choice(list(WORDS))))
    return made


def measure(task: str, *, examples: int = 512, repeats: int = 5) -> list[Encoding]:
    """Words read off together, and answers of their own ([eop] scored): the best of some repetitions each."""
    found = []
    given = made_up_examples(task, examples)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = made_up_tokenizer(Path(folder))
        for name, edges in (("single", Edges()), ("multi", Edges(end="eop"))):
            pvp = PVP("answer", PATTERN, WORDS, edges=edges)
            best = [float("inf")] * 3
            for _ in range(repeats):
                times = [time.process_time()]
                clozes = [pvp.cloze(one) for one in given]
                times.append(time.process_time())
                instances = [encode(one, tokenizer, max_length=256) for one in clozes]
                times.append(time.process_time())
                for at in range(0, len(instances), BATCH):
                    collate(instances[at : at + BATCH], pad=tokenizer.special.pad)
                times.append(time.process_time())
                best = [min(old, end - begin) for old, begin, end in zip(best, times, times[1:], strict=False)]
            tokens = sum(one.n_tokens for one in instances) / len(instances)
            render, encoded, collated = (1e6 * one / len(given) for one in best)
            found.append(Encoding(f"{task} {name}", render, encoded, collated, tokens))
    return found
