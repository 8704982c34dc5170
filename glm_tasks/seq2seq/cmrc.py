"""CMRC 2018: the answer to a question about a Chinese paragraph, compared character by character."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from glm_core import (
    BLANK,
    PVP,
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
from glm_tasks.seq2seq.pairs import hyps_and_refs
from glm_tasks.seq2seq.recipes import published
from glm_tasks.seq2seq.squad_files import questions_of


class Cmrc(DataProcessor):
    """The official JSON in the form of SQuAD's. The target is the first answer; all of them are references."""

    folder = "squad-style-data"
    splits = (
        Split("train", "train", ("cmrc2018_train.json",)),
        Split("dev", "tune", ("cmrc2018_dev.json",)),
        Split("trial", "final", ("cmrc2018_trial.json",)),
        Split("test", "final", ("cmrc2018_test.json",)),
    )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for number, one in enumerate(questions_of(data, split, f"{split.name}.json")):
            yield Example(
                f"{split.name}-{number}",
                {"question": one.question.strip(), "context": one.context},
                target=one.answers[0] if one.answers else None,
                group=one.group,
                meta={"idx": one.id, **({"answers": one.answers} if one.answers else {})},
            )

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """What the official scorer takes, and a line of text per question."""
        said = {one.example.meta["idx"]: one.text for one in predictions}
        yield f"cmrc2018.{split.name}.json", json.dumps(said, ensure_ascii=False, indent=1) + "\n"
        yield from hyps_and_refs(f"cmrc2018.{split.name}", predictions)


def answer_first(ex: Example) -> Sequence[Part | str]:
    """Question and answer, then the paragraph."""
    # one part: sentencepiece begins every part with a piece of its own
    return [f"问题：{ex['question']}答案：", BLANK, shortenable(ex["context"], field="context")]


task = Task(
    "cmrc",
    Cmrc(),
    (PVP("answer-first", answer_first, edges=Edges(eos="never")),),
    {"f1": metrics.character_f1, "exact-match": metrics.character_em},
    kind="generation",
    summary="Answer a question about a Chinese paragraph",
    languages=("zh",),
    license="CC-BY-SA-4.0",
    citation="Cui et al. 2019, A Span-Extraction Dataset for Chinese Machine Reading Comprehension, arXiv 1810.07366",
    **published(epochs=10, learning_rate=2e-5, source=464, target=48, batch_size=8),
)
