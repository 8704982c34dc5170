"""Every sample that THUDM/GLM's `pvp.encode` and `processor.encode` were recorded to make, made by our encoder.

711 files, 5190 samples: 27 tasks and a file of multiple-choice questions, five tokenizers, all the original's modes. A cloze
is built from the original's own pattern; what `encode` and `unpack` give is compared with the recorded arrays, number for
number.

Where answers were shortened one by one in the original, they share one text here, shortened for the longest of them. Each
answer alone gives its recorded row; packed together, the longest does, and all do when nothing had to be cut. How many do
not is counted (`SHARED`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from glm_core.errors import TemplateError
from glm_core.examples import Example
from glm_core.parts import BLANK, DOCUMENT_BLANK, Text, straighten_quotes
from glm_core.pvp import Cloze, Edges
from glm_core.tokens import Tokenizer
from glm_core.tokens.encode import encode
from glm_core.tokens.row import unpack
from tests.reference import golden_checks as checks
from tests.reference.golden_rows import GoldenFile, classic_rows, golden_files, golden_rows
from tests.reference.original_patterns import original_pvp
from tests.reference.original_readers import LABELS, read
from tests.shared_files import needs_shared, shared

pytestmark = [needs_shared("golden", "superglue", "manifest.json"), needs_shared("specs", "patterns.json")]

# How many answers have a recorded row that was shortened for their own length, where one text for all answers of their
# example is shortened for the longest of them: ReCoRD's candidates, Winograd's negatives, TNEWS's labels.
SHARED: dict[tuple[str, str, str], int] = {
    ("record", "cloze", "bert-wordpiece"): 186,
    ("record", "cloze", "gpt2-bpe"): 178,
    ("record", "cloze", "roberta-bpe"): 178,
    ("record", "eval", "bert-wordpiece"): 77,
    ("record", "eval", "gpt2-bpe"): 77,
    ("record", "eval", "roberta-bpe"): 77,
    ("record", "noblockpos", "bert-wordpiece"): 32,
    ("record", "noblockpos", "gpt2-bpe"): 36,
    ("record", "noblockpos", "roberta-bpe"): 36,
    ("wsc", "mix-negative", "bert-wordpiece"): 17,
    ("wsc", "mix-negative", "gpt2-bpe"): 17,
    ("wsc", "mix-negative", "roberta-bpe"): 17,
    ("wsc", "mix-negative-prompt3", "bert-wordpiece"): 9,
    ("wsc", "mix-negative-prompt3", "gpt2-bpe"): 9,
    ("wsc", "mix-negative-prompt3", "roberta-bpe"): 9,
    ("tnews", "multitoken", "chinese-sp"): 14,
    ("tnews", "multitoken", "chinese-sp-fix"): 14,
}

# Samples that broke the original off, how many per tokenizer, and why. The first kind is one clear error here too; nothing
# of ours forbids the others, so they give rows.
NO_SOFT_PLACE = "P-tuning of a pattern without a place for its vectors: ZeroDivisionError"
SEVERAL_TOKENS = "an answer of several tokens without --multi-token: AssertionError"
NO_TUPLE = "a string added to a tuple: TypeError"
CRASHES = {
    ("cluewsc", "prompt3"): (NO_SOFT_PLACE, 6),
    ("xstance", "cloze"): (SEVERAL_TOKENS, 16),
    ("tnews", "cloze"): (SEVERAL_TOKENS, 6),
    ("cmrc", "cloze"): (NO_TUPLE, 4),
}

GROUPS: dict[tuple[str, str, str], list[GoldenFile]] = {}
for _file in golden_files():
    GROUPS.setdefault((_file.tokenizer, _file.mode, _file.task), []).append(_file)


@cache
def examples_of(file: GoldenFile, name: str) -> list[Example]:
    split = "dev" if file.split == "dev32-eval" else file.split
    negatives, cloze = "negative" in file.mode, not file.mode.startswith("cls")
    return read(file.task, file.folder / name, split=split, negatives=negatives, cloze=cloze)


def example_of(file: GoldenFile, row: checks.Row) -> Example:
    examples = examples_of(file, row["f"])
    if file.task == "record":  # candidates in the order in which the original met them
        found = next(one for one in examples if f"{row['guid']}-".startswith(f"{one.uid}-"))
        return replace(found, choices=tuple(row["cands"]))
    found = examples[row["i"]]
    assert found.uid == str(row["guid"])
    return found


def cloze_of(file: GoldenFile, row: checks.Row) -> Cloze:
    assert file.pattern is not None
    example = example_of(file, row)
    if file.task == "wsc":
        example = replace(example, label="0")  # the named span, whether the pair corefers or not
    cloze = original_pvp(file.task, file.pattern, soft_places=file.mode in checks.SOFT).cloze(example)
    if file.mode.startswith("multitoken"):
        cloze = replace(cloze, edges=Edges(end="eop"))
    return cloze


def classifier_texts(task: str, example: Example) -> list[list[str | list[str]]]:
    """Rows of two texts (SUPERGLUE 4); ReCoRD's second is tokenized in two pieces."""
    a, b = example.fields.get("a", ""), example.fields.get("b", "")
    if task == "copa":
        question = straighten_quotes(a) + example["joiner"].replace(", so", " so")
        return [[question, straighten_quotes(example[name])] for name in ("choice1", "choice2")]
    if task == "record":
        return [[a, [b, candidate]] for candidate in example.choices]
    if task == "multirc":
        return [[a, f"{b} answer: {example['answer']}"]]
    if task == "wic":
        return [[f"{example['word']}: {a}", b]]
    if task == "wsc":
        return [[example["marked"], example["span1"]]]
    return [[a, b]]


def check(file: GoldenFile, row: checks.Row, tokenizer: Tokenizer) -> int:
    """Assert that one recorded sample is ours; see `checks` for what is returned."""
    if file.mode.startswith("cls"):
        example = example_of(file, row)
        names = LABELS.get(file.task, ("0", "1"))
        assert names.index(example.label or "") == row["out"]["label"]
        checks.check_segments(classifier_texts(file.task, example), row, tokenizer)
        return 0
    if file.task == "multichoice":
        check_multichoice(file, row, tokenizer)
        return 0
    cloze = cloze_of(file, row)
    if file.mode == "priming":
        checks.check_priming(cloze, row, tokenizer)
        return 0
    if "attention_mask" not in row["out"] and file.mode != "eval":  # labels of their own there: SUPERGLUE 1
        assert cloze.label_names.index(cloze.gold or "") == row["out"]["label"]
    if file.mode.endswith("fastdecode"):
        checks.check_fast_decode(cloze, row, tokenizer)
    elif file.mode == "segment3":
        checks.check_chunks(cloze, row, tokenizer)
    elif row["out"]["text"].ndim == 2 or "attention_mask" in row["out"]:
        return checks.check_answers(cloze, row, tokenizer, file.mode)
    else:
        checks.check_words(cloze, row, tokenizer, file.mode)
    return 0


def check_multichoice(file: GoldenFile, row: checks.Row, tokenizer: Tokenizer) -> None:
    """Choices as they stand after an input as it stands; what is too long loses its first tokens."""
    example = example_of(file, row)
    before, mask, after = example["inputs"].rpartition("[MASK]")
    parts = (Text(before.rstrip(), cut="head"), BLANK, Text(after)) if mask else (Text(after, cut="head"), BLANK)
    labels = tuple(str(index) for index in range(len(example.choices)))
    cloze = Cloze(example.uid, parts, example.choices, labels, gold=example.label)
    if file.mode == "uni":  # and no mask is added
        cloze = replace(cloze, parts=(DOCUMENT_BLANK,), given=example["inputs"])
    cloze = replace(cloze, edges=Edges(end="none"), specials=("[MASK]",))
    made = encode(cloze, tokenizer, max_length=row["L"])
    assert made.gold == row["out"]["label"]
    for mine, told in zip(unpack(made.row), classic_rows(row["out"]), strict=True):
        assert checks.same(mine, told, tokenizer.special.pad)


def check_crash(file: GoldenFile, row: checks.Row, tokenizer: Tokenizer) -> None:
    reason, _ = CRASHES[file.task, file.mode]
    cloze = cloze_of(file, row)
    if reason == NO_SOFT_PLACE:
        with pytest.raises(TemplateError, match="pattern 'cluewsc-1': the pattern has no soft place"):
            encode(cloze, tokenizer, max_length=row["L"], soft_tokens=3)
        return
    made = encode(cloze, tokenizer, max_length=row["L"])
    assert made.words is None
    for answer, one in zip(cloze.answers, unpack(made.row), strict=True):
        assert len(one.ids) <= row["L"]
        goal = [*tokenizer.encode(str(answer)).ids, tokenizer.special.eop]
        assert one.targets[one.target_mask == 1].tolist() == goal
        assert one.ids[one.positions[0, -1]] == tokenizer.special.mask


def test_the_record_is_whole():
    files = golden_files()
    assert (len(files), sum(one.rows for one in files), sum(one.errors for one in files)) == (711, 5190, 80)
    assert {one.tokenizer for one in files} == checks.TOKENIZERS.keys()
    assert len({one.task for one in files}) == 28


@pytest.mark.parametrize(("name", "mode", "task"), GROUPS, ids=str)
def test_every_recorded_sample_is_made_again(name, mode, task):
    tokenizer = checks.tokenizer_of(name)
    apart = broken = 0
    for file in GROUPS[name, mode, task]:
        rows = list(golden_rows(file))
        assert len(rows) == file.rows
        for row in rows:
            try:
                if "error" in row:
                    check_crash(file, row, tokenizer)
                    broken += 1
                else:
                    apart += check(file, row, tokenizer)
            except AssertionError as error:
                raise AssertionError(f"{file.name} {row['guid']} at length {row['L']}: {error}") from error
    assert broken == CRASHES.get((task, mode), ("", 0))[1]
    assert apart == SHARED.get((task, mode, name), 0)


def test_where_nothing_is_left_to_shorten_there_is_one_clear_error():
    """MultiRC at 48 tokens, where the original breaks off (ODDITIES 2): question and answer alone are too long for some."""
    tokenizer = checks.tokenizer_of("bert-wordpiece")
    pvp = original_pvp("multirc", "0")
    examples = read("multirc", shared("data", "fewglue", "FewGLUE_32dev", "MultiRC", "train.jsonl"))
    refused = 0
    for example in examples:
        try:
            assert encode(pvp.cloze(example), tokenizer, max_length=48).n_tokens <= 48
        except TemplateError as error:
            refused += 1
            assert f"pattern 'multirc-0' does not fit example {example.uid}" in str(error)
            assert "of --max-length 48" in str(error)
            assert "\n" not in str(error)
    assert (refused, len(examples)) == (13, 154)
