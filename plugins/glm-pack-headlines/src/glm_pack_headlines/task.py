"""Headlines: write the headline of a news story from its first sentence. The blank is written, not chosen."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm_core import PVP, DataDir, DataProcessor, Example, Prediction, Split, Task, metrics

FILE = "News_Category_Dataset_v3.json"
MOST_WORDS = 16


class Headlines(DataProcessor):
    """The one file of the News Category Dataset: a JSON object per line with `headline`, `short_description`, `link`.

    It has no splits of its own. Of twenty stories one is for choosing and one for the final number, by a checksum of the
    story's link, so that the splits stay what they are when the file grows. Stories without a headline or a description
    are left out. Any other split (that of `glm predict`) is a file of stories that want a headline, all of them.
    """

    splits = (
        Split("train", "train", (FILE,)),
        Split("dev", "tune", (FILE,)),
        Split("test", "final", (FILE,)),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        ours = split in self.splits
        for name in split.files:
            for number, row in enumerate(data.jsonl(name)):
                require(row, ("short_description", *(("headline", "link") if ours else ())), data)
                texts = {"story": row["short_description"], "category": row.get("category", "").title()}
                example = Example(f"story-{number}", texts, target=row.get("headline") or None)
                if not ours or (example.target and texts["story"].strip() and split_of(row["link"]) == split.name):
                    yield example


def require(row: Mapping[str, Any], names: Sequence[str], data: DataDir) -> None:
    """Raise DataError at the row's line for the first of these fields that it lacks."""
    for name in names:
        if name not in row:
            raise data.error(f"no field '{name}' (this row has {', '.join(row) or 'nothing'})")


def split_of(link: str) -> str:
    """`train`, `dev` or `test`, the same for a link everywhere and always."""
    return {0: "test", 1: "dev"}.get(zlib.crc32(link.encode("utf-8")) % 20, "train")


def too_long(predictions: Sequence[Prediction]) -> float:
    """Share of the texts with more words than any headline should have, 0 to 1."""
    return sum(len(one.text.split()) > MOST_WORDS for one in predictions) / len(predictions) if predictions else 0.0


too_long.lower_is_better = True  # type: ignore[attr-defined]

task = Task(
    "headlines",
    Headlines(),
    (
        PVP("headline", "{story} Headline: [MASK]"),
        PVP("in-short", "{story} In short: [sMASK]"),
        PVP("by-section", '{category|default="News"}: [MASK] {story}'),
    ),
    {"rouge_l": metrics.rouge_l, "rouge_1": metrics.rouge_1, "rouge_2": metrics.rouge_2, "too_long": too_long},
    kind="generation",
    summary="Write the headline of a news story from its first sentence",
    recommended={"max_length": 192, "max_tokens": 32, "beams": 4, "length_penalty": 0.7},
    license="CC-BY-4.0",
    citation="Misra 2022, News Category Dataset, arXiv 2209.11429",
)
