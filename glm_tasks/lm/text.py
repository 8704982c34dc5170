"""Perplexity of any text: a file is one document (`text`), or each of its lines is (`lines`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from glm_core import PVP, DataDir, Edges, Example, Prediction, Split, Task, metrics
from glm_tasks.lm.files import FilesProcessor
from glm_tasks.lm.original import perplexity_of_glm

WHOLE = (PVP("whole", "[gMASK]", edges=Edges(eos="never")),)
METRICS: Mapping[str, Callable[[Sequence[Prediction]], float]] = {
    "perplexity": metrics.perplexity,
    "word-perplexity": metrics.word_perplexity,
    "byte-perplexity": metrics.byte_perplexity,
    "bits-per-byte": metrics.bits_per_byte,
}
SPLITS = (
    Split("dev", "tune", ("dev.txt",)),
    Split("test", "final", ("test.txt",)),
    Split("train", "train", ("train.txt",)),
)
ALSO = {
    "dev": ("dev.jsonl", "valid.txt", "valid.jsonl", "val.txt", "val.jsonl"),
    "test": ("test.jsonl",),
    "train": ("train.jsonl",),
}


def lengths(text: str) -> Mapping[str, int]:
    """Words and bytes of a text, by which its surprise is divided."""
    return {"words": len(text.split()), "bytes": len(text.encode("utf-8"))}


class Texts(FilesProcessor):
    """Text files, each of them one document; or JSON lines with `text`, a document each. Documents are read whole."""

    splits = SPLITS
    also = ALSO

    def documents(self, data: DataDir, name: str, prefix: str) -> Iterator[Example]:
        for number, text in enumerate(self.texts(data, name)):
            yield Example(self.uid(data, name, prefix, number), {}, target=text, meta=lengths(text))

    def texts(self, data: DataDir, name: str) -> Iterator[str]:
        """The documents of a file, those without a word left out."""
        if not name.endswith(".jsonl"):
            whole = data.text(name)
            if not whole.strip():
                raise data.error("the file is empty")
            yield whole
            return
        for row in data.jsonl(name):
            text = row.get("text")
            if not isinstance(text, str):
                raise data.error('wants "text": "…"')
            if text.strip():
                yield text


class Lines(Texts):
    """Text files of which each line is a document; blank lines are passed over."""

    def texts(self, data: DataDir, name: str) -> Iterator[str]:
        if name.endswith(".jsonl"):
            yield from super().texts(data, name)
        else:
            yield from (line.strip() for line in data.lines(name) if line.strip())


task = Task(
    "text",
    Texts(),
    WHOLE,
    METRICS,
    kind="lm",
    summary="Perplexity of a text file per token, word and byte, read whole in overlapping windows",
    recommended={"max_length": 512, "overlap": 0.5},
)

lines = Task(
    "lines",
    Lines(),
    WHOLE,
    {**METRICS, "glm": perplexity_of_glm},
    kind="lm",
    summary="The same, where every line of the file is a document of its own",
    recommended={"max_length": 512, "overlap": 0.5},
)
