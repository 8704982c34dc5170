"""Gigaword: a headline for the first sentence of an article. Its pattern serves the other summaries as well."""

from __future__ import annotations

from glm_core import PVP, Edges, Task, metrics
from glm_tasks.seq2seq import detokenize
from glm_tasks.seq2seq.pairs import SourceTarget, standardized
from glm_tasks.seq2seq.recipes import published

# what is written stands in front of what it is written about
SUMMARY = (PVP("content", " [sMASK] Content: {source}", edges=Edges(eos="never")),)
ROUGE = {"rouge-1": metrics.rouge_1, "rouge-2": metrics.rouge_2, "rouge-l": metrics.rouge_l}


def cleaned(line: str) -> str:
    """A line as plain text."""
    return detokenize.gigaword(standardized(line))


task = Task(
    "gigaword",
    SourceTarget("gigaword", source=cleaned, target=cleaned),
    SUMMARY,
    ROUGE,
    kind="generation",
    summary="A headline for the first sentence of an article",
    specials_in_text=(detokenize.UNKNOWN,),
    citation="Rush et al. 2015, A Neural Attention Model for Sentence Summarization, arXiv 1509.00685",
    **published(epochs=10, learning_rate=3e-5, source=192, target=32, length_penalty=0.6, no_repeat_ngram=3),
)
