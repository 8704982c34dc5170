"""Zero-shot choice, in the file format that GLM published: `inputs_pretokenized`, `choices_pretokenized`, `label`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glm_core import BLANK, PVP, DataDir, Edges, Example, Part, Split, Task, metrics, shortenable
from glm_tasks.lm.files import FilesProcessor, GivenFiles

MASK = "[MASK]"


class Choices(FilesProcessor):
    """JSON lines with a text, its choices and the number of the right one (absent: 0). Every `.jsonl` of a folder is read.

    The text may hold `[MASK]` where the choice belongs; otherwise it belongs at the end.
    """

    splits = (Split("test", "final", ("*.jsonl",)),)

    def names(self, data: DataDir, split: Split) -> list[str]:
        return [found for name in split.files for found in (data.glob(name) if "*" in name else [name])]

    def documents(self, data: DataDir, name: str, prefix: str) -> Iterator[Example]:
        if not isinstance(data, GivenFiles) and prefix == "test":
            prefix = name.rpartition("/")[2].removesuffix(".jsonl")  # several files of a folder number their rows alike
        for number, row in enumerate(data.jsonl(name)):
            text, choices, label = (row.get(one) for one in ("inputs_pretokenized", "choices_pretokenized", "label"))
            if not isinstance(text, str):
                raise data.error('wants "inputs_pretokenized": "…"')
            if not isinstance(choices, list) or not choices or not all(isinstance(one, str) for one in choices):
                raise data.error('wants "choices_pretokenized": ["…", …]')
            label = 0 if label is None else label
            if not isinstance(label, int) or not 0 <= label < len(choices):
                raise data.error(f"label {label!r} is none of the choices, which are 0 to {len(choices) - 1}")
            uid = self.uid(data, name, prefix, number)
            yield Example(uid, {"text": text}, label=str(label), choices=tuple(choices))


def as_published(ex: Example) -> Sequence[Part | str]:
    """The text with its last `[MASK]` as the blank, or with one at its end. The choices stay as they are written."""
    before, found, after = ex["text"].rpartition(MASK)
    if not found:
        before, after = after, ""
    # what stands before the blank is cut first, and from its beginning
    parts: list[Part | str] = [shortenable(before.rstrip(), cut="head", field="text"), BLANK]
    return [*parts, shortenable(after, priority=1, field="text")]


def spaced(ex: Example) -> Sequence[Part | str]:
    """The same, with a space in front of every choice: what a vocabulary like GPT-2's wants of a word."""
    before, *rest = as_published(ex)
    return [before, " ", *rest]


task = Task(
    "multichoice",
    Choices(),
    (
        PVP("as-published", as_published, edges=Edges(end="none")),  # glm: ignore V405
        PVP("spaced", spaced, edges=Edges(end="none")),
    ),
    {"accuracy": metrics.accuracy},
    summary="Choose among the answers of a file by their log-probability; --length-penalty 1 for the mean per token",
    recommended={"max_length": 512},
    specials_in_text=(MASK,),
)
