"""Pairs of texts of one's own: `{train,val,test}.source` and `.target`, an example per line."""

from __future__ import annotations

from glm_core import PVP, Edges, Task
from glm_tasks.seq2seq.gigaword import ROUGE, SUMMARY
from glm_tasks.seq2seq.pairs import SourceTarget
from glm_tasks.seq2seq.recipes import published

task = Task(
    "files",
    SourceTarget(source=str.strip, target=str.strip),
    # by the original's customization first: the source keeps its end, and what is written follows it
    (PVP("after", "{source|head} [sMASK]", edges=Edges(eos="always")), *SUMMARY),
    ROUGE,
    kind="generation",
    summary="Texts of your own: source and target, a line each",
    **published(
        epochs=10,
        learning_rate=1e-5,
        source=512,
        target=128,
        weight_decay=0.01,
    ),
)
