"""Yahoo Answers: ten topics of questions, each with its best answer."""

from __future__ import annotations

from collections.abc import Mapping

from glm_core import PVP, Task, metrics
from glm_pack_classify.reviews import CITATION, CsvTexts, cleaned


class Yahoo(CsvTexts):
    """Columns: topic, the question's title and body, the best answer. Title and body are one text."""

    folder = "yahoo_answers_csv"
    labels = tuple(map(str, range(1, 11)))
    columns = ("title", "body", "answer")

    def fields(self, row: Mapping[str, str]) -> Mapping[str, str]:
        return {"question": cleaned(f"{row['title']} {row['body']}"), "answer": cleaned(row["answer"])}


TOPICS = (
    *("Society", "Science", "Health", "Education", "Computer"),
    *("Sports", "Business", "Entertainment", "Relationship", "Politics"),
)
WORDS = dict(zip(Yahoo.labels, TOPICS, strict=True))

# by the numbers of the original: 0 to 5; it has no space between question and answer
PVPS = (
    PVP("colon", " [MASK]:{question}{answer}", WORDS),
    PVP("topic-question", " [MASK] Question:{question}{answer}", WORDS),
    PVP("between", "{question}( [MASK]){answer}", WORDS),
    PVP("at-the-end", "{question}{answer}( [MASK])", WORDS),
    PVP("category", "[ Category: [MASK]]{question}{answer}", WORDS),
    PVP("dash", " [MASK]-{question}{answer}", WORDS),
)

task = Task(
    "yahoo",
    Yahoo(),
    PVPS,
    {"accuracy": metrics.accuracy},
    summary="Which of ten topics does a question with its answer belong to?",
    license="Yahoo Webscope L6, for research",
    citation=CITATION,
)
