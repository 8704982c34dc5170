"""CommitmentBank: does the writer hold what an embedded clause says to be true?"""

from __future__ import annotations

from glm_core import PVP, Task, metrics
from glm_tasks.superglue.processor import CITATION
from glm_tasks.superglue.recipes import published
from glm_tasks.superglue.rte import Rte


class Cb(Rte):
    """The same two texts as RTE, and a third label. The order of the labels is the original's."""

    folder = "CB"
    labels = ("entailment", "contradiction", "neutral")


YES_NO_MAYBE = {"entailment": "Yes", "contradiction": "No", "neutral": "Maybe"}
TRUE_FALSE_NEITHER = {"entailment": "true", "contradiction": "false", "neutral": "neither"}

# by the numbers of the original: 0 to 4
PVPS = (
    PVP("quoted", '{soft}"{hypothesis|strip_punct}" ?{split}{soft} [MASK],{soft} "{premise}"', YES_NO_MAYBE),
    PVP("plain", "{soft}{hypothesis|strip_punct}?{split}{soft} [MASK],{soft} {premise}", YES_NO_MAYBE),
    PVP("quoted-stop", '{soft}"{hypothesis|strip_punct}" ?{split}{soft} [MASK]. "{soft}{premise}"', YES_NO_MAYBE),
    PVP("plain-stop", "{soft}{hypothesis|strip_punct}?{split}{soft} [MASK].{soft} {premise}", YES_NO_MAYBE),
    PVP(
        "true-false-or-neither",
        "{soft}{premise}{soft} question: {hypothesis} true, false or neither?{soft} answer: [MASK]",
        TRUE_FALSE_NEITHER,
    ),
)

task = Task(
    "cb",
    Cb(),
    PVPS,
    {"accuracy": metrics.accuracy, "f1_macro": metrics.f1_macro},
    summary="Does the writer hold the embedded clause to be true?",
    citation=CITATION,
    **published(pattern="plain-stop", first="quoted", epochs=(50, 100)),
)
