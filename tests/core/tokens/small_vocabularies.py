"""Vocabularies small enough to read, written into a test's folder."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from glm_core.tokens.libraries import byte_symbols

WORDS = (
    "[UNK]",
    "the",
    "pond",
    "froze",
    "un",
    "##do",
    "##ing",
    "[SEP]",
    "[CLS]",
    ".",
    "[PAD]",
    "[",
    "]",
    "mask",
    "[MASK]",
)
"""A WordPiece vocabulary whose special tokens stand anywhere: 15 entries."""

MERGES = ("Ġ t", "h e", "Ġt he", "Ã ©")
"""Over the 256 bytes: ` t`, `he`, ` the`, and the two bytes of é: 260 pieces."""


def wordpiece(folder: Path, words: Sequence[str] = WORDS, name: str = "vocab.txt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    return folder


def byte_pairs(
    folder: Path, extra: Sequence[str] = ("<|endoftext|>",), merges: Sequence[str] = MERGES, prefix: str = ""
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [*byte_symbols(), *(merge.replace(" ", "") for merge in merges), *extra]
    entries = {piece: id for id, piece in enumerate(pieces)}
    (folder / f"{prefix}vocab.json").write_text(json.dumps(entries), encoding="utf-8")
    (folder / f"{prefix}merges.txt").write_text("#version: 0.2\n" + "".join(f"{m}\n" for m in merges), encoding="utf-8")
    return folder


def sentencepiece(folder: Path, name: str = "small.model") -> Path:
    """Thirty pieces made from one sentence; `<n>` is a symbol of its own, as in GLM's model."""
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["the pond froze and the pond thawed"]),
        model_writer=model,
        model_type="bpe",
        vocab_size=30,
        user_defined_symbols=["<n>"],
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(model.getvalue())
    return folder
