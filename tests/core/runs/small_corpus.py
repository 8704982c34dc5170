"""A vocabulary, a corpus and a GLM small enough to be pretrained in a second."""

from __future__ import annotations

import json
import random
from pathlib import Path

from glm_core.config import TrainConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.pretrain_config import PretrainConfig
from glm_core.runs.pretrain_model import Sizes, fresh_model
from glm_core.tokens import load_tokenizer
from glm_core.tokens.shards import build_shards
from glm_core.tokens.train_vocabulary import train_vocabulary

WHO, DID, WHAT = ("the fox", "a child", "my aunt"), ("saw", "found", "lost"), ("a pond", "the moon", "two keys")

INFILLING = PretrainConfig(sample_length=48, token_share=0.5, sentence_share=0.25, short_share=0.2)
TRAINING = TrainConfig(
    steps=10, batch_size=4, learning_rate=5e-3, warmup=0.1, objective="lm", eval_every=0.02, dropout=0.1, save_every=3
)


def sentences(n: int, seed: int) -> list[str]:
    """Documents of three sentences that are easily learnt."""
    rng = random.Random(seed)
    return [
        " ".join(f"{rng.choice(WHO)} {rng.choice(DID)} {rng.choice(WHAT)}." for _ in range(3)).capitalize()
        for _ in range(n)
    ]


def write_texts(file: Path, n: int = 120, seed: int = 3) -> Path:
    """A `.jsonl` file of such documents."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in sentences(n, seed)), encoding="utf-8")
    return file


def write_corpus(folder: Path) -> Path:
    """`texts.jsonl`, `vocab/`, `corpus/` and `dev/` in a folder."""
    texts = write_texts(folder / "texts.jsonl")
    train_vocabulary(sentences(120, 3), folder / "vocab", size=300, task_mask=True)
    tokenizer = load_tokenizer(folder / "vocab")
    build_shards([texts], tokenizer, folder / "corpus", shard_tokens=1000)
    build_shards([write_texts(folder / "dev.jsonl", 20, 4)], tokenizer, folder / "dev")
    return folder


def small_model(folder: Path, seed: int = 1, positions: int = 64) -> GLMBackbone:
    """Two layers of width 16 over that vocabulary."""
    return fresh_model(
        Sizes(layers=2, width=16, heads=2, positions=positions), folder / "vocab", seed=seed, device="cpu"
    )
