"""The examples that THUDM/GLM's processors made of a data set's files, for the tasks of the recorded rows.

A slow and plain second writing of SUPERGLUE section 1, for tests only. Examples come in the order of the original's lists,
before its data set sorts them; `uid` is its guid. Fields `a` and `b` are its text_a and text_b, the others are what its
patterns look up; `choices` are answers of one example, the right one named by `label`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from glm_core.examples import Example
from glm_core.parts import straighten_quotes as std

LABELS = {
    "rte": ("entailment", "not_entailment"),
    "ax-b": ("entailment", "not_entailment"),
    "ax-g": ("entailment", "not_entailment"),
    "cb": ("entailment", "contradiction", "neutral"),
    "boolq": ("false", "true"),
    "wic": ("false", "true"),
    "multirc": ("0", "1"),
    "wsc": ("False", "True"),
    "mnli": ("contradiction", "entailment", "neutral"),
    "sst2": ("0", "1"),
    "cola": ("0", "1"),
    "mrpc": ("0", "1"),
    "qqp": ("0", "1"),
    "qnli": ("entailment", "not_entailment"),
    "agnews": tuple("1234"),
    "yahoo": (*"123456789", "10"),
    "yelp-polarity": tuple("12"),
    "yelp-full": tuple("12345"),
    "xstance": ("FAVOR", "AGAINST"),
    "afqmc": ("0", "1"),
    "tnews": tuple(map(str, (*range(100, 105), *range(106, 111), *range(112, 117)))),
    "cluewsc": ("false", "true"),
}

Rows = list[dict[str, Any]]
_SPACES = re.compile(r"\s+")
_NEGATIVES = 9


def read(task: str, file: Path, *, split: str = "train", negatives: bool = False, cloze: bool = True) -> list[Example]:
    """The examples of a file. negatives: Winograd with its `candidates`; cloze: without the pairs that do not corefer."""
    if task == "wsc":
        return list(_wsc(file, split, negatives, cloze))
    if task == "copa":
        return list(_copa(file, split))
    return list(_READERS[task](file, split))


def _jsonl(file: Path) -> Rows:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def _tsv(file: Path) -> Rows:
    head, *lines = [line.split("\t") for line in file.read_text(encoding="utf-8").split("\n") if line]
    return [dict(zip(head, line, strict=True)) for line in lines]


def _csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def _two(
    rows: Callable[[Path], Rows], a: str, b: str | None, label: str, *, idx: str | None = "idx", raw: bool = False
) -> Callable[[Path, str], Iterator[Example]]:
    """A reader of one or two texts and a label; guid by the row's `idx`, or by its number."""

    def read(file: Path, split: str) -> Iterator[Example]:
        for number, row in enumerate(rows(file)):
            texts = {"a": row[a]} if b is None else {"a": row[a], "b": row[b]}
            fields = {name: text if raw else std(text) for name, text in texts.items()}
            gold = str(row[label]).lower() if isinstance(row[label], bool) else str(row[label])
            yield Example(f"{split}-{row[idx] if idx else number}", {**fields, "word": row.get("word", "")}, gold)

    return read


def _of_csv(titles: int, bodies: int, *, newlines: bool = True) -> Callable[[Path, str], Iterator[Example]]:
    """label, `titles` columns joined, `bodies` columns; a backslash, and as a rule an escaped newline, is a space."""

    def clean(text: str) -> str:
        return std((text.replace("\\n", " ") if newlines else text).replace("\\", " "))

    def read(file: Path, split: str) -> Iterator[Example]:
        for number, (label, *columns) in enumerate(_csv(file)):
            fields = {"a": clean(" ".join(columns[:titles]))}
            if bodies:
                fields["b"] = clean(columns[titles])
            yield Example(f"{split}-{number}", fields, label)

    return read


def _multirc(file: Path, split: str) -> Iterator[Example]:
    for row in _jsonl(file):
        for question in row["passage"]["questions"]:
            for answer in question["answers"]:
                yield Example(
                    f"{split}-p{row['idx']}-q{question['idx']}-a{answer['idx']}",
                    {
                        "a": std(row["passage"]["text"]),
                        "b": std(question["question"]),
                        "answer": std(answer["text"]),
                    },
                    str(answer["label"]),
                )


def _copa(file: Path, split: str) -> Iterator[Example]:
    """Text and choices as they stand. After all examples of train, each once more with its choices exchanged."""

    def example(row: dict[str, Any], uid: str, choices: tuple[str, str], label: int) -> Example:
        joiner = {"cause": " because", "effect": ", so"}[row["question"]]
        fields = {"a": row["premise"], "choice1": choices[0], "choice2": choices[1], "joiner": joiner}
        return Example(uid, {**fields, "ra": " " + joiner.split()[-1]}, str(label))

    rows = _jsonl(file)
    for row in rows:
        yield example(row, f"{split}-{row['idx']}", (row["choice1"], row["choice2"]), row["label"])
    for row in rows if split == "train" else ():
        yield example(row, f"{split}-{row['idx']}m", (row["choice2"], row["choice1"]), int(row["label"] == 0))


def _wsc(file: Path, split: str, negatives: bool, cloze: bool) -> Iterator[Example]:
    for row in _jsonl(file):
        label = str(row["label"])
        if cloze and split == "train" and label != "True":
            continue
        span1, pron = row["target"]["span1_text"], row["target"]["span2_text"]
        words = std(row["text"]).split()
        at = row["target"]["span2_index"]
        if words[at] != pron:
            at = next((near for near in (at - 1, at + 1) if words[near] == pron), at)
        if words[at] != pron and words[at].startswith(pron):
            words[at : at + 1] = [pron, words[at][len(pron) :]]
        assert words[at] == pron
        marked = " ".join([*words[:at], f"*{pron}*", *words[at + 1 :]])
        fields = {"a": " ".join(words), "marked": marked, "pron": pron, "span1": span1}
        others = list(dict.fromkeys(one["text"] for one in row["candidates"])) if negatives else []
        windows = [others]
        if split == "train" and len(others) > _NEGATIVES:
            windows = [others[start : start + _NEGATIVES] for start in range(0, len(others), _NEGATIVES)]
            windows[-1] += others[: _NEGATIVES - len(windows[-1])]
        for window in windows:
            yield Example(f"{split}-{row['idx']}", fields, label, choices=(span1, *window))


def _record(file: Path, split: str) -> Iterator[Example]:
    """One example per question, uid without the answer's number. Candidates are recorded with each row."""
    for row in _jsonl(file):
        for question in row["qas"]:
            query = std(question["query"])
            before, after = query.split("@placeholder")
            passage = std(row["passage"]["text"].replace("@highlight\n", "- "))
            fields = {"a": passage, "b": query, "before": before, "after": after}
            yield Example(f"{split}-p{row['idx']}-q{question['idx']}", fields, "0")


def _cola(file: Path, split: str) -> Iterator[Example]:
    lines = [line.split("\t") for line in file.read_text(encoding="utf-8").split("\n") if line]
    for number, (_, label, _, sentence) in enumerate(lines):
        yield Example(f"{split}-{number}", {"a": std(sentence)}, label)


def _xstance(file: Path, split: str) -> Iterator[Example]:
    for row in _jsonl(file):
        yield Example(str(row["id"]), {"a": std(row["question"]), "b": std(row["comment"])}, row["label"])


def _race(file: Path, split: str) -> Iterator[Example]:
    for row in _jsonl(file):
        article = _SPACES.sub(" ", row["article"].replace("\n", " "))
        for _ in range(3):
            article = article.replace(" . ", ". ")
        answers = zip(row["questions"], row["options"], row["answers"], strict=True)
        for number, (question, options, answer) in enumerate(answers):
            question = _SPACES.sub(" ", question.replace("\n", " "))
            fields = {"a": article, "b": question}
            if "_" in question:
                fields["left"], fields["right"] = f" {question}".split("_", maxsplit=1)
            gold = str("ABCD".index(answer))
            yield Example(f"{split}-p{row['id']}-q{number}", fields, gold, choices=tuple(options))


def _squad(file: Path, split: str) -> Iterator[Example]:
    for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answer = question["answers"][0]["text"] if question["answers"] else "N/A"
                fields = {"a": paragraph["context"], "b": question["question"]}
                yield Example(question["id"], fields, "0", choices=(answer,))


def _cmrc(file: Path, split: str) -> Iterator[Example]:
    for passage in json.loads(file.read_text(encoding="utf-8")):
        name = passage["context_id"].removeprefix("TRAIN_")
        for number, question in enumerate(passage["qas"]):
            fields = {"a": passage["context_text"], "b": question["query_text"]}
            yield Example(f"{split}-{name}-{number}", fields, "0", choices=(question["answers"][0],))


def _cluewsc(file: Path, split: str) -> Iterator[Example]:
    for row in _jsonl(file):
        text, target = row["text"], row["target"]
        pron, span1 = target["span2_text"], target["span1_text"]
        at, span1_at = target["span2_index"], target["span1_index"]
        text = f"{text[:at]}*{pron}*{text[at + len(pron) :]}"
        if span1_at > at:
            span1_at += 2
        text = f"{text[:span1_at]}#{span1}#{text[span1_at + len(span1) :]}"
        yield Example(f"{split}-{row['idx']}", {"marked": text, "pron": pron, "span1": span1}, row["label"])


def _multichoice(file: Path, split: str) -> Iterator[Example]:
    for number, row in enumerate(_jsonl(file)):
        fields = {"inputs": row["inputs_pretokenized"]}
        yield Example(str(number), fields, str(row.get("label", 0)), choices=tuple(row["choices_pretokenized"]))


_READERS: dict[str, Callable[[Path, str], Iterator[Example]]] = {
    "rte": _two(_jsonl, "premise", "hypothesis", "label"),
    "ax-b": _two(_jsonl, "sentence1", "sentence2", "label"),
    "ax-g": _two(_jsonl, "premise", "hypothesis", "label"),
    "cb": _two(_jsonl, "premise", "hypothesis", "label"),
    "boolq": _two(_jsonl, "passage", "question", "label"),
    "wic": _two(_jsonl, "sentence1", "sentence2", "label"),
    "multirc": _multirc,
    "record": _record,
    "mnli": _two(_tsv, "sentence1", "sentence2", "gold_label", idx=None),
    "sst2": _two(_tsv, "sentence", None, "label", idx=None),
    "cola": _cola,
    "mrpc": _two(_tsv, "#1 String", "#2 String", "Quality", idx=None),
    "qqp": _two(_tsv, "question1", "question2", "is_duplicate", idx=None),
    "qnli": _two(_tsv, "question", "sentence", "label", idx=None),
    "agnews": _of_csv(1, 1, newlines=False),
    "yahoo": _of_csv(2, 1),
    "yelp-polarity": _of_csv(1, 0),
    "yelp-full": _of_csv(1, 0),
    "xstance": _xstance,
    "race": _race,
    "squad": _squad,
    "afqmc": _two(_jsonl, "sentence1", "sentence2", "label", idx=None, raw=True),
    "tnews": _two(_jsonl, "sentence", "keywords", "label", idx=None, raw=True),
    "cluewsc": _cluewsc,
    "cmrc": _cmrc,
    "multichoice": _multichoice,
}
