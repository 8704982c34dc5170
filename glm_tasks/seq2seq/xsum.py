"""XSum: one sentence that says what a news article is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glm_core import DataDir, DataError, Example, Split, Task
from glm_tasks.seq2seq.gigaword import ROUGE, SUMMARY
from glm_tasks.seq2seq.pairs import SourceTarget
from glm_tasks.seq2seq.recipes import published

LIST = "XSum-TRAINING-DEV-TEST-SPLIT-90-5-5.json"
_LISTED = {"train": "train", "dev": "validation", "test": "test"}


class XSum(SourceTarget):
    """The published folder, a `.summary` file per article and a list of the splits; or pairs of lines."""

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        listed = _LISTED.get(split.name)
        if listed is None or not data.has(LIST):
            yield from super().read(data, split)
            return
        told = data.json(LIST)
        if not isinstance(told, dict) or not isinstance(told.get(listed), list):
            raise data.error(f'wants "{listed}": ["id", …]')
        for number, name in enumerate(told[listed]):
            file = f"{name}.summary"
            sections = sections_of(data.text(file))
            for wanted in ("RESTBODY", "FIRST-SENTENCE"):
                if not sections.get(wanted):
                    raise DataError(f"has no text under [SN]{wanted}[SN]", file=data.find(file))
            yield Example(
                f"{split.name}-{number}",
                {"source": sections["RESTBODY"]},
                target=sections["FIRST-SENTENCE"],
                meta={"idx": str(name)},
            )


def sections_of(text: str) -> Mapping[str, str]:
    """The sections of a `.summary` file by their names, their lines joined by a space."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.split("\n"):
        name = line.strip()
        if name.startswith("[SN]") and name.endswith("[SN]") and len(name) > 8:
            lines = found.setdefault(name[4:-4], [])
        elif name:
            lines.append(name)
    return {name: " ".join(some) for name, some in found.items()}


task = Task(
    "xsum",
    XSum("bbc-summary-data", source=str.strip, target=str.strip),
    SUMMARY,
    ROUGE,
    kind="generation",
    summary="One sentence that says what a news article is about",
    citation="Narayan et al. 2018, Don't Give Me the Details, Just the Summary, arXiv 1808.08745",
    **published(
        epochs=6,
        learning_rate=1e-5,
        source=608,
        target=60,
        beams=6,
        length_penalty=1.0,
        min_tokens=10,
        no_repeat_ngram=3,
        eval_every=2,
    ),
)
