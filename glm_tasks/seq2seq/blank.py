"""Missing words: a share of a text's words is taken out at random and written back. Source: SEQ2SEQ_LM 3.4.

What is drawn depends on the seed, the line and how often it was drawn before: not on who asks, or in which order.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from glm_core import PVP, DataDir, DataProcessor, Edges, Example, Part, Prediction, Split, Task, metrics
from glm_tasks.seq2seq import detokenize
from glm_tasks.seq2seq.blanks import filled, parts_of, removed
from glm_tasks.seq2seq.pairs import text_lines
from glm_tasks.seq2seq.recipes import published
from glm_tasks.seq2seq.restore import joined_contractions

MARK = "<blank>"


class MissingWords(DataProcessor):
    """`train.txt`, `valid.txt`, `test.txt`, a text per line; of the test texts the blanks are given.

    ratio: share of the words that are taken out. copies: how often each training text is drawn anew; the original draws in
    each of its five epochs. seed: of what is drawn.
    """

    folder = "blank"

    def __init__(self, ratio: float, *, copies: int = 5, seed: int = 1234) -> None:
        self.ratio = ratio
        self.copies = copies
        self.seed = seed
        self.given = f"blank/test.maskratio{ratio:.1f}.blank"
        self.splits = (
            Split("train", "train", ("train.txt",)),
            Split("dev", "tune", ("valid.txt",)),
            Split("test", "final", ("test.txt", self.given)),
        )

    def read(self, data: DataDir, split: Split) -> Iterator[Example]:
        if split.role == "final":
            yield from self._given(data, split)
            return
        for copy in range(self.copies if split.role == "train" else 1):
            for number, line in enumerate(data.lines(split.files[0])):
                text = detokenize.unknown(line.strip())
                rng = random.Random(f"{self.seed}/{split.name}/{number}/{copy}")
                if len(text.split()) > 1:
                    uid = f"{split.name}-{number}" + (f"-{copy}" if copy else "")
                    yield self._example(uid, *take_out(text, self.ratio, rng), text)

    def _given(self, data: DataDir, split: Split) -> Iterator[Example]:
        """The test texts; without references where only the texts with their blanks are there."""
        whole = (
            [detokenize.unknown(line.strip()) for line in data.lines(split.files[0])] if len(split.files) > 1 else []
        )
        for number, line in enumerate(data.lines(split.files[-1])):
            text = detokenize.unknown(line.strip())
            if MARK not in text:
                continue  # a short text of which nothing was taken out
            right = whole[number] if number < len(whole) else None
            words = None if right is None else removed(text, MARK, right)
            if whole and words is None:
                raise data.error(f"is not line {number + 1} of {split.files[0]} with words taken out")
            yield self._example(f"{split.name}-{number}", text, words, right)

    @staticmethod
    def _example(uid: str, text: str, words: tuple[str, ...] | None, whole: str | None) -> Example:
        meta = {} if whole is None else {"whole": whole}
        return Example(uid, {"text": text}, target=words, meta=meta)

    def write(self, predictions: Sequence[Prediction], split: Split) -> Iterable[tuple[str, str]]:
        """The texts with their blanks filled, and the texts of the file: what multi-bleu.perl compares."""
        name = f"blank-{self.ratio:.1f}.{split.name}"
        yield f"{name}.hyps", text_lines(whole_text(one) for one in predictions)
        right = [one.example.meta.get("whole") for one in predictions]
        if None not in right:
            yield f"{name}.refs", text_lines(map(str, right))


def take_out(text: str, ratio: float, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """A text with a share of its words taken out, at least one, and the words; neighbours leave one blank."""
    words = text.split()
    gone = sorted(rng.sample(range(len(words)), max(1, int(len(words) * ratio))))
    blanks = [[gone[0]]]
    for at in gone[1:]:
        if at == blanks[-1][-1] + 1:
            blanks[-1].append(at)
        else:
            blanks.append([at])
    left = [MARK if any(at == some[0] for some in blanks) else word for at, word in enumerate(words)]
    kept = [word for at, word in enumerate(left) if word == MARK or at not in gone]
    return " ".join(kept), tuple(" ".join(words[at] for at in some) for some in blanks)


def in_place(ex: Example) -> Sequence[Part]:
    """The text with its blanks; a space in front, since every word has one."""
    return parts_of(f" {ex['text']}", MARK)


def whole_text(prediction: Prediction) -> str:
    """The text with its blanks filled."""
    text = prediction.example["text"]
    said = metrics.fillings(prediction, text.count(MARK))
    return filled(text, MARK, [joined_contractions(one) for one in said])


def bleu(predictions: Sequence[Prediction]) -> float:
    """BLEU of the whole texts, 0 to 1."""
    known = [one for one in predictions if "whole" in one.example.meta]
    return metrics.bleu(
        [
            replace(
                one,
                text=whole_text(one),
                example=replace(one.example, target=" ".join(one.example.meta["whole"].split())),
            )
            for one in known
        ]
    )


def _task(ratio: float) -> Task:
    return Task(
        f"blank-{ratio:.1f}",
        MissingWords(ratio),
        (PVP("in-place", in_place, edges=Edges(eos="never")),),
        {"bleu": bleu, "exact-match": metrics.exact_match},
        kind="generation",
        summary=f"Write back {ratio:.0%} of a text's words, taken out at random",
        specials_in_text=(detokenize.UNKNOWN,),
        citation="Shen et al. 2020, Blank Language Models, arXiv 2002.03079",
        **published(
            epochs=1,  # of five copies each
            learning_rate=1e-5,
            source=256,
            target=200,
            beams=1,
            length_penalty=1.0,
            no_repeat_ngram=3,
            max_total=200,
        ),
    )


TASKS = tuple(_task(tenths / 10) for tenths in range(1, 6))
