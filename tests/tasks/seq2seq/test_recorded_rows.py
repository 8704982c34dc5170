"""Every recorded seq2seq sample of the original, made by our readers, patterns and encoder.

With `Edges(pad_to=…)` rows are equal number for number, the visible padding of the source included. Where ours differs on
purpose, the test says how: windows that begin inside a word, the window around an answer, a text without [CLS].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from glm_core.data import DataDir
from glm_core.examples import Example, Prediction
from glm_core.metrics import fillings
from glm_core.pvp import Cloze
from glm_core.tokens.encode import encode
from glm_core.tokens.row import ClassicRow, unpack
from glm_tasks.seq2seq import blank, extraction, squad
from glm_tasks.seq2seq.blanks import removed
from glm_tasks.seq2seq.squad_files import questions_of
from tests.shared_files import needs_shared
from tests.tasks.seq2seq.recorded import (
    TASKS,
    Sample,
    case_names,
    check_same,
    cloze_of,
    encoding_cases,
    example_of,
    our_row,
    samples_of_case,
    superglue_samples,
)

pytestmark = needs_shared("golden", "pretrain", "seq2seq_encoding.json")

WHOLE = ("gigaword", "cnn_dm", "cnn_dm_original", "xsum", "customization", "cmrc")
NAMES = case_names()


def of_task(*names: str) -> list[str]:
    return [one for one in NAMES if one.split("-")[1] in names]


def samples(name: str, folder: Path) -> Sequence[Sample]:
    return list(samples_of_case(encoding_cases()[NAMES.index(name)], folder))


@pytest.mark.parametrize("name", of_task(*WHOLE))
def test_rows_are_the_originals(name: str, tmp_path: Path) -> None:
    for sample in samples(name, tmp_path):
        example = example_of(sample)
        assert example["context" if sample.task == "cmrc" else "source"] == sample.example["text_a"]
        check(sample, example)


def check(sample: Sample, example: Example) -> None:
    if "mask_pad_token" not in sample.flags:
        check_same(our_row(cloze_of(sample, example), sample), sample)
        return
    # padding that nobody sees: ours has none
    told = sample.out["attention_mask"]
    rows = [list(map(int, one)) for one in told["rows"]] if isinstance(told, dict) else np.array(told)[0]
    matrix = np.array(rows)
    length = sample.source + (sample.target if sample.trains else 1)
    assert matrix.shape == (length, length)
    seen = np.flatnonzero(matrix[0][: sample.source])
    row = our_row(cloze_of(sample, example), sample, padded=False)
    assert row.sep == len(seen) == seen[-1] + 1
    ids, positions = np.array(sample.out["text"]), np.array(sample.out["position_id"])
    kept = np.r_[seen, sample.source : sample.source + len(row.ids) - row.sep]
    assert ids[kept].tolist() == row.ids.tolist()
    assert positions[:, kept].tolist() == row.positions.tolist()


@needs_shared("golden", "superglue", "seq2seq.json")
def test_rows_of_the_other_record_are_the_originals() -> None:
    n: Counter[str] = Counter()
    for sample in superglue_samples():
        if sample.task in WHOLE:
            check(sample, example_of(sample))
            n[sample.task] += 1
    assert sum(n.values()) == 170 and set(n) == set(WHOLE), n


# ---- question generation: the original's test set has a false answer, and its window loses the words behind it


def with_false_answer(sample: Sample, example: Example) -> Example:
    if sample.trains or sample.split == "dev":
        return example
    return replace(example, fields={**example.fields, "answer": "FAKE_ANSWER"}, meta={})


@pytest.mark.parametrize("name", of_task("squad_generation"))
def test_questions_are_asked_as_in_the_original(name: str, tmp_path: Path) -> None:
    n_cut = 0
    for sample in samples(name, tmp_path):
        example = with_false_answer(sample, example_of(sample))
        assert example["context"] == sample.example["text_a"].rstrip()
        n_cut += check_question(sample, example)
    assert n_cut == (2 if sample.split == "train" else 0)


def check_question(sample: Sample, example: Example) -> bool:
    """Equal, but where the paragraph is cut: what is cut there, and whether it was."""
    cloze = cloze_of(sample, example)
    row = our_row(cloze, sample)
    if row.ids[: row.sep].tolist() != np.array(sample.out["text"])[: row.sep].tolist():
        words = sample.tokenizer.decode(row.ids[1 : row.sep].tolist()).lower()
        assert row.sep == sample.source
        assert " question" in words and "answer" in words
        context, _, _ = words.partition(" question")
        if example["answer"] in example["context"]:
            assert "".join(example["answer"].lower().split()) in "".join(context.split())
        return True
    check_same(row, sample)
    return False


@needs_shared("golden", "superglue", "seq2seq.json")
def test_questions_of_the_other_record() -> None:
    asked = [one for one in superglue_samples() if one.task == "squad_generation"]
    for sample in asked:
        check_question(sample, with_false_answer(sample, example_of(sample)))
    assert len(asked) == 12


# ---- answers: the original's windows are of tokens, ours of words; over tokens they are the same


class TokenWindow(NamedTuple):
    """A window of a paragraph. whole: it begins between words."""

    id: str
    question: str
    text: str
    whole: bool


def token_windows(sample: Sample, folder: Path) -> Iterator[TokenWindow]:
    """The windows of every row that the original makes."""
    split = TASKS[sample.task].processor.split("train" if sample.trains else "dev")
    for one in questions_of(DataDir(folder), split):
        encoded = sample.tokenizer.encode(one.context)
        size = sample.source - 3 - len(sample.tokenizer.encode(" " + one.question).ids)
        for start, end in squad.windows_of_spans(encoded.offsets, size, sample.source // 2):
            answer = one.answers[0].lower() if one.answers else None
            if sample.task == "squad_v1" and (answer is None or answer not in one.context[start:end].lower()):
                continue  # the original leaves these out, at evaluation too
            inside = start > 0 and one.context[start - 1].isalnum() and one.context[start].isalnum()
            yield TokenWindow(one.id, one.question, one.context[start:end], not inside)


@pytest.mark.parametrize("name", of_task("squad", "squad_v1"))
def test_answers_in_windows_are_the_originals(name: str, tmp_path: Path) -> None:
    all_samples = samples(name, tmp_path)
    windows = list(token_windows(all_samples[0], tmp_path))
    n_checked = 0
    for sample, window in zip(all_samples, windows, strict=True):
        told = sample.example
        assert (window.id, window.question) == (told["idx"], told["meta"]["question"])
        if window.whole and "\ufffd" not in told["text_a"]:  # else the original reads "##afor" or half a letter
            texts = {"question": window.question, "context": window.text}
            example = Example("x", texts, target=told["meta"]["answer"])
            check_same(our_row(cloze_of(sample, example), sample), sample)
            n_checked += 1
    assert n_checked >= 0.7 * len(windows)


# ---- several blanks: the original has no [CLS] there


def without_cls(row_ids: Sequence[int], positions: np.ndarray) -> tuple[list[int], list[list[int]]]:
    where = np.maximum(positions[0, 1:] - 1, 0)
    return list(row_ids[1:]), [where.tolist(), positions[1, 1:].tolist()]


@pytest.mark.parametrize("name", of_task("blank"))
def test_missing_words_stand_where_the_original_puts_them(name: str, tmp_path: Path) -> None:
    case = encoding_cases()[NAMES.index(name)]
    for number, sample in enumerate(samples(name, tmp_path)):
        out, tokenizer = sample.out, sample.tokenizer
        ids = np.array(out["text"])
        n_masks = int((ids[: sample.source] == tokenizer.special.mask).sum())
        if sample.trains:
            # what was drawn there, as the sample shows it: our words, their draw
            text, words = drawn(sample)
        else:
            text = case["blank_file"].split("\n")[number].replace("_UNK", "[UNK]")
            whole = case["files"]["test.txt"].split("\n")[number].replace("_UNK", "[UNK]")
            words = removed(text, blank.MARK, whole) or ()
        assert len(words) == n_masks == text.count(blank.MARK)
        example = Example("x", {"text": text}, target=words if sample.trains else None)
        task = blank.TASKS[0]
        cloze = task.cloze(example)
        cloze = replace(cloze, edges=replace(cloze.edges, pad_to=sample.source + 1))
        row = our_row(cloze, sample, padded=False) if not sample.trains else multi(cloze, sample)
        mine, where = without_cls(row.ids.tolist(), row.positions)
        n = min(len(mine), len(ids))
        assert mine[:n] == ids[:n].tolist()
        assert where[0][:n] == np.array(out["position_id"])[0][:n].tolist()
        assert where[1][:n] == np.array(out["position_id"])[1][:n].tolist()
        if sample.trains:
            assert row.targets[1:][:n].tolist() == np.array(out["target"])[:n].tolist()
            assert row.target_mask[1:][:n].tolist() == np.array(out["loss_mask"])[:n].tolist()


def drawn(sample: Sample) -> tuple[str, tuple[str, ...]]:
    """The text with marks and the words that were taken out, as a recorded training row shows them."""
    tokenizer = sample.tokenizer
    ids = np.array(sample.out["text"])[: sample.source]
    words = str(sample.example["text_a"]).replace("_UNK", "[UNK]").split()
    shown, at, gone = [], 0, []
    pieces = [tokenizer.encode(" " + one, specials=("[UNK]",)).ids for one in words]
    position = 0
    while position < len(ids) and at < len(words):
        if ids[position] == tokenizer.special.mask:
            position += 1
            shown.append(blank.MARK)
            start = at
            while at < len(words) and ids[position : position + len(pieces[at])].tolist() != pieces[at]:
                at += 1
            gone.append(" ".join(words[start:at]))
            continue
        assert ids[position : position + len(pieces[at])].tolist() == pieces[at]
        shown.append(words[at])
        position += len(pieces[at])
        at += 1
    if at == len(words) and position < len(ids) and ids[position] == tokenizer.special.mask:
        raise AssertionError("a mark without words")
    return " ".join(shown), tuple(gone)


def multi(cloze: Cloze, sample: Sample) -> ClassicRow:
    """The classic row of a cloze that fills several blanks."""
    (row,) = unpack(encode(cloze, sample.tokenizer, max_length=4096, masks=sample.masks).row)
    return row


@pytest.mark.parametrize("name", of_task("extraction"))
def test_facts_stand_where_the_original_puts_them(name: str, tmp_path: Path) -> None:
    for sample in samples(name, tmp_path):
        told = sample.example
        example = extraction.task.processor.example("x", told["text_a"], told["text_b"], DataDir(tmp_path))  # type: ignore[attr-defined]
        if not sample.trains:
            example = replace(example, target=None)
        cloze = extraction.task.cloze(example)
        cloze = replace(cloze, edges=replace(cloze.edges, pad_to=sample.source + 1))
        row = multi(cloze, sample)
        mine, where = without_cls(row.ids.tolist(), row.positions)
        n = min(len(mine), len(sample.out["text"]))
        assert mine[:n] == sample.out["text"][:n]
        assert where == [one[:n] for one in sample.out["position_id"]]
        if sample.trains:
            assert row.targets[1:].tolist() == sample.out["target"][:n]
            assert row.target_mask[1:].tolist() == sample.out["loss_mask"][:n]
            assert not any(sample.out["loss_mask"][n:])


def test_the_words_of_several_blanks_are_found_again() -> None:
    example = Example("x", {}, target=("a", "b c"))
    assert fillings(Prediction(example, text="a … b c"), 2) == ("a", "b c")
    assert fillings(Prediction(example, text="a"), 2) == ("a", "")
    assert fillings(Prediction(example, text="a … b … c"), 2) == ("a", "b … c")
