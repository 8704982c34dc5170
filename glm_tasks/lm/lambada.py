"""LAMBADA: the last word of a passage, which only the whole passage tells."""

from __future__ import annotations

from collections.abc import Iterator

from glm_core import PVP, DataDir, Edges, Example, Split, Task, metrics
from glm_tasks.lm.files import FilesProcessor


class Lambada(FilesProcessor):
    """JSON lines with `text`; the target is its last word, the context all before it. A word that comes twice: the last."""

    folder = "lambada"
    splits = (Split("test", "final", ("lambada_test.jsonl",)),)

    def documents(self, data: DataDir, name: str, prefix: str) -> Iterator[Example]:
        for number, row in enumerate(data.jsonl(name)):
            text = row.get("text")
            if not isinstance(text, str) or len(text.split()) < 2:
                raise data.error('wants "text": "…" of two words or more')
            word = text.split()[-1]
            context = text[: text.rfind(word)].strip()
            lengths = {"words": 1, "bytes": len(word.encode()) + 1}
            yield Example(self.uid(data, name, prefix, number), {"context": context}, target=word, meta=lengths)


task = Task(
    "lambada",
    Lambada(),
    (PVP("end", "{context|head} [gMASK]", edges=Edges(eos="always")),),
    {"accuracy": metrics.last_word, "perplexity": metrics.perplexity},
    kind="lm",
    summary="The last word of a passage, token for token the model's first choice",
    recommended={"max_length": 512},
    license="CC-BY-4.0",
    citation="Paperno et al. 2016, The LAMBADA dataset, arXiv 1606.06031",
)
