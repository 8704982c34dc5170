"""Floor 3: ids and positions. Text becomes tokens here, and a cloze becomes a row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glm_core.errors import DataError, UsageError
from glm_core.tokens.libraries import ByteLevelBPE, SentencePiece, WordPiece, byte_symbols
from glm_core.tokens.special import (
    SpecialTokens,
    TokenizerOptions,
    check_collisions,
    known_collisions,
)
from glm_core.tokens.tokenizer import CONFIG_FILE, CONFIG_FORMAT, Encoded, Tokenizer
from glm_core.tokens.vocabulary import (
    VocabularyFiles,
    check_kind,
    check_pieces,
    find_vocabulary,
    is_complete,
    looks_lowercase,
    read_entries,
    read_merges,
    read_wordpiece,
)

__all__ = ["Encoded", "SpecialTokens", "Tokenizer", "TokenizerOptions", "check_collisions", "load_tokenizer"]

# What the published checkpoints of each kind were fine-tuned with (config_tasks/model_*.sh).
_TASK_MASK = {"bert-wordpiece": False, "gpt2-bpe": True, "roberta-bpe": False, "chinese-sp": True}


def load_tokenizer(
    where: str | Path,
    *,
    kind: str | None = None,
    task_mask: bool | None = None,
    decoder_mask: bool | None = None,
    fix_command_token: bool | None = None,
    sentinels: int | None = None,
    lowercase: bool | None = None,
) -> Tokenizer:
    """The tokenizer of the vocabulary that lies in a folder, or that a file belongs to.

    A folder written by `Tokenizer.save` knows its own options; passing others is an error. For a vocabulary as
    published, None means: `kind` ("bert-wordpiece", "gpt2-bpe", "roberta-bpe" or "chinese-sp") as recognised,
    `task_mask` as the published checkpoints of that kind (GPT-2 and Chinese have one), `fix_command_token` on,
    `lowercase` unless the vocabulary has capitals or is named `-cased` or `chinese`. The options are explained at
    `TokenizerOptions`.

    Raises UsageError where files are missing, several vocabularies lie there, or special tokens share an id that no
    published checkpoint shares; DataError where a file is cut off or changed.
    """
    where = Path(where)
    if kind is not None:
        check_kind(kind)
    asked: dict[str, Any] = {
        "task_mask": task_mask,
        "decoder_mask": decoder_mask,
        "fix_command_token": fix_command_token,
        "sentinels": sentinels,
        "lowercase": lowercase,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    saved = _saved(where / CONFIG_FILE) if where.is_dir() else None
    if saved is not None:
        return _load_saved(where, saved, kind, given)
    found = find_vocabulary(where, kind)
    return _build(found, found.read(), given)


def _build(found: VocabularyFiles, files: dict[str, bytes], given: dict[str, Any]) -> Tokenizer:
    """A tokenizer from the content of its files; what is not given becomes as published."""
    settled = {"task_mask": _TASK_MASK[found.kind], **given}
    paths = found.files
    tokenizer: Tokenizer
    if found.kind == "bert-wordpiece":
        entries = read_wordpiece(paths["vocab.txt"], files["vocab.txt"])
        settled.setdefault("lowercase", looks_lowercase(paths["vocab.txt"].name, entries))
        tokenizer = WordPiece(entries, TokenizerOptions(**settled), files)
    elif found.kind == "chinese-sp":
        try:
            tokenizer = SentencePiece(TokenizerOptions(**settled), files)
        except (RuntimeError, OSError) as error:
            raise DataError("not a sentencepiece model, or cut off", file=found.first) from error
        check_pieces(found.first, tokenizer.n_text_tokens)
    else:
        entries = read_entries(paths["vocab.json"], files["vocab.json"], found.kind)
        merges = read_merges(paths["vocab.json"], entries, paths["merges.txt"], files["merges.txt"], byte_symbols())
        tokenizer = ByteLevelBPE(found.kind, entries, merges, TokenizerOptions(**settled), files)
    check_collisions(tokenizer.special, known=known_collisions(found.kind, tokenizer.options))
    return tokenizer


def _saved(file: Path) -> dict[str, Any] | None:
    """What `Tokenizer.save` wrote, or None: other programs write a file of this name too."""
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError("not JSON, perhaps cut off; write the folder again", file=file) from error
    if not isinstance(told, dict) or not str(told.get("format", "")).startswith("glm-core tokenizer"):
        return None
    if told["format"] != CONFIG_FORMAT:
        raise DataError(f"is {told['format']!r}; this version reads {CONFIG_FORMAT!r}", file=file)
    return told


def _load_saved(where: Path, saved: dict[str, Any], kind: str | None, given: dict[str, Any]) -> Tokenizer:
    told = where / CONFIG_FILE
    try:
        options = asdict(TokenizerOptions(**saved["options"]))
        found = VocabularyFiles(saved["kind"], {name: where / name for name in saved["files"]})
        check_kind(found.kind)
        if not is_complete(found.kind, saved["files"]):
            raise ValueError(f"files {', '.join(saved['files'])}")
        hashes, fingerprint = dict(saved["files"]), saved["fingerprint"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"lacks or holds something that this version does not know ({error})", file=told) from error
    asked = {**given} if kind is None else {"kind": kind, **given}
    for name, value in asked.items():
        known = {"kind": found.kind, **options}[name]
        if value != known:
            raise UsageError(f"{where}: was saved with {name}={known}, and {name}={value} would give other ids")
    files = found.read()
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != hashes[name]:
            raise DataError(f"is not the file that was saved ({CONFIG_FILE} has another sha256)", file=where / name)
    tokenizer = _build(found, files, options)
    if tokenizer.fingerprint != fingerprint:
        raise DataError("was written by a version that gives other ids; load the vocabulary files alone", file=told)
    return tokenizer
