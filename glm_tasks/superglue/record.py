"""ReCoRD: which of the entities of a news passage fills the hole of a query?"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glm_core import (
    BLANK,
    PVP,
    DataDir,
    Example,
    Part,
    Prediction,
    Split,
    Task,
    metrics,
    shortenable,
    straighten_quotes,
)
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor, said
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row

PLACEHOLDER = "@placeholder"
NEGATIVES = 9
SEED = 42


class Record(SuperGlueProcessor):
    """A passage with its entities, and queries with a hole.

    Training: one example per distinct right answer, in the order of the file, against at most nine entities that are wrong,
    drawn by one `random.Random(42)` per file as the original does. Its iteration over a set makes the original's own choice
    depend on the interpreter's hash seed where a query has several answers; ours does not.
    Otherwise: one example per query, all entities are choices; `label` is the first right one.
    """

    folder = "ReCoRD"

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        for file in split.files:
            rng = random.Random(SEED)
            for number, values in enumerate(data.jsonl(file)):
                yield from self._queries(Row(values, data), split, number, rng)

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        yield from self._queries(row, split, number, random.Random(SEED))

    def _queries(self, row: Row, split: Split, number: int, rng: random.Random) -> Iterator[Example]:
        p = row.index(number)
        passage = row.row("passage")
        text = straighten_quotes(passage.text("text"))
        entities = _entities(passage, text)
        text = text.replace("@highlight\n", "- ")
        for at, qa in enumerate(row.rows("qas")):
            q = qa.index(at)
            query = straighten_quotes(qa.text("query"))
            if query.count(PLACEHOLDER) != 1:
                raise row.error(
                    f"query {q} has {query.count(PLACEHOLDER)} times {PLACEHOLDER}, wants it once: it is the hole to fill"
                )
            texts = {"passage": text, "query": query}
            answers = _answers(qa, split)
            if split.role == "train":
                for k, answer in enumerate(answers):
                    wrong = [one for one in entities if one not in answers]
                    if len(wrong) > NEGATIVES:
                        rng.shuffle(wrong)
                    yield Example(
                        f"{split.name}-p{p}-q{q}-a{k}",
                        texts,
                        label="0",
                        choices=(answer, *wrong[:NEGATIVES]),
                        group=f"p{p}",
                        meta={"idx": (p, q, k), "answers": (answer,)},
                    )
            else:
                yield Example(
                    f"{split.name}-p{p}-q{q}",
                    texts,
                    label=_first_right(entities, answers),
                    choices=entities,
                    group=f"p{p}",
                    meta={"idx": q, "answers": answers} if answers else {"idx": q},
                )

    def answers(self, predictions: Sequence[Prediction]) -> Iterator[Mapping[str, Any]]:
        for one in predictions:
            yield {"idx": one.example.meta["idx"], "label": one.example.choices[int(said(one))]}


def _entities(passage: Row, text: str) -> tuple[str, ...]:
    found = set()
    for entity in passage.rows("entities"):
        start, end = entity.number("start"), entity.number("end")
        if not 0 <= start <= end < len(text):
            raise passage.error(f"entity {start} to {end} is outside the passage of {len(text)} characters")
        found.add(text[start : end + 1])
    if not found:
        raise passage.error("the passage has no entities, so there is nothing to choose from")
    return tuple(sorted(found))


def _answers(qa: Row, split: Split) -> tuple[str, ...]:
    """The distinct right answers in the order of the file."""
    if split.role == "unlabeled" or ("answers" not in qa and not split.labelled):
        return ()
    answers = tuple(dict.fromkeys(straighten_quotes(one.text("text")) for one in qa.rows("answers")))
    if not answers and split.labelled:
        raise qa.error(f"query {qa.any('idx')} has no answers; a labelled split needs one")
    return answers


def _first_right(entities: Sequence[str], answers: Sequence[str]) -> str | None:
    """The first entity that is an answer; failing that, the one most like an answer. None without answers."""
    if not answers:
        return None
    exact = [str(index) for index, one in enumerate(entities) if one in answers]
    if exact:
        return exact[0]
    likeness = [max(metrics.token_f1(one, answer) for answer in answers) for one in entities]
    return str(likeness.index(max(likeness)))


def placeholder(ex: Example) -> Sequence[Part | str]:
    before, after = ex["query"].split(PLACEHOLDER)
    return [shortenable(ex["passage"], field="passage"), " " + before.rstrip(), BLANK, after]


def entities(ex: Example) -> Sequence[str]:
    """The choices, each with a space before it whatever precedes the hole, as the original has them."""
    return [" " + one for one in ex.choices]


def passage_and_filled_query(ex: Example) -> Sequence[Sequence[str]]:
    """What a classifier reads: one row per entity, the passage, then the query and the entity."""
    return [[ex["passage"], f"{ex['query']} {one}"] for one in ex.choices]


task = Task(
    "record",
    Record(),
    (PVP("placeholder", placeholder, entities),),
    {"em": metrics.answer_em, "f1": metrics.answer_f1},
    summary="Which entity of a news passage fills the hole of a query?",
    segments=passage_and_filled_query,
    citation=CITATION,
    **published(pattern="placeholder", first="placeholder", epochs=(5, 3), max_length=512, batch_size=64),
)
