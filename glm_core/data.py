"""Open a data set's own files: every error carries `file:line`, every file read is remembered with its hash.

A file may lie compressed beside its official name (`test.jsonl.xz` for `test.jsonl`): .xz, .gz and .bz2 are opened too.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from glm_core.errors import DataError, did_you_mean

_COMPRESSED = (".xz", ".gz", ".bz2")


class DataDir:
    """One or more folders with a data set's files; the first folder that has a file wins.

    `subfolders` are names under which a data set usually lies (`RTE` in a SuperGLUE folder): they are looked into too, so
    that both the data set's own folder and the collection's folder may be given.
    """

    def __init__(self, *folders: str | Path, subfolders: Sequence[str] = ()) -> None:
        self.folders: list[Path] = []
        for one in map(Path, folders):
            if not one.is_dir():
                what = "is a file, not a folder" if one.exists() else "does not exist"
                raise DataError(f"--data {one}: {what}; give the folder that holds the data set's files")
            self.folders.append(one)
            self.folders += [one / name for name in subfolders if (one / name).is_dir()]
        self.hashes: dict[str, str] = {}
        self._file: Path | None = None
        self._line: int | None = None

    def __repr__(self) -> str:
        return f"DataDir({', '.join(map(str, self.folders))})"

    def find(self, name: str) -> Path:
        """Where a file lies. Raises DataError that lists what there is instead."""
        for folder in self.folders:
            for suffix in ("", *_COMPRESSED):
                path = folder / (name + suffix)
                if path.is_file():
                    return path
        there = sorted({entry.name for folder in self.folders for entry in folder.iterdir()})
        shown = ", ".join(there[:8]) + (", …" if len(there) > 8 else "") or "nothing"
        where = " or ".join(str(folder) for folder in self.folders) or "no data folder"
        raise DataError(f"no file {name} in {where} (there: {shown}){did_you_mean(name, there)}")

    def has(self, name: str) -> bool:
        """Whether a file is there, compressed or not; or any that matches, as in `data.has("train/*/*.txt")`."""
        if "*" in name:
            return any(path.is_file() for folder in self.folders for path in folder.glob(name))
        return any((folder / (name + suffix)).is_file() for folder in self.folders for suffix in ("", *_COMPRESSED))

    def glob(self, pattern: str) -> list[str]:
        """Names of the files that match, as in `data.glob("train/*/*.txt")`: sorted, numbers by their value.

        They are those of the first folder that has any. Raises DataError where no folder has.
        """
        for folder in self.folders:
            found = [path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file()]
            if found:
                return sorted(found, key=_natural)
        where = " or ".join(str(folder) for folder in self.folders) or "no data folder"
        raise DataError(f"no files {pattern} in {where}")

    def error(self, message: str) -> DataError:
        """An error about the row that was read last: `raise data.error("…")`."""
        return DataError(message, file=self._file, line=self._line)

    def jsonl(self, name: str) -> Iterator[dict[str, Any]]:
        """One JSON object per line; blank lines are passed over."""
        import jsonlines

        reader = jsonlines.Reader(self._lines(name))
        while True:
            try:
                row = reader.read(skip_empty=True)
            except EOFError:
                return
            except jsonlines.InvalidLineError as error:
                raise self.error(f"this line is not JSON ({_reason(error)}); mend or remove it") from error
            if not isinstance(row, dict):
                raise self.error(f"wants one JSON object per line, found {type(row).__name__}")
            yield row

    def json(self, name: str) -> Any:
        """A whole file of JSON."""
        text = self.text(name)
        try:
            return json.loads(text)
        except ValueError as error:
            raise DataError(f"not JSON ({error}); the file may be cut off", file=self._file) from error

    def tsv(
        self, name: str, *, header: bool = True, columns: Sequence[str] = (), quoting: bool = False
    ) -> Iterator[dict[str, str]]:
        """Tab-separated rows as mappings. Quotes are ordinary characters unless `quoting`."""
        return self._table(name, "\t", header, columns, quoting)

    def csv(self, name: str, *, header: bool = True, columns: Sequence[str] = ()) -> Iterator[dict[str, str]]:
        """Comma-separated rows as mappings, with the usual quoting."""
        return self._table(name, ",", header, columns, True)

    def lines(self, name: str) -> Iterator[str]:
        """The lines of a text file without their ends."""
        return self._lines(name)

    def text(self, name: str) -> str:
        """A whole text file."""
        path = self.find(name)
        self._file, self._line = path, None
        return self._decode(self._bytes(path), path)

    def _table(
        self, name: str, delimiter: str, header: bool, columns: Sequence[str], quoting: bool
    ) -> Iterator[dict[str, str]]:
        import csv

        rows = csv.reader(
            (line + "\n" for line in self._lines(name)),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            strict=True,
        )
        names = list(columns)
        csv.field_size_limit(2**31 - 1)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise self.error(f"this row cannot be read ({error})") from error
            if header and not names:
                names = row
                continue
            if header and row == names and self._line == 1:
                continue
            if not row:
                continue
            if not names:
                names = [str(index) for index in range(len(row))]
            if len(row) < len(names):
                raise self.error(f"has {len(row)} columns, wants {len(names)} ({', '.join(names)})")
            yield dict(zip(names, row, strict=False))

    def _lines(self, name: str) -> Iterator[str]:
        path = self.find(name)
        text = self._decode(self._bytes(path), path)
        empty = True
        # only real line ends: str.splitlines would also split at U+2028 and the like, which occur inside JSON strings
        for number, line in enumerate(io.StringIO(text, newline=None), 1):
            self._file, self._line = path, number
            if line.strip():
                empty = False
            yield line.rstrip("\n")
        if empty:
            raise DataError("the file is empty", file=path)

    def _bytes(self, path: Path) -> bytes:
        try:
            if path.suffix == ".xz":
                import lzma

                content = lzma.decompress(path.read_bytes())
            elif path.suffix == ".gz":
                import gzip

                content = gzip.decompress(path.read_bytes())
            elif path.suffix == ".bz2":
                import bz2

                content = bz2.decompress(path.read_bytes())
            else:
                content = path.read_bytes()
        except Exception as error:  # each library has its own exceptions for a file that is cut off
            raise DataError(f"cannot be read ({error})", file=path) from error
        self.hashes[str(path)] = hashlib.sha256(content).hexdigest()
        return content

    @staticmethod
    def _decode(content: bytes, path: Path) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise DataError(f"byte {error.start} is not UTF-8; save the file as UTF-8", file=path, line=line) from error


def require(row: dict[str, Any], names: Iterable[str], data: DataDir) -> None:
    """Raise DataError at the row's place for the first field it lacks."""
    for name in names:
        if name not in row:
            has = ", ".join(map(str, row)) or "nothing"
            raise data.error(f"no field '{name}' (this row has {has}){did_you_mean(name, map(str, row))}")


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `2.txt` before `10.txt`."""
    return [(int(one), "") if one.isdigit() else (-1, one) for one in re.split(r"([0-9]+)", name)]


def _reason(error: Exception) -> str:
    cause = error.__cause__
    return str(cause if cause is not None else error).split(" (line")[0]
