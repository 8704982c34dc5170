"""ROUGE as GLM computes it while it trains, to be compared with its logs; `metrics.rouge_1` and its kin are for papers.

It takes away from a prediction every sentence of four words or fewer and every sentence most of whose words came before, and
compares the longest sequences the other way round. Source: SEQ2SEQ_LM 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import punctuation
from typing import Literal

from glm_core import Example, Prediction, metrics

Rules = Literal["cnn_dm", "gigaword", "cnn_dm_org"]
_SHORT = 4  # words of the longest sentence that is taken away


@dataclass(frozen=True)
class RougeOfGlm:
    """One of "rouge-1", "rouge-2" and "rouge-l", 0 to 1.

    rules: how texts are spelled: "cnn_dm" for WordPiece, else "gigaword" or "cnn_dm_org" (as they are). repeated: a sentence
    is taken away when more than this share of its words came before; None: it stays.
    """

    kind: str = "rouge-1"
    rules: Rules = "cnn_dm"
    repeated: float | None = 0.7

    def __call__(self, predictions: Sequence[Prediction]) -> float:
        swapped = []
        for one in predictions:
            for right in metrics.references(one.example):
                said = "\n".join(self.sentences_of_prediction(one.text))
                wanted = "\n".join(self.sentences(right))
                # the original hands the prediction over as the target: only rouge-l can tell
                swapped.append(Prediction(Example(one.example.uid, {}, target=said), text=wanted))
        value = metrics.Rouge((self.kind,))(swapped)
        assert isinstance(value, float)
        return value

    def sentences(self, text: str) -> list[str]:
        """The sentences of a text, spelled by the rules."""
        return [respelled(one, self.rules).strip() for one in text.split("[SEP]")]

    def sentences_of_prediction(self, text: str) -> list[str]:
        """Those that count."""
        long = [one for one in self.sentences(text) if len(one.split()) > _SHORT]
        return long if self.repeated is None else without_repeats(long, self.repeated)


def without_repeats(sentences: Sequence[str], share: float) -> list[str]:
    """The sentences of which no more than this share of the words came in those before them, small letters and capitals
    alike."""
    kept, before = [], set[str]()
    for one in sentences:
        words = set(one.lower().split())
        if len(words & before) <= share * len(words):
            kept.append(one)
        before |= words
    return kept


def respelled(text: str, rules: Rules) -> str:
    """A text as the references of a data set are spelled."""
    if rules == "gigaword":
        return text.replace("[UNK]", "UNK")
    return text if rules == "cnn_dm_org" else _Respelling(text.split()).text()


class _Respelling:
    """Quotes, contractions, numbers, initials and hyphens of a WordPiece text, put together token by token."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.out: list[str] = []
        self.open = {'"': False, "'": False}
        self.joins_next = False  # what follows a hyphen belongs to the word before it

    def text(self) -> str:
        """The whole text."""
        at = 0
        while at < len(self.tokens):
            joins, self.joins_next = self.joins_next, False
            token = self.tokens[at]
            if token in "\"'.,-" and (used := self._mark(token, self.tokens[at + 1 : at + 3])):
                at += used
                continue
            if joins and token[0] not in punctuation:
                self.out[-1] += token
            else:
                self.out.append(token)
            at += 1
        return " ".join(self.out)

    def _mark(self, token: str, following: Sequence[str]) -> int:
        """How many tokens a mark has used up; 0: it stands for itself."""
        after = following[0] if following else ""
        last = self.out[-1] if self.out else ""
        if token == '"':
            return self._quote('"', "``", "''")
        if token == "'":
            if last.endswith("n") and after == "t":
                self.out[-1] = last[:-1]
                self.out.append("n't")
                return 2
            if after in ("s", "d", "ll"):
                self.out.append("'" + after)
                return 2
            return self._quote("'", "`", "'")
        if token == "-":
            return self._hyphen(last, after)
        if token == "." and list(following) == [".", "."]:
            self.out.append("...")
            return 3
        if token == "." and _is_letter(last) and _is_letter(after) and following[1:] == ["."]:
            self.out[-1] += f".{after}."
            return 3
        inside_number = last.isdigit() and after.isdigit() if token == "." else _is_number(last) and _is_number(after)
        if inside_number:
            self.out[-1] += token + after
            return 2
        return 0

    def _quote(self, mark: str, opening: str, closing: str) -> int:
        self.out.append(closing if self.open[mark] else opening)
        self.open[mark] = not self.open[mark]
        return 1

    def _hyphen(self, last: str, after: str) -> int:
        if after == "-":
            self.out.append("--")
            return 2
        if last and after and last not in punctuation and after[0] not in punctuation:
            self.out[-1] += "-"
            self.joins_next = True
            return 1
        return 0


def _is_letter(token: str) -> bool:
    return len(token) == 1 and token.isalpha()


def _is_number(token: str) -> bool:
    """Digits with commas between them: what a comma may go on."""
    return bool(token) and all(one.isdigit() or one == "," for one in token)
