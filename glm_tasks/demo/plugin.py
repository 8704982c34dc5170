"""The pack `demo`: sentiment of a sentence, and whether B follows from A. Its data lie beside this file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from glm_core import PVP, Example, JsonlProcessor, Split, Task, hookimpl, metrics

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would read more than a name

SPLITS = (
    Split("train", "train", ("train.jsonl",)),
    Split("dev", "tune", ("dev.jsonl",)),
    Split("test", "final", ("test.jsonl",)),
)


class Sentiment(JsonlProcessor):
    """One sentence, positive or negative."""

    labels = ("negative", "positive")
    splits = SPLITS
    folder = "sentiment"
    bundled = os.path.join(HERE, "data", "sentiment")  # noqa: PTH118

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        yield Example(uid, {"text": row["text"]}, label=row.get("label"))


class Follows(JsonlProcessor):
    """Does the hypothesis follow from the premise?"""

    labels = ("follows", "does-not-follow")
    splits = SPLITS
    folder = "follows"
    bundled = os.path.join(HERE, "data", "follows")  # noqa: PTH118

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        fields = {"premise": row["premise"], "hypothesis": row["hypothesis"]}
        yield Example(uid, fields, label=row.get("label"))


GOOD_BAD = {"negative": "bad", "positive": "good"}
YES_NO = {"follows": "yes", "does-not-follow": "no"}

# A tiny model learns in a minute what a published one would be told in a dozen gentle steps.
RECIPE = {
    "max_length": 64,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "epochs": 12,
    "warmup": 0.1,
    "decay_to": 0.0,
    "weight_decay": 0.01,
}


@hookimpl
def glm_tasks() -> Iterator[Task]:
    yield Task(
        "sentiment",
        Sentiment(),
        (
            PVP("it-was", "{text} It was [MASK].", GOOD_BAD),
            PVP("all-in-all", "All in all it was [MASK]: {text}", GOOD_BAD),
        ),
        {"accuracy": metrics.accuracy},
        summary="Is a short opinion positive or negative?",
        recommended=RECIPE,
        license="Apache-2.0",
    )
    yield Task(
        "follows",
        Follows(),
        (
            PVP("so", "{premise} So: {hypothesis} [MASK].", YES_NO),
            PVP("question", "{hypothesis|strip_punct}?{split} [MASK], {premise}", YES_NO),
        ),
        {"accuracy": metrics.accuracy},
        summary="Does the second sentence follow from the first?",
        recommended=RECIPE,
        license="Apache-2.0",
    )
