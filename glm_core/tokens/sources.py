"""Text files of a corpus: found, opened, and taken apart into documents; every error names file and line.

`.jsonl` and `.ndjson` hold one object per line, `.txt`, `.text` and `.raw` plain text; each may be compressed (`.gz`,
`.bz2`, `.xz`, `.zst`). Nothing is read further ahead than one unit: a line, a paragraph or, where asked for, a file.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from glm_core.errors import DataError, UsageError, did_you_mean

PlainText = Literal["line", "paragraph", "file"]

_ROWS = (".jsonl", ".ndjson")
_TEXT = (".txt", ".text", ".raw")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_BOM = b"\xef\xbb\xbf"
_SAMPLE = 1 << 16


class TextDocument(NamedTuple):
    """A document as text. The prompt is read and need not be learned (`tokens/packing.py`)."""

    text: str
    prompt: str = ""


Reader = Callable[[Mapping[str, Any]], Iterable[TextDocument]]
"""From a row of a `.jsonl` file to its documents: none, one or several."""


@dataclass(frozen=True)
class Source:
    """One text file. rows: it holds JSON objects."""

    path: Path
    rows: bool

    def identity(self) -> dict[str, Any]:
        """Name, size and a hash of both ends: enough to see that it is still the file it was."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            ends = file.read(_SAMPLE)
            file.seek(max(size - _SAMPLE, 0))
            ends += file.read(_SAMPLE)
        return {"name": self.path.name, "bytes": size, "ends_sha256": hashlib.sha256(ends).hexdigest()}


class Unit(NamedTuple):
    """What is read at once: a line, a paragraph, a file. `line` is its first one, from 1."""

    line: int
    content: bytes


def text_and_prompt(row: Mapping[str, Any]) -> Iterable[TextDocument]:
    """The fields `text` and, where there is one, `prompt`."""
    text, prompt = row.get("text"), row.get("prompt") or ""
    if text is None:
        has = ", ".join(map(str, row)) or "no fields"
        raise DataError(f"this row has no field 'text' (it has {has}){did_you_mean('text', map(str, row))}")
    for name, value in (("text", text), ("prompt", prompt)):
        if not isinstance(value, str):
            raise DataError(f"the field '{name}' is {type(value).__name__}, not text")
    return [TextDocument(text, prompt)]


def find_sources(paths: Sequence[str | Path]) -> list[Source]:
    """The files that were named, and those in the folders that were named, sorted by path.

    A file named itself may end as it likes: what is not `.jsonl` is plain text. Raises DataError for what is not there
    and for a folder without text files, UsageError for a kind of file that would be misread.
    """
    found: list[Source] = []
    for path in map(Path, [paths] if isinstance(paths, (str, Path)) else paths):
        if path.is_file():
            kind = _kind(path)
            if kind in (".json", ".csv", ".tsv", ".parquet", ".arrow", ".zip", ".tar"):
                raise UsageError(f"{path}: {kind} is not read here; give .jsonl (an object per line) or plain text")
            found.append(Source(path, kind in _ROWS))
        elif path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and _kind(one) in (*_ROWS, *_TEXT))
            inside = [one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts)]
            if not inside:
                known = ", ".join((*_ROWS, *_TEXT))
                raise DataError(f"no text files in this folder; they end in {known} (or these and .xz, …)", file=path)
            found += [Source(one, _kind(one) in _ROWS) for one in inside]
        else:
            raise DataError("does not exist; give text files or folders of them", file=path)
    if not found:
        raise UsageError("no text files were given")
    return found


def read_units(source: Source, plain: PlainText) -> Iterator[Unit]:
    """The units of a file; blank ones are passed over. Raises DataError where a compressed file is cut off or damaged."""
    with _opened(source.path) as file:
        lines = _lines(file, source.path)
        if source.rows or plain == "line":
            yield from (Unit(number, line) for number, line in lines if not line.isspace())
            return
        block: list[bytes] = []
        first = 1
        for number, line in lines:
            if plain == "paragraph" and line.isspace():
                if block:
                    yield Unit(first, b"".join(block))
                block = []
            else:
                if not block:
                    first = number
                block.append(line)
        if not b"".join(block).isspace() and block:
            yield Unit(first, b"".join(block))


def read_documents(source: Source, unit: Unit, reader: Reader) -> list[TextDocument]:
    """The documents of a unit. Raises DataError that names file and line."""
    try:
        text = unit.content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        line = unit.line + unit.content[: error.start].count(b"\n")
        raise DataError(f"is not UTF-8 ({error.reason}); convert the file", file=source.path, line=line) from error
    if not source.rows:
        return [TextDocument(text)]
    try:
        row = json.loads(text)
    except ValueError as error:
        raise DataError(
            f"this line is not JSON ({error}); mend or remove it", file=source.path, line=unit.line
        ) from error
    if not isinstance(row, dict):
        what = type(row).__name__
        raise DataError(f"wants one JSON object per line, found {what}", file=source.path, line=unit.line)
    try:
        return list(reader(row))
    except DataError as error:
        raise DataError(str(error), file=source.path, line=unit.line) from error
    except KeyError as error:
        raise DataError(f"this row has no field {error}", file=source.path, line=unit.line) from error


def _kind(path: Path) -> str:
    """The ending that tells what is inside, compression aside."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _opened(path: Path) -> IO[bytes]:
    suffix = path.suffix.lower()
    if suffix == ".zst":
        return _opened_zst(path)
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(suffix, open)
    opened: IO[bytes] = opener(path, "rb")
    return opened


def _opened_zst(path: Path) -> IO[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ModuleNotFoundError:
        try:
            import zstandard as zstd  # type: ignore[import-not-found, no-redef, unused-ignore]
        except ModuleNotFoundError:
            raise UsageError(f"{path}: .zst needs the package zstandard; install it or decompress the file") from None
    opened: IO[bytes] = zstd.open(path, "rb")
    return opened


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        for number, line in enumerate(file, 1):
            yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(f"cut off or damaged after line {number} ({error})", file=path) from error
