"""Facts to be filled in: a text with several `[MASK]`, and its answers separated by `|`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from glm_core import PVP, DataDir, Edges, Example, Part, Prediction, Split, Task, metrics
from glm_tasks.seq2seq.blanks import parts_of
from glm_tasks.seq2seq.pairs import SourceTarget, text_lines
from glm_tasks.seq2seq.recipes import published

MASK = "[MASK]"


class Facts(SourceTarget):
    """`{train,valid,test}.source` and `.target`, a text and its answers per line."""

    def example(self, uid: str, source: str, target: str | None, data: DataDir) -> Example:
        text = source.strip()
        blanks = text.count(MASK)
        if not blanks:
            raise data.error(f"has no {MASK}; write one where an answer goes")
        answers = None if target is None else tuple(one.strip() for one in target.strip().split("|"))
        if answers is not None and (len(answers) != blanks or not all(answers)):
            raise data.error(f"has {blanks} {MASK}, and the target's line '{target}' {len(answers)} answers")
        return Example(uid, {"text": text}, target=answers)

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """The answers of each text as the target has them."""
        said = ("|".join(metrics.fillings(one, one.example["text"].count(MASK))) for one in predictions)
        yield f"extraction.{split.name}.hyps", text_lines(said)


def in_place(ex: Example) -> Sequence[Part]:
    """The text as it is."""
    return parts_of(ex["text"], MASK)


task = Task(
    "extraction",
    Facts("extraction", names=("train", "valid", "test")),
    (PVP("in-place", in_place, edges=Edges(eos="never")),),
    {"exact-match": metrics.exact_match, "f1": metrics.answer_f1},
    kind="generation",
    summary="Fill in several facts that a text leaves out",
    **published(epochs=5, learning_rate=1e-5, source=256, target=200, beams=1, length_penalty=1.0, max_total=200),
)
