"""SQuAD as a cloze with one answer: how likely the right answer is, and whether the model would write just that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glm_core import PVP, DataDir, DataProcessor, Example, Split, Task, metrics

NO_ANSWER = "N/A"


class Squad(DataProcessor):
    """The official JSON of SQuAD 2.0; the answer of a question without one is N/A.

    label: "right", for the one answer there is. Questions about a paragraph are one group.
    """

    folder = "squad"
    labels = ("right", "other")
    splits = (
        Split("train", "train", ("train-v2.0.json",)),
        Split("dev", "tune", ("dev-v2.0.json",)),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for name in split.files:
            try:
                for title, article in enumerate(data.json(name)["data"]):
                    for at, paragraph in enumerate(article["paragraphs"]):
                        for asked in paragraph["qas"]:
                            texts = {"context": paragraph["context"], "question": asked["question"]}
                            answers = tuple(one["text"] for one in asked["answers"]) or (NO_ANSWER,)
                            yield Example(
                                asked["id"],
                                texts,
                                label="right",
                                choices=answers[:1],
                                group=f"{title}-{at}",
                                meta={"answers": answers},
                            )
            except (KeyError, TypeError) as error:
                raise data.error(f"is not in the form of SQuAD's files ({error!r})") from error


def the_answer(ex: Example) -> Sequence[tuple[str, str]]:
    """The first of the reference answers."""
    return [("right", ex.choices[0])]


task = Task(
    "squad-cloze",
    Squad(),
    # by the number of the original: 0
    (PVP("after-question", "{context} {question|keep} [MASK].", the_answer, otherwise="other"),),
    {"accuracy": metrics.accuracy},
    summary="A question about a paragraph; right where the model would write just the reference answer",
    recommended={"max_length": 512, "objective": "lm"},
    license="CC-BY-SA-4.0",
    citation="Rajpurkar et al. 2018, SQuAD 2.0, arXiv 1806.03822",
)
