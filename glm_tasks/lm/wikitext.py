"""WikiText and the Penn Treebank: texts that were cut into tokens and are put together again before they are read.

A word is what the published file counts as one, ends of lines included, so that perplexities per word compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from glm_core import DataDir, Example, Split, Task
from glm_tasks.lm import detokenize
from glm_tasks.lm.files import FilesProcessor
from glm_tasks.lm.text import METRICS, WHOLE

METRICS_BY_WORD = {name: METRICS[name] for name in ("word-perplexity", *METRICS)}  # the one that is reported first
RECOMMENDED = {"max_length": 1025, "overlap": 0.75}  # the original's windows of 1023 tokens that each add 256


class TokenizedText(FilesProcessor):
    """One file per split, each of them one document."""

    def __init__(self, folder: str, files: tuple[str, str, str], restore: Callable[[str], str]) -> None:
        """files: of train, dev and test. restore: makes text of its tokens."""
        train, dev, test = files
        self.folder = folder
        self.restore = restore
        self.splits = (Split("train", "train", (train,)), Split("dev", "tune", (dev,)), Split("test", "final", (test,)))

    def documents(self, data: DataDir, name: str, prefix: str) -> Iterator[Example]:
        text = data.text(name)
        if not text.strip():
            raise data.error("the file is empty")
        counted = {"words": len(text.strip().split(" ")), "bytes": len(text.encode("utf-8"))}
        yield Example(self.uid(data, name, prefix, 0), {}, target=self.restore(text), meta=counted)


def _names(end: str) -> tuple[str, str, str]:
    return f"wiki.train.{end}", f"wiki.valid.{end}", f"wiki.test.{end}"


task = Task(
    "wikitext",
    TokenizedText("wikitext-103", _names("tokens"), detokenize.wikitext),
    WHOLE,
    METRICS_BY_WORD,
    kind="lm",
    summary="Perplexity of WikiText-103 or WikiText-2 (rare words are <unk>), per word first",
    recommended=RECOMMENDED,
    license="CC-BY-SA-3.0",
    citation="Merity et al. 2016, Pointer Sentinel Mixture Models, arXiv 1609.07843",
)

raw = Task(
    "wikitext-raw",
    TokenizedText("wikitext-103-raw", _names("raw"), detokenize.wikitext),
    WHOLE,
    METRICS_BY_WORD,
    kind="lm",
    summary="The same of the raw files, in which no word is replaced",
    recommended=RECOMMENDED,
    license=task.license,
    citation=task.citation,
)

ptb = Task(
    "ptb",
    TokenizedText("ptb", ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"), detokenize.penn),
    WHOLE,
    METRICS_BY_WORD,
    kind="lm",
    summary="Perplexity of the Penn Treebank as language models use it",
    recommended=RECOMMENDED,
    citation="Mikolov et al. 2010, Recurrent neural network based language model",
)
