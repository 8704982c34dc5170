"""Yelp reviews: good or bad, and one to five stars."""

from __future__ import annotations

from collections.abc import Mapping

from glm_core import PVP, Task, metrics
from glm_pack_classify.reviews import CITATION, CsvTexts, cleaned


class Yelp(CsvTexts):
    """Columns: label and review."""

    columns = ("review",)

    def __init__(self, folder: str, n_labels: int) -> None:
        self.folder = folder
        self.labels = tuple(map(str, range(1, n_labels + 1)))

    def fields(self, row: Mapping[str, str]) -> Mapping[str, str]:
        return {"review": cleaned(row["review"])}


POLES = {"1": "bad", "2": "good"}
STARS = {"1": "terrible", "2": "bad", "3": "okay", "4": "good", "5": "great"}


def _pvps(words: Mapping[str, str]) -> tuple[PVP, ...]:
    """By the numbers of the original: 0 to 3. It has no space after its words, and a second stop after the review's."""
    return (
        PVP("it-was", "It was [MASK].{review}", words),
        PVP("all-in-all", "{review}. All in all, it was [MASK].", words),
        PVP("just", "Just [MASK]!{split}{review}", words),
        PVP("in-summary", "{review}{split} In summary, the restaurant is [MASK].", words),
    )


polarity = Task(
    "yelp-polarity",
    Yelp("yelp_review_polarity_csv", 2),
    _pvps(POLES),
    {"accuracy": metrics.accuracy},
    summary="Is a review good or bad?",
    license="Yelp Dataset License, for research",
    citation=CITATION,
)

full = Task(
    "yelp-full",
    Yelp("yelp_review_full_csv", 5),
    _pvps(STARS),
    {"accuracy": metrics.accuracy},
    summary="How many stars, one to five, did a review give?",
    license="Yelp Dataset License, for research",
    citation=CITATION,
)
