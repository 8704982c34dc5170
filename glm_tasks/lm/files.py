"""Data that are given as a folder with files of known names, or as the files themselves: `--data notes.txt`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

from glm_core import DataDir, DataError, DataProcessor, Example, Split


class GivenFiles(DataDir):
    """Files that were named themselves; `names` are their absolute paths."""

    def __init__(self, *files: Path) -> None:
        super().__init__(*dict.fromkeys(file.resolve().parent for file in files))
        self.names = [str(file.resolve()) for file in files]

    def __repr__(self) -> str:
        return ", ".join(self.names)


class FilesProcessor(DataProcessor):
    """Reads files one by one; you write `documents(data, name, prefix)`. Given files are all of whatever split is asked for.

    also: by split, other names that its file may have.
    """

    also: Mapping[str, tuple[str, ...]] = {}

    def open(self, *folders: str | Path) -> DataDir:
        files = [Path(one) for one in folders if Path(one).is_file()]
        if not files:
            return super().open(*folders)
        if len(files) < len(folders):
            raise DataError(f"--data {folders[0]} and others: give either files or folders, not both")
        return GivenFiles(*files)

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        if isinstance(data, GivenFiles) and split.role == "train":
            names = ", ".join(f"{one.files[0]}" for one in self.splits if one.files)
            raise DataError(f"--data {data}: to train, give a folder with files of their own for each split ({names})")
        for name in data.names if isinstance(data, GivenFiles) else self.names(data, split):
            yield from self.documents(data, name, split.name)

    def names(self, data: DataDir, split: Split) -> list[str]:
        """The files of a split; where one is not there, another of `also` that may stand for it."""
        others = [one for one in self.also.get(split.name, ()) if data.has(one)]
        return list(split.files) if data.has(split.files[0]) or not others else others[:1]

    @abstractmethod
    def documents(self, data: DataDir, name: str, prefix: str) -> Iterator[Example]:
        """The examples of one file; uids begin with `prefix`. Raise `data.error("…")` for a bad one."""

    @staticmethod
    def uid(data: DataDir, name: str, prefix: str, number: int) -> str:
        """`test-17`; where several files were given, `test-notes-17`."""
        several = isinstance(data, GivenFiles) and len(data.names) > 1
        return f"{prefix}-{Path(name).stem}-{number}" if several else f"{prefix}-{number}"
