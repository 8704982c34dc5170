"""MNLI: does a hypothesis follow from a premise, contradict it, or neither? Two development sets, one task each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glm_core import PVP, Example, Split, Task, TsvProcessor, metrics, straighten_quotes


class Mnli(TsvProcessor):
    """The files of the GLUE archive. `domain`: "matched" or "mismatched" with the genres of the training set."""

    folder = "MNLI"
    labels = ("contradiction", "entailment", "neutral")

    def __init__(self, domain: str) -> None:
        self.splits = (
            Split("train", "train", ("train.tsv",)),
            Split("dev", "tune", (f"dev_{domain}.tsv",)),
            Split("test", "final", (f"test_{domain}.tsv",), labelled=False),
        )

    def examples(self, row: Mapping[str, str], uid: str) -> Iterator[Example]:
        texts = {"premise": row["sentence1"], "hypothesis": row["sentence2"]}
        yield Example(uid, {name: straighten_quotes(text) for name, text in texts.items()}, label=row.get("gold_label"))


WRONG_RIGHT = {"contradiction": "Wrong", "entailment": "Right", "neutral": "Maybe"}
NO_YES = {"contradiction": "No", "entailment": "Yes", "neutral": "Maybe"}

_QUOTED = '"{premise|strip_punct}" ?{split} [MASK], "{hypothesis}"'
_PLAIN = "{premise|strip_punct}?{split} [MASK],{hypothesis}"  # no space before the hypothesis, as it was published

# by the numbers of the original: 0 to 3
PVPS = (
    PVP("quoted-right", _QUOTED, WRONG_RIGHT),
    PVP("plain-right", _PLAIN, WRONG_RIGHT),
    PVP("quoted-yes", _QUOTED, NO_YES),
    PVP("plain-yes", _PLAIN, NO_YES),
)


def _task(name: str, domain: str) -> Task:
    return Task(
        name,
        Mnli(domain),
        PVPS,
        {"accuracy": metrics.accuracy},
        summary=f"Does the hypothesis follow, contradict, or neither? Measured on {domain} genres",
        license="OANC, CC BY-SA 3.0, CC BY 3.0 and public domain, by genre",
        citation="Williams et al. 2018, MultiNLI, arXiv 1704.05426",
    )


matched = _task("mnli", "matched")
mismatched = _task("mnli-mm", "mismatched")
