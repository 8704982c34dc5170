"""A vocabulary of one's own, learnt from text by the `tokenizers` library."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from glm_core.atomic import write_folder
from glm_core.errors import UsageError
from glm_core.tokens import load_tokenizer
from glm_core.tokens.tokenizer import Tokenizer

KINDS = ("bert-wordpiece", "gpt2-bpe")

# Where BERT has them, so that a small vocabulary reads like a large one: [PAD] first, the others after it.
_BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def train_vocabulary(
    texts: Iterable[str],
    out: str | Path,
    *,
    kind: str = "bert-wordpiece",
    size: int = 8000,
    min_count: int = 2,
    lowercase: bool = True,
    task_mask: bool = False,
    progress: bool = False,
) -> Tokenizer:
    """Learn `size` pieces from texts and write them into the folder `out`, as `load_tokenizer` reads it.

    kind: "bert-wordpiece" (words, split into pieces) or "gpt2-bpe" (bytes; nothing is ever unknown, capitals are kept).
    texts: gone through twice for words, so an iterator is kept in memory; better something that begins anew.
    min_count: rarer pairs are not merged. task_mask: [sMASK] and [gMASK] too, for sentences and documents.
    The same texts give the same vocabulary. Raises UsageError for an impossible size or empty texts.
    """
    if kind not in KINDS:
        raise UsageError(f"--kind is one of {', '.join(KINDS)}; got '{kind}'")
    least = 300  # bytes, or letters and their continuations, and the special tokens
    if size < least:
        raise UsageError(f"--size is at least {least}; got {size}")
    seen = _Seen(list(texts) if iter(texts) is texts else texts)
    library, trainer = (
        _wordpiece(seen, size, min_count, lowercase, progress) if kind == KINDS[0] else _bpe(size, min_count, progress)
    )
    library.train_from_iterator(seen, trainer)
    if not seen.some:
        raise UsageError("there is no text to learn a vocabulary from")
    with write_folder(out) as draft:
        if kind == KINDS[0]:
            ordered = sorted(library.get_vocab().items(), key=lambda one: one[1])
            (draft / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in ordered), encoding="utf-8")
        else:
            found = json.loads(library.to_str())["model"]
            (draft / "vocab.json").write_text(json.dumps(found["vocab"], ensure_ascii=False), encoding="utf-8")
            merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in found["merges"]]
            (draft / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
        options: dict[str, Any] = {"kind": kind, "task_mask": task_mask}
        if kind == KINDS[0]:
            options["lowercase"] = lowercase
        load_tokenizer(draft, **options).save(draft)
    return load_tokenizer(out)


class _Seen:
    """Texts as they are drawn, any number of times, and whether there were any."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = texts
        self.some = False

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            self.some = self.some or bool(text.strip())
            yield text


def _wordpiece(texts: Iterable[str], size: int, min_count: int, lowercase: bool, progress: bool) -> tuple[Any, Any]:
    from tokenizers import Tokenizer as Library
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.trainers import WordPieceTrainer

    library = Library(WordPiece(unk_token="[UNK]"))
    library.normalizer = BertNormalizer(lowercase=lowercase)
    library.pre_tokenizer = BertPreTokenizer()
    letters = _letters((library.normalizer.normalize_str(text) for text in texts), min(1000, size // 4))
    # The library would number the continuations as its hash table gives them, another way each time.
    continuations = [f"##{letter}" for letter in letters if _may_continue(letter)]
    trainer = WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_count,
        special_tokens=[*_BERT_SPECIAL, *continuations],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        show_progress=progress,
    )
    return library, trainer


def _letters(texts: Iterable[str], most: int) -> list[str]:
    """The most frequent letters, sorted; of equals the one that comes first in Unicode."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    known = [letter for letter in counts if not letter.isspace()]
    return sorted(sorted(known, key=lambda letter: (-counts[letter], letter))[:most])


def _may_continue(letter: str) -> bool:
    """Whether a letter may stand inside a word: punctuation is always a word of its own."""
    return not (unicodedata.category(letter).startswith("P") or (letter.isascii() and not letter.isalnum()))


def _bpe(size: int, min_count: int, progress: bool) -> tuple[Any, Any]:
    from tokenizers import Tokenizer as Library
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    library = Library(BPE())
    library.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=progress,
    )
    return library, trainer
