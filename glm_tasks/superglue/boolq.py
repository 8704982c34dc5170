"""BoolQ: a yes-or-no question about a passage."""

from __future__ import annotations

from collections.abc import Iterable

from glm_core import PVP, Example, Split, Task, metrics, straighten_quotes
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row


class BoolQ(SuperGlueProcessor):
    """A passage, a question, and whether the answer is yes."""

    folder = "BoolQ"
    labels = ("false", "true")

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        idx = row.index(number)
        texts = {
            "passage": straighten_quotes(row.text("passage")),
            "question": straighten_quotes(row.text("question")),
        }
        yield Example(self.uid(split, idx, number), texts, label=self.label(row, split), meta={"idx": idx})


YES_NO = {"false": "No", "true": "Yes"}
TRUE_FALSE = {"false": "false", "true": "true"}
QUESTION = "{soft}{passage}{soft} Question: {question}? Answer:{soft} [MASK]."
BASED_ON = "{soft}{passage} Based on the previous passage,{soft} {question}?{soft} [MASK]."
PASSAGE_LAST = "Based on the following passage{soft} {question}?{soft} [MASK].{soft} {passage}"

# by the numbers of the original: 0 to 5
PVPS = (
    PVP("question", QUESTION, YES_NO),
    PVP("question-true", QUESTION, TRUE_FALSE),
    PVP("based-on", BASED_ON, YES_NO),
    PVP("based-on-true", BASED_ON, TRUE_FALSE),
    PVP("passage-last", PASSAGE_LAST, YES_NO),
    PVP("passage-last-true", PASSAGE_LAST, TRUE_FALSE),
)

task = Task(
    "boolq",
    BoolQ(),
    PVPS,
    {"accuracy": metrics.accuracy},
    summary="A yes-or-no question about a passage",
    citation=CITATION,
    **published(pattern="passage-last", first="question", epochs=(20, 24)),
)
