"""The JSON of SQuAD and of the data sets that took over its form, question by question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from glm_core import DataDir, Split

NO_ANSWER = "N/A"


@dataclass(frozen=True)
class Question:
    """A question about a paragraph. answers: each text once, in the file's order; starts: where each begins.

    group: of the questions about one paragraph.
    """

    id: str
    context: str
    question: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    group: str


def questions_of(data: DataDir, split: Split, *also: str) -> Iterator[Question]:
    """The questions of a split. `data` may be missing around the articles. also: other names that its file may have.

    Raises DataError for a file of another form.
    """
    name = next((one for one in (*split.files, *also) if data.has(one)), split.files[0])
    told = data.json(name)
    try:
        for number, article in enumerate(told["data"] if isinstance(told, dict) else told):
            for nth, paragraph in enumerate(article["paragraphs"]):
                for at, asked in enumerate(paragraph["qas"]):
                    starts: dict[str, int] = {}
                    for answer in asked.get("answers") or ():
                        starts.setdefault(str(answer["text"]), int(answer.get("answer_start", -1)))
                    yield Question(
                        str(asked.get("id", f"{number}-{nth}-{at}")),
                        paragraph["context"],
                        asked["question"],
                        tuple(starts),
                        tuple(starts.values()),
                        f"{number}-{nth}",
                    )
    except (KeyError, TypeError, ValueError) as error:
        raise data.error(f"is not in the form of SQuAD's files ({error!r})") from error


def place(context: str, answer: str, start: int) -> int | None:
    """Where an answer begins: at `start` if it does, otherwise where it first occurs; None where it does not."""
    if start >= 0 and context.startswith(answer, start):
        return start
    found = context.find(answer)
    return None if found < 0 else found
