"""Numbers from texts: does the answer that was chosen or written equal a reference, and how many of its words are right.

The references of an example are its `meta["answers"]`, or else its `target`. A question that was asked in several windows of
a long text is one question: its predictions share `meta["question"]`, and `meta["window"]` puts them in order.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from glm_core.examples import Example, Prediction

NO_ANSWER = "N/A"
SEVERAL = " … "  # between the texts of several blanks, as predictions and answers have them

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(predictions: Sequence[Prediction]) -> float:
    """Share of examples whose text equals a reference, 0 to 1; only surrounding whitespace is forgiven."""
    known = [(one.text.strip(), references(one.example)) for one in predictions]
    known = [(text, right) for text, right in known if right]
    return sum(text in {one.strip() for one in right} for text, right in known) / len(known) if known else 0.0


def answer_em(predictions: Sequence[Prediction]) -> float:
    """SQuAD's exact match, 0 to 1: the share of questions whose answer equals a reference once both are normalized."""
    return _mean_best(predictions, lambda text, right: float(normalize_answer(text) == normalize_answer(right)))


def answer_f1(predictions: Sequence[Prediction]) -> float:
    """SQuAD's F1, 0 to 1: words shared with the nearest reference, averaged over questions."""
    return _mean_best(predictions, token_f1)


def references(example: Example) -> tuple[str, ...]:
    """The texts that would be right for an example; none where it is not labelled."""
    answers = example.meta.get("answers")
    if answers is not None:
        return (answers,) if isinstance(answers, str) else tuple(answers)
    if example.target is None:
        return ()
    return (example.target,) if isinstance(example.target, str) else (SEVERAL.join(example.target),)


def fillings(prediction: Prediction, n_blanks: int) -> tuple[str, ...]:
    """What was written into each of several blanks; the empty text where nothing was."""
    texts = prediction.text.split(SEVERAL)
    texts[n_blanks - 1 :] = [SEVERAL.join(texts[n_blanks - 1 :])]
    return (*texts, *[""] * (n_blanks - len(texts)))


def normalize_answer(text: str) -> str:
    """Small letters without accents, punctuation, articles and doubled whitespace, as SQuAD's scorer and GLM do it."""
    from unidecode import unidecode  # its tables are wanted by these metrics only

    plain = unidecode(text.lower()).translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def token_f1(text: str, reference: str) -> float:
    """F1 over the normalized words that two texts share, 0 to 1; 0 where they share none, both empty included."""
    said, right = normalize_answer(text).split(), normalize_answer(reference).split()
    shared = sum((Counter(said) & Counter(right)).values())
    return 2 * shared / (len(said) + len(right)) if shared else 0.0


class _Said(NamedTuple):
    window: int
    uid: str
    text: str


def _mean_best(predictions: Sequence[Prediction], score: Callable[[str, str], float]) -> float:
    said: dict[str, list[_Said]] = {}
    right: dict[str, tuple[str, ...]] = {}
    for one in predictions:
        answers = references(one.example)
        if not answers:
            continue
        question = str(one.example.meta.get("question", one.example.uid))
        said.setdefault(question, []).append(_Said(_window(one.example.meta), one.example.uid, one.text))
        right[question] = answers
    if not said:
        return 0.0
    # sorted: a sum of floats depends on its order
    return sum(_best(said[question], right[question], score) for question in sorted(said)) / len(said)


def _best(said: Sequence[_Said], right: Sequence[str], score: Callable[[str, str], float]) -> float:
    """The first window that has an answer speaks for the question; unanswerable ones want silence from every window."""
    spoken = [one.text for one in sorted(said) if not _is_no_answer(one.text)]
    if all(_is_no_answer(one) for one in right):
        return float(not spoken)
    return max(score(spoken[0], one) for one in right) if spoken else 0.0


def _is_no_answer(text: str) -> bool:
    return text.replace(" ", "").upper() == NO_ANSWER


def _window(meta: Mapping[str, object]) -> int:
    window = meta.get("window", 0)
    return window if isinstance(window, int) else 0
