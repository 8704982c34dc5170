"""`{split}.source` and `{split}.target`, an example per line; and what is written, in the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from glm_core import DataDir, DataProcessor, Example, Prediction, Split, straighten_quotes


def splits_of(train: str, dev: str, test: str) -> tuple[Split, ...]:
    """The splits whose files have these names."""
    return tuple(
        Split(name, role, (f"{file}.source", f"{file}.target"))  # type: ignore[arg-type]
        for name, role, file in (("train", "train", train), ("dev", "tune", dev), ("test", "final", test))
    )


def standardized(line: str) -> str:
    """Without space around it, with straight quotes and dashes: what the original does to every summary."""
    return straighten_quotes(line.strip())


class SourceTarget(DataProcessor):
    """Pairs of lines; where the target's file is missing there are no references.

    source, target: what becomes of a line. names: of the files of train, dev and test.
    """

    def __init__(
        self,
        folder: str = "",
        *,
        source: Callable[[str], str] = standardized,
        target: Callable[[str], str] = standardized,
        names: tuple[str, str, str] = ("train", "val", "test"),
    ) -> None:
        self.folder = folder
        self.source = source
        self.target = target
        self.splits = splits_of(*names)

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        name, *rest = split.files
        targets = [*data.lines(rest[0])] if rest and (split.labelled and data.has(rest[0])) else None
        number = 0
        for number, line in enumerate(data.lines(name), 1):
            if targets is not None and number > len(targets):
                raise data.error(f"has no line of its own in {rest[0]}, which ends after {len(targets)}")
            target = None if targets is None else targets[number - 1]
            yield self.example(f"{split.name}-{number - 1}", line, target, data)
        if targets is not None and number < len(targets):
            raise data.error(f"is the last line, and {rest[0]} has {len(targets)}")

    def example(self, uid: str, source: str, target: str | None, data: DataDir) -> Example:
        """The example of two lines. Raise `data.error("…")` for a bad one."""
        return Example(uid, {"source": self.source(source)}, target=None if target is None else self.target(target))

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """`….hyps` and `….refs`, a line per example."""
        return hyps_and_refs(f"{self.folder or 'files'}.{split.name}", predictions)


def hyps_and_refs(name: str, predictions: Sequence[Prediction]) -> Iterable[tuple[str, str]]:
    """What was written and what was wanted, a line per example, in their order; the latter where all have a reference."""
    yield f"{name}.hyps", text_lines(one.text for one in predictions)
    targets = [one.example.target for one in predictions]
    if targets and None not in targets:
        yield f"{name}.refs", text_lines("|".join(one) if isinstance(one, tuple) else str(one) for one in targets)


def text_lines(texts: Iterable[str]) -> str:
    """A line per text, whatever white space it has inside."""
    return "".join(" ".join(one.split()) + "\n" for one in texts)
