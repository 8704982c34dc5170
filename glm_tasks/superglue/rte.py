"""RTE: does a hypothesis follow from a premise? Its patterns serve the two diagnostics as well."""

from __future__ import annotations

from collections.abc import Iterable

from glm_core import PVP, Example, Split, Task, metrics, straighten_quotes
from glm_tasks.superglue.processor import CITATION, SuperGlueProcessor
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rows import Row


class Rte(SuperGlueProcessor):
    """Two texts and whether the second follows from the first."""

    folder = "RTE"
    labels: tuple[str, ...] = ("entailment", "not_entailment")

    def examples(self, row: Row, split: Split, number: int) -> Iterable[Example]:
        yield self.pair(row, split, number, "premise", "hypothesis")

    def pair(self, row: Row, split: Split, number: int, premise: str, hypothesis: str) -> Example:
        """The example of a row whose texts lie in these two fields."""
        idx = row.index(number)
        texts = {
            "premise": straighten_quotes(row.text(premise)),
            "hypothesis": straighten_quotes(row.text(hypothesis)),
        }
        return Example(self.uid(split, idx, number), texts, label=self.label(row, split), meta={"idx": idx})


YES_NO = {"entailment": "Yes", "not_entailment": "No"}
TRUE_FALSE = {"entailment": "true", "not_entailment": "false"}

# by the numbers of the original: 0 to 4
PVPS = (
    PVP("quoted", '{soft}"{hypothesis|strip_punct}" ?{split}{soft} [MASK],{soft} "{premise}"', YES_NO),
    PVP("plain", "{soft}{hypothesis|strip_punct}?{split}{soft} [MASK],{soft} {premise}", YES_NO),
    PVP("quoted-stop", '{soft}"{hypothesis|strip_punct}" ?{split}{soft} [MASK]. "{soft}{premise}"', YES_NO),
    PVP("plain-stop", "{soft}{hypothesis|strip_punct}?{split}{soft} [MASK].{soft} {premise}", YES_NO),
    PVP(
        "true-or-false",
        "{soft}{premise}{soft} question: {hypothesis|strip_punct} True or False?{soft} answer: [MASK]",
        TRUE_FALSE,
    ),
)

task = Task(
    "rte",
    Rte(),
    PVPS,
    {"accuracy": metrics.accuracy},
    summary="Does the hypothesis follow from the premise?",
    citation=CITATION,
    **published(pattern="quoted", first="quoted", epochs=(50, 50)),
)
