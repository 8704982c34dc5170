"""CNN/DailyMail in its two forms: with sentences marked (`cnn-dm`, as UniLM published it) and as plain text."""

from __future__ import annotations

from glm_core import Task, metrics
from glm_tasks.seq2seq import detokenize
from glm_tasks.seq2seq.gigaword import ROUGE, SUMMARY
from glm_tasks.seq2seq.pairs import SourceTarget, standardized
from glm_tasks.seq2seq.recipes import published

CITATION = "Hermann et al. 2015, Teaching Machines to Read and Comprehend, arXiv 1506.03340"


def source(line: str) -> str:
    """An article as plain text."""
    return detokenize.cnn_dm_source(standardized(line))


def target(line: str) -> str:
    """A summary as plain text, its sentences marked."""
    return detokenize.cnn_dm_target(standardized(line))


def _by_sentence(kind: str) -> metrics.Rouge:
    return metrics.Rouge((kind,), sentences=detokenize.SENTENCE)


task = Task(
    "cnn-dm",
    SourceTarget("cnn_dm", source=source, target=target),
    SUMMARY,
    {kind: _by_sentence(kind) for kind in ROUGE},
    kind="generation",
    summary="A few sentences that sum up a news article; the sentences are marked",
    specials_in_text=(detokenize.SENTENCE,),
    citation=CITATION,
    **published(
        epochs=15,
        learning_rate=3e-5,
        source=608,
        target=160,
        min_tokens=55,
        no_repeat_ngram=3,
    ),
)

original = Task(
    "cnn-dm-original",
    SourceTarget("cnn_dm_original"),
    SUMMARY,
    ROUGE,
    kind="generation",
    summary="The same of plain texts, in which sentences are not marked",
    citation=CITATION,
    **published(
        epochs=10,
        learning_rate=1e-5,
        source=608,
        target=160,
        min_tokens=55,
        no_repeat_ngram=3,
        eval_every=2,
    ),
)
