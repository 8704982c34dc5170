"""Numbers for written texts: ROUGE and BLEU, by the libraries that papers use (extra `rouge`).

The references of an example are its `meta["answers"]`, or else its `target`; an example with several counts with its
nearest one. The libraries are imported when a number is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from glm_core.errors import UsageError
from glm_core.examples import Prediction
from glm_core.metrics.characters import split_characters
from glm_core.metrics.texts import references

_NAMES = {"rouge-1": "rouge1", "rouge-2": "rouge2", "rouge-l": "rougeLsum"}


class _Characters:
    """The shape of tokenizer that rouge-score takes."""

    def tokenize(self, text: str) -> list[str]:
        return split_characters(text)


@dataclass(frozen=True)
class Rouge:
    """ROUGE, 0 to 1: F1 of the word n-grams (1, 2), or of the longest common sequences (l), averaged over examples.

    kinds: of "rouge-1", "rouge-2", "rouge-l". One gives a number, several a mapping.
    split: "words", which knows only ASCII letters and digits, as the original ROUGE; or "characters", for Chinese.
    sentences: what stands between the sentences of a text; rouge-l compares sentence by sentence.
    stem: endings of English words do not count.
    """

    kinds: tuple[str, ...] = tuple(_NAMES)
    split: Literal["words", "characters"] = "words"
    sentences: str = "\n"
    stem: bool = True

    def __call__(self, predictions: Sequence[Prediction]) -> float | Mapping[str, float]:
        known = [(one.text, right) for one in predictions if (right := references(one.example))]
        scorer = self._scorer() if known else None
        columns: dict[str, list[float]] = {kind: [] for kind in self.kinds}
        for text, right in known:
            assert scorer is not None
            said = self._sentences(text)
            each = [scorer.score(self._sentences(one), said) for one in right]
            for kind in self.kinds:
                columns[kind].append(max(one[_NAMES[kind]].fmeasure for one in each))
        # sorted: a sum of floats depends on its order
        means = {kind: sum(sorted(values)) / len(values) if values else 0.0 for kind, values in columns.items()}
        return means if len(means) > 1 else means[self.kinds[0]]

    def _sentences(self, text: str) -> str:
        if self.sentences == "\n":
            return text
        return "\n".join(one.strip() for one in text.split(self.sentences))

    def _scorer(self) -> Any:
        unknown = [kind for kind in self.kinds if kind not in _NAMES]
        if unknown or not self.kinds:
            raise UsageError(f"ROUGE has the kinds {', '.join(_NAMES)}; got {', '.join(unknown) or 'none'}")
        try:
            from rouge_score.rouge_scorer import RougeScorer
        except ModuleNotFoundError as error:
            raise _missing("ROUGE", error) from error
        tokenizer = _Characters() if self.split == "characters" else None
        return RougeScorer([_NAMES[kind] for kind in self.kinds], use_stemmer=self.stem, tokenizer=tokenizer)


rouge = Rouge
rouge_1 = Rouge(("rouge-1",))
rouge_2 = Rouge(("rouge-2",))
rouge_l = Rouge(("rouge-l",))


@dataclass(frozen=True)
class Bleu:
    """BLEU-4 of all texts together, 0 to 1, without smoothing.

    split: "none", at spaces, which is what multi-bleu.perl counts; "13a", as mteval splits plain English; "zh".
    """

    split: Literal["none", "13a", "zh"] = "none"

    def __call__(self, predictions: Sequence[Prediction]) -> float:
        known = [(one.text, right) for one in predictions if (right := references(one.example))]
        if not known:
            return 0.0
        try:
            from sacrebleu import corpus_bleu
        except ModuleNotFoundError as error:
            raise _missing("BLEU", error) from error
        n_streams = max(len(right) for _, right in known)
        streams: Any = [[right[k] if k < len(right) else None for _, right in known] for k in range(n_streams)]
        texts = [text for text, _ in known]
        return float(corpus_bleu(texts, streams, tokenize=self.split, smooth_method="none", force=True).score) / 100


bleu = Bleu()


def _missing(what: str, error: ModuleNotFoundError) -> UsageError:
    return UsageError(f"{what} wants the package {error.name}: pip install 'glm-core[rouge]'")
