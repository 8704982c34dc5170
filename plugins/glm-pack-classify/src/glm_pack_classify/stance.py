"""X-Stance: is a comment for or against what a political question proposes? German and French, together and apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glm_core import PVP, Example, JsonlProcessor, Split, Task, metrics, straighten_quotes


class XStance(JsonlProcessor):
    """Rows with `id`, `language`, `question`, `comment`, `label`; those in one of these languages."""

    folder = "xstance"
    labels = ("FAVOR", "AGAINST")
    splits = (
        Split("train", "train", ("train.jsonl",)),
        Split("dev", "tune", ("valid.jsonl",)),
        Split("test", "final", ("test.jsonl",)),
    )

    def __init__(self, *languages: str) -> None:
        self.languages = languages

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        if row["language"] in self.languages:
            texts = {name: straighten_quotes(row[name]) for name in ("question", "comment")}
            yield Example(str(row["id"]), texts, label=row.get("label"), meta={"language": row["language"]})


_QUOTED = '"{question}"{split}[MASK]. "{comment}"'
_PLAIN = "{question}{split}[MASK].{comment}"
_WORDS = {"ja": ("Ja", "Nein"), "yes": ("Yes", "No"), "oui": ("Oui", "Non")}

# by the numbers of the original: 0 to 5; its words have no space before them
PVPS = tuple(
    PVP(f"{name}-{language}", pattern, dict(zip(XStance.labels, words, strict=True)))
    for language, words in _WORDS.items()
    for name, pattern in (("quoted", _QUOTED), ("plain", _PLAIN))
)


def _task(name: str, *languages: str) -> Task:
    return Task(
        name,
        XStance(*languages),
        PVPS,
        {"f1_macro": metrics.f1_macro, "accuracy": metrics.accuracy},
        summary=f"Is a comment for or against what a political question proposes? ({', '.join(languages)})",
        languages=languages,
        recommended={"pattern": "quoted-oui" if languages == ("fr",) else "quoted-ja", "length_penalty": 0.0},
        license="CC-BY-NC-4.0",
        citation="Vamvas and Sennrich 2020, X-Stance, arXiv 2003.08385",
    )


TASKS = (_task("xstance", "de", "fr"), _task("xstance-de", "de"), _task("xstance-fr", "fr"))
