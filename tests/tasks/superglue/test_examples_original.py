"""The readers give the original's examples: order, names, labels, and the text down to the last character.

The recorded lists hold a hash of text_a, text_b and meta for every example; here our fields are put back into these shapes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from glm_core import Example
from glm_tasks.superglue import few
from tests.shared_files import needs_shared, shared

TASKS = {task.name.removeprefix("few-"): task for task in few.TASKS}
SPLIT_OF = {"train": "train", "dev": "dev32"}

# text_a, text_b and meta of the original, from ours
Shape = Callable[[Example], tuple[str, str | None, Mapping[str, Any]]]


def copa(ex: Example) -> tuple[str, str | None, Mapping[str, Any]]:
    return ex["premise"], None, {name: ex[name] for name in ("choice1", "choice2", "question")}


def multirc(ex: Example) -> tuple[str, str | None, Mapping[str, Any]]:
    p, q, a = ex.meta["idx"]
    meta = {"passage_idx": p, "question_idx": q, "answer_idx": a, "answer": ex["answer"]}
    return ex["passage"], ex["question"], meta


def record(ex: Example) -> tuple[str, str | None, Mapping[str, Any]]:
    p, q, _ = ex.meta["idx"]
    meta = {"passage_idx": p, "question_idx": q, "candidates": ex.choices, "answers": sorted(ex.meta["answers"])}
    return ex["passage"], ex["query"], meta


def wsc(ex: Example) -> tuple[str, str | None, Mapping[str, Any]]:
    meta = {
        "span1_text": ex["span"],
        "span1_index": ex.meta["span_at"],
        "span2_text": ex["pronoun"],
        "span2_index": ex.meta["pronoun_at"],
    }
    return ex["text"], None, meta


SHAPES: dict[str, Shape] = {
    "rte": lambda ex: (ex["premise"], ex["hypothesis"], {}),
    "cb": lambda ex: (ex["premise"], ex["hypothesis"], {}),
    "boolq": lambda ex: (ex["passage"], ex["question"], {}),
    "wic": lambda ex: (ex["sentence1"], ex["sentence2"], {"word": ex["word"]}),
    "copa": copa,
    "multirc": multirc,
    "record": record,
    "wsc": wsc,
}


def recorded(name: str, split: str) -> dict[str, Any]:
    path = shared("golden", "superglue", "examples", f"{name}.json")
    return json.loads(path.read_text(encoding="utf-8"))[split]


def ours(name: str, split: str) -> list[Example]:
    # the original's own data has no other candidates, so no windows either
    task = TASKS["wsc-generate" if name == "wsc" else name]
    return task.read(task.processor.open(str(shared("data", "fewglue", "FewGLUE_32dev"))), SPLIT_OF[split])


def digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha1(text.encode()).hexdigest()[:16]


CASES = [(name, split) for name in SHAPES for split in SPLIT_OF if (name, split) != ("record", "dev")]


@needs_shared("golden", "superglue", "examples")
@pytest.mark.parametrize(("name", "split"), CASES)
def test_the_examples_are_those_of_the_original(name: str, split: str):
    wanted = recorded(name, split)
    examples = ours(name, split)
    assert len(examples) == wanted["n"]
    if name == "record":  # the original's data set sorts by the number of choices
        examples.sort(key=lambda ex: len(ex.choices))
    for example, row in zip(examples, wanted["examples"], strict=False):
        a, b, meta = SHAPES[name](example)
        assert example.uid.replace(f"{SPLIT_OF[split]}-", f"{split}-") == row["guid"]
        idx = example.meta["idx"]
        assert (list(idx) if isinstance(idx, tuple) else idx) == row["idx"]
        assert example.label == str(row["label"])
        assert digest(a) == row["a"]
        assert digest(b) == row["b"]
        if name == "record":
            assert len(example.choices) == row["nc"]
        if not row.get("ambig"):  # there the original's own answer depends on the interpreter's hash seed
            assert digest(json.dumps(meta, sort_keys=True)) == row["meta"]


@needs_shared("golden", "superglue", "examples")
def test_ambiguous_record_questions_have_the_same_answers_as_a_set():
    wanted = recorded("record", "train")["examples"]
    of_question: dict[tuple[int, int], set[str]] = {}
    for example in ours("record", "train"):
        p, q, _ = example.meta["idx"]
        of_question.setdefault((p, q), set()).update(example.meta["answers"])
    counted: dict[tuple[int, int], int] = {}
    for row in wanted:
        counted[tuple(row["idx"][:2])] = counted.get(tuple(row["idx"][:2]), 0) + 1
    assert {key: len(answers) for key, answers in of_question.items()} == counted


@needs_shared("golden", "superglue", "examples")
def test_a_classifier_on_winograd_sees_false_examples_too():
    from glm_tasks.superglue import wsc as winograd

    assert recorded("wsc", "train-nocloze")["n"] == len(ours("wsc", "train"))  # FewGLUE's are all true
    task = winograd.yes_no
    data = task.processor.open(str(shared("data", "superglue")))
    assert {one.label for one in task.read(data, "train")} == {"False", "True"}


@needs_shared("golden", "superglue", "bert-wordpiece")
def test_record_candidates_are_those_recorded_where_they_do_not_depend_on_the_hash_seed():
    path = shared("golden", "superglue", "bert-wordpiece", "record_p0.jsonl")
    examples = ours("record", "train")
    compared = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not row.get("ambig"):
            assert list(examples[row["i"]].choices) == row["cands"]
            compared += 1
    assert compared
