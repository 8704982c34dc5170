"""Question generation: the question to which a stretch of a paragraph is the answer. In the JSON of SQuAD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from glm_core import (
    PVP,
    SENTENCE_BLANK,
    SPLIT,
    DataDir,
    DataProcessor,
    Edges,
    Example,
    Part,
    Prediction,
    Split,
    Task,
    metrics,
    shortenable,
)
from glm_tasks.seq2seq.gigaword import ROUGE
from glm_tasks.seq2seq.pairs import hyps_and_refs, text_lines
from glm_tasks.seq2seq.recipes import published
from glm_tasks.seq2seq.squad_files import place, questions_of


class SquadQuestions(DataProcessor):
    """An example per question: its paragraph, its first answer, and the question as the target.

    The files of Du et al. are `train.json`, `dev.json` and `test.json`.
    """

    folder = "squad"
    splits = (
        Split("train", "train", ("train-v1.1.json",)),
        Split("dev", "tune", ("dev-v1.1.json",)),
        Split("test", "final", ("test.json",)),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        number = 0
        for one in questions_of(data, split, f"{split.name}.json"):
            if not one.answers:  # of SQuAD 2.0: there is nothing to ask about
                continue
            yield Example(
                f"{split.name}-{number}",
                {"context": one.context.rstrip(), "answer": one.answers[0]},
                target=one.question.strip(),
                group=one.group,
                meta={"idx": one.id, "start": place(one.context, one.answers[0], one.starts[0]) or 0},
            )
            number += 1

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """Questions, those of the file, and what they are about: a line each."""
        name = f"questions.{split.name}"
        yield from hyps_and_refs(name, predictions)
        sources = (f"{one.example['context']} Answer: {one.example['answer']}" for one in predictions)
        yield f"{name}.source", text_lines(sources)


def ask(ex: Example) -> Sequence[Part | str]:
    """The paragraph, a question, its answer. A paragraph that is too long keeps what lies around the answer."""
    context = ex["context"]
    start = int(ex.meta.get("start", max(context.find(ex["answer"]), 0)))
    border = max(context.rfind(" ", 0, start + 1), 0)
    return [
        shortenable(context[:border], cut="head", field="context"),
        SPLIT,
        shortenable(context[border:], cut="tail", field="context"),
        " Question: ",
        SENTENCE_BLANK,
        f" Answer: {ex['answer']}",
    ]


task = Task(
    "squad-questions",
    SquadQuestions(),
    (PVP("ask", ask, edges=Edges(eos="never")),),
    {**ROUGE, "bleu": metrics.Bleu("13a")},
    kind="generation",
    summary="The question to which a stretch of a paragraph is the answer",
    license="CC-BY-SA-4.0",
    citation="Du et al. 2017, Learning to Ask, arXiv 1705.00106",
    **published(epochs=10, learning_rate=2e-5, source=464, target=48, eval_every=10),
)
