"""Vocabulary files: which kind lies in a folder, and whether it is whole.

Recognised are the published names (`bert-base-uncased-vocab.txt`, `gpt2-vocab.json` with `gpt2-merges.txt`, the same
for `roberta`, `cog-pretrain.model`) and the plain ones (`vocab.txt`, `vocab.json` with `merges.txt`, a `*.model`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from glm_core.errors import DataError, UsageError, did_you_mean
from glm_core.tokens.special import KINDS

WANTED = (
    "vocab.txt or bert-…-vocab.txt (bert-wordpiece); vocab.json with merges.txt, or gpt2-…/roberta-… of both (BPE); "
    "cog-pretrain.model (chinese-sp)"
)
_BERT_ENTRIES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA_ENTRIES = ("<s>", "</s>", "<unk>", "<mask>")
_CHINESE_PIECES = 50000


@dataclass(frozen=True)
class VocabularyFiles:
    """The files of one vocabulary: the name they are saved under, and where they lie."""

    kind: str
    files: Mapping[str, Path]

    @property
    def first(self) -> Path:
        """The file to name when something is wrong."""
        return next(iter(self.files.values()))

    def read(self) -> dict[str, bytes]:
        """Name to content. Raises DataError where a file cannot be read."""
        content = {}
        for name, path in self.files.items():
            try:
                content[name] = path.read_bytes()
            except OSError as error:
                raise DataError(f"cannot be read ({error.strerror})", file=path) from error
        return content


def check_kind(kind: str) -> None:
    """Raise UsageError unless there is such a kind of tokenizer."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind of tokenizer {kind!r}; there are {', '.join(KINDS)}{did_you_mean(kind, KINDS)}")


def find_vocabulary(where: Path, kind: str | None = None) -> VocabularyFiles:
    """The one vocabulary in a folder, or the one that a file belongs to; `kind` chooses among several.

    Raises UsageError that says what is missing, or what to pass where there are several.
    """
    if not where.exists():
        raise UsageError(f"{where}: no such file or folder; a vocabulary is {WANTED}")
    found = _candidates(where)
    there = ", ".join(f"{one.first.name} ({one.kind})" for one in found)
    chosen = [one for one in found if kind in (None, one.kind)]
    if not chosen:
        told = (
            f"no vocabulary of kind {kind} there, only {there}" if there else f"no vocabulary there; wanted is {WANTED}"
        )
        raise UsageError(f"{where}: {told}")
    for path in (path for one in chosen for path in one.files.values()):
        if not path.is_file():
            raise UsageError(
                f"{path}: no such file; a byte-level BPE vocabulary is two files, of entries and of merges"
            )
    kinds = sorted({one.kind for one in chosen})
    if len(kinds) > 1:
        raise UsageError(f"{where}: several vocabularies there: {there}; pass kind=, one of {', '.join(kinds)}")
    if len(chosen) > 1 and len({tuple(one.read().values()) for one in chosen}) > 1:
        names = ", ".join(one.first.name for one in chosen)
        raise UsageError(
            f"{where}: several {kind or kinds[0]} vocabularies there: {names}; pass the file, not the folder"
        )
    return chosen[0]


def is_complete(kind: str, names: Collection[str]) -> bool:
    """Whether these are the names under which one vocabulary of this kind is saved, with no path in them."""
    if kind == "chinese-sp":
        return len(names) == 1 and all(name.endswith(".model") and Path(name).name == name for name in names)
    return set(names) == ({"vocab.txt"} if kind == "bert-wordpiece" else {"vocab.json", "merges.txt"})


def _candidates(where: Path) -> list[VocabularyFiles]:
    """Every vocabulary in a folder, or the one that a file belongs to, by the names of the files."""
    folder, names = (
        (where.parent, [where.name]) if where.is_file() else (where, [path.name for path in where.iterdir()])
    )
    found: list[VocabularyFiles] = []
    pairs: set[str] = set()
    for name in sorted(names):
        if name == "vocab.txt" or name.endswith("-vocab.txt"):
            found.append(VocabularyFiles("bert-wordpiece", {"vocab.txt": folder / name}))
        elif name.endswith(".model"):
            found.append(VocabularyFiles("chinese-sp", {name: folder / name}))
        for half in ("vocab.json", "merges.txt"):
            if name == half or name.endswith(f"-{half}"):
                pairs.add(name.removesuffix(half))
    return found + [_byte_pairs(folder, prefix) for prefix in sorted(pairs)]


def _byte_pairs(folder: Path, prefix: str) -> VocabularyFiles:
    """The two halves of a byte-level BPE vocabulary, which may not both be there. RoBERTa's has `<mask>` in it."""
    files = {name: folder / f"{prefix}{name}" for name in ("vocab.json", "merges.txt")}
    roberta = prefix.startswith("roberta")
    if not prefix.startswith(("roberta", "gpt2")) and files["vocab.json"].is_file():
        roberta = b'"<mask>"' in files["vocab.json"].read_bytes()
    return VocabularyFiles("roberta-bpe" if roberta else "gpt2-bpe", files)


def read_wordpiece(file: Path, content: bytes) -> dict[str, int]:
    """`vocab.txt`: one entry a line, ids from 0. Raises DataError where it is not whole."""
    lines = _text(file, content).replace("\r\n", "\n").removesuffix("\n").split("\n")
    # the published files begin [PAD], [unused0] (30522 lines) or [PAD], [unused1] (21128 or more)
    whole = {"[unused0]": 30522, "[unused1]": 21128}.get(lines[1] if len(lines) > 1 else "", 0)
    if len(lines) < whole:
        raise DataError(
            f"cut off: {len(lines)} lines of a published vocabulary of at least {whole}; copy it again", file=file
        )
    entries: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line:
            raise DataError("an empty line; every line is an entry, and ids are line numbers", file=file, line=number)
        if line in entries:
            raise DataError(f"{line!r} is there already, in line {entries[line] + 1}", file=file, line=number)
        entries[line] = number - 1
    _want(entries, _BERT_ENTRIES, file)
    return entries


def looks_lowercase(name: str, entries: Mapping[str, int]) -> bool:
    """Whether a WordPiece vocabulary wants lower-cased text.

    By its name, as the original (`-cased` and `chinese` are not lower-cased), and else by its entries: one with
    capitals is not. `[UNK]` and its like are no entries of text.
    """
    if "-cased" in name or "chinese" in name:
        return False
    return all(entry == entry.lower() for entry in entries if not (entry.startswith("[") and entry.endswith("]")))


def read_entries(file: Path, content: bytes, kind: str) -> dict[str, int]:
    """`vocab.json`: entry to id. Raises DataError where an id from 0 on, or an entry its kind needs, is missing."""
    try:
        entries = json.loads(_text(file, content))
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON, perhaps cut off ({error.msg})", file=file, line=error.lineno) from error
    if not isinstance(entries, dict) or not all(type(id) is int for id in entries.values()):
        raise DataError("is to be one JSON object from entries to ids", file=file)
    if sorted(entries.values()) != list(range(len(entries))):
        raise DataError(f"the ids of its {len(entries)} entries are not 0 to {len(entries) - 1}, each once", file=file)
    if kind == "roberta-bpe":
        _want(entries, _ROBERTA_ENTRIES, file)
    return entries


def read_merges(
    vocab_file: Path, entries: Mapping[str, int], file: Path, content: bytes, alphabet: Collection[str]
) -> list[tuple[str, str]]:
    """`merges.txt`: two pieces a line, most frequent first. `alphabet`: the 256 symbols for bytes.

    Raises DataError where the two files do not belong together, or one is cut off.
    """
    _want(entries, tuple(alphabet), vocab_file)
    merges: list[tuple[str, str]] = []
    made = 0
    for number, line in enumerate(_text(file, content).replace("\r\n", "\n").removesuffix("\n").split("\n"), 1):
        if number == 1 and line.startswith("#version"):
            continue
        left, space, right = line.partition(" ")
        if not (left and space and right) or " " in right:
            raise DataError(f"a merge is two pieces with a space between, not {line!r}", file=file, line=number)
        if left not in entries or right not in entries or left + right not in entries:
            raise DataError(f"{line!r} uses a piece that is not in {vocab_file.name}", file=file, line=number)
        made += 1
        merges.append((left, right))
    # every piece of text is a byte or the result of a merge; the rest are special entries, and few
    unmade = len(entries) - len(alphabet) - len({left + right for left, right in merges})
    if unmade > max(64, len(entries) // 100):
        raise DataError(f"cut off: its {made} merges leave {unmade} entries of {vocab_file.name} unmade", file=file)
    return merges


def check_pieces(file: Path, n_pieces: int) -> None:
    """Raise DataError where the published Chinese model is not whole."""
    if file.name == "cog-pretrain.model" and n_pieces != _CHINESE_PIECES:
        raise DataError(f"{n_pieces} pieces instead of {_CHINESE_PIECES}; copy it again", file=file)


def _want(entries: Mapping[str, int], wanted: tuple[str, ...], file: Path) -> None:
    lacking = [entry for entry in wanted if entry not in entries]
    if lacking:
        told = " ".join(lacking[:6]) + (" …" if len(lacking) > 6 else "")
        raise DataError(f"has no entry {told}; cut off, or not a vocabulary of this kind", file=file)


def _text(file: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 text at byte {error.start}; cut off, or not a vocabulary", file=file) from error
