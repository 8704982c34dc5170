"""SQuAD as writing: the answer to a question about a paragraph, or N/A. A long paragraph is read in windows of words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from glm_core import PVP, DataDir, DataProcessor, Edges, Example, Prediction, Split, Task, metrics
from glm_tasks.seq2seq.recipes import published
from glm_tasks.seq2seq.restore import as_in_context
from glm_tasks.seq2seq.squad_files import NO_ANSWER, Question, place, questions_of


class SquadAnswers(DataProcessor):
    """The official JSON. Each window of a paragraph is an example; its target is an answer that lies in it, or N/A.

    skip: leave out training windows without an answer, as suits a data set where every question has one.
    words: of a window; step: from one window to the next.
    """

    folder = "squad"

    def __init__(self, version: str, *, skip: bool, words: int = 360, step: int = 180) -> None:
        self.version = version
        self.skip = skip
        self.words = words
        self.step = step
        self.splits = (
            Split("train", "train", (f"train-{version}.json",)),
            Split("dev", "tune", (f"dev-{version}.json",)),
        )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        number = 0
        for one in questions_of(data, split):
            for nth, (start, end) in enumerate(windows(one.context, self.words, self.step)):
                target = answer_in(one, start, end)
                if self.skip and split.role == "train" and target == NO_ANSWER:
                    continue
                yield Example(
                    f"{split.name}-{number}",
                    {"question": one.question.strip(), "context": one.context[start:end]},
                    target=target,
                    group=one.group,
                    meta={"question": one.id, "window": nth, "answers": one.answers or (NO_ANSWER,)},
                )
                number += 1

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """What the official scorer takes, and a line of id, prediction and references per question."""
        said = answers_by_question(predictions)
        yield f"squad-{self.version}.{split.name}.json", json.dumps(said, ensure_ascii=False) + "\n"
        golds = {str(one.example.meta["question"]): list(one.example.meta["answers"]) for one in predictions}
        rows = ({"id": id, "pred": said[id], "gold": golds[id]} for id in said)
        yield (
            f"squad-{self.version}.{split.name}.refs",
            "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows),
        )


def windows(context: str, words: int, step: int) -> Iterator[tuple[int, int]]:
    """Stretches of a text of so many words, from word 0, step, 2 * step, … until one reaches its end."""
    return windows_of_spans([one.span() for one in re.finditer(r"\S+", context)], words, step)


def windows_of_spans(spans: Sequence[tuple[int, int]], size: int, step: int) -> Iterator[tuple[int, int]]:
    """The same over units whose places in the text are `spans`."""
    for first in range(0, max(len(spans), 1), step):
        inside = spans[first : first + size]
        yield (inside[0][0], inside[-1][1]) if inside else (0, 0)
        if first + size >= len(spans):
            return


def answer_in(one: Question, start: int, end: int) -> str:
    """The first answer that lies in a window of the context."""
    for answer, told in zip(one.answers, one.starts, strict=True):
        at = place(one.context, answer, told)
        if at is not None and start <= at and at + len(answer) <= end:
            return answer
    return NO_ANSWER


def answers_by_question(predictions: Sequence[Prediction]) -> dict[str, str]:
    """Of each question the answer of its first window that has one; empty where none has."""
    said: dict[str, str] = {}
    for one in sorted(predictions, key=lambda one: one.example.meta["window"]):
        question = str(one.example.meta["question"])
        text = "" if one.text.replace(" ", "").upper() == NO_ANSWER else restored(one).text
        said[question] = said.get(question) or text
    return {str(one.example.meta["question"]): said[str(one.example.meta["question"])] for one in predictions}


def restored(prediction: Prediction) -> Prediction:
    """The prediction with its text as the paragraph spells it: vocabularies lose capitals, accents and spacing."""
    return replace(prediction, text=as_in_context(prediction.text, prediction.example["context"]))


def exact_match(predictions: Sequence[Prediction]) -> float:
    """SQuAD's exact match, 0 to 1."""
    return metrics.answer_em([restored(one) for one in predictions])


def f1(predictions: Sequence[Prediction]) -> float:
    """SQuAD's F1, 0 to 1."""
    return metrics.answer_f1([restored(one) for one in predictions])


PVPS = (PVP("question-first", " {question} [sMASK]. {context}", edges=Edges(eos="never")),)
METRICS = {"f1": f1, "exact-match": exact_match}


def _settings(epochs: float) -> dict[str, object]:
    return published(epochs=epochs, learning_rate=1e-5, source=512, target=64, batch_size=12, length_penalty=0.0)


task = Task(
    "squad",
    SquadAnswers("v2.0", skip=False),
    PVPS,
    METRICS,
    kind="generation",
    summary="Answer a question about a paragraph, or say that it has no answer (SQuAD 2.0)",
    license="CC-BY-SA-4.0",
    citation="Rajpurkar et al. 2018, SQuAD 2.0, arXiv 1806.03822",
    **_settings(10),  # type: ignore[arg-type]
)

v1 = Task(
    "squad-v1",
    SquadAnswers("v1.1", skip=True),
    PVPS,
    METRICS,
    kind="generation",
    summary="Answer a question about a paragraph (SQuAD 1.1)",
    license="CC-BY-SA-4.0",
    citation="Rajpurkar et al. 2016, SQuAD, arXiv 1606.05250",
    **_settings(5),  # type: ignore[arg-type]
)
