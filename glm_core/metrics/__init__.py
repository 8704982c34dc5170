"""From predictions to a number: what a task is judged by.

A metric is a function from predictions to a number, or to a mapping of numbers. Higher is better unless it says
`metric.lower_is_better = True`. Shares are fractions from 0 to 1; reports show them as they like.
"""

from glm_core.metrics.characters import character_em, character_f1, run_f1, split_characters
from glm_core.metrics.labels import F1, accuracy, f1, f1_macro, grouped_exact_match, matthews, parity
from glm_core.metrics.language import (
    Perplexity,
    bits_per_byte,
    byte_perplexity,
    last_word,
    perplexity,
    word_perplexity,
)
from glm_core.metrics.numbers import pearson, spearman
from glm_core.metrics.summaries import Bleu, Rouge, bleu, rouge, rouge_1, rouge_2, rouge_l
from glm_core.metrics.texts import answer_em, answer_f1, exact_match, fillings, normalize_answer, references, token_f1

__all__ = [
    "F1",
    "Bleu",
    "Perplexity",
    "Rouge",
    "accuracy",
    "answer_em",
    "answer_f1",
    "bits_per_byte",
    "bleu",
    "byte_perplexity",
    "character_em",
    "character_f1",
    "exact_match",
    "f1",
    "f1_macro",
    "fillings",
    "grouped_exact_match",
    "last_word",
    "matthews",
    "normalize_answer",
    "parity",
    "pearson",
    "perplexity",
    "references",
    "rouge",
    "rouge_1",
    "rouge_2",
    "rouge_l",
    "run_f1",
    "spearman",
    "split_characters",
    "token_f1",
    "word_perplexity",
]
