"""Every sample that THUDM/GLM's `pvp.encode` and `processor.encode` were recorded to make, made by our encoder.

711 files, 5190 samples: 27 tasks, five tokenizers, all the original's modes. A cloze is built from the original's own
pattern; what `encode` and `unpack` give is compared with the recorded arrays, number for number.

Where answers were shortened one by one in the original, they share one text here, shortened for the longest of them. Each
answer alone gives its recorded row; packed together, the longest does, and all do when nothing had to be cut. How many do
not is counted (`SHARED`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from glm_core.errors import TemplateError
from glm_core.examples import Example
from glm_core.parts import BLANK, DOCUMENT_BLANK, Text, straighten_quotes
from glm_core.pvp import Cloze, Edges
from glm_core.tokens import Tokenizer, load_tokenizer
from glm_core.tokens.encode import encode, encode_segments, lay_out
from glm_core.tokens.row import ClassicRow, Span, build_row, unpack
from tests.reference.golden_rows import Classic, GoldenFile, classic_rows, golden_files, golden_rows
from tests.reference.original_patterns import original_pvp
from tests.reference.original_readers import LABELS, read
from tests.shared_files import needs_shared, shared

pytestmark = [needs_shared("golden", "superglue", "manifest.json"), needs_shared("specs", "patterns.json")]

TOKENIZERS: dict[str, dict[str, Any]] = {
    "bert-wordpiece": {"kind": "bert-wordpiece"},
    "gpt2-bpe": {"kind": "gpt2-bpe"},
    "roberta-bpe": {"kind": "roberta-bpe"},
    "chinese-sp-fix": {"kind": "chinese-sp"},
    "chinese-sp": {"kind": "chinese-sp", "fix_command_token": False},
}

SOFT = {"prompt3": (3, 0), "mix-negative-prompt3": (3, 0), "prompt5pre2": (5, 2)}

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

# Samples that broke the original off, and what ours does with them.
NO_SOFT_PLACE = "no soft place in the pattern"
SEVERAL_TOKENS = "an answer of several tokens, which the original takes with --multi-token only"
NO_TUPLE = "the original adds a string to a tuple"
CRASHES = {
    ("xstance", "cloze"): (SEVERAL_TOKENS, 16),
    ("tnews", "cloze"): (SEVERAL_TOKENS, 6),
    ("cmrc", "cloze"): (NO_TUPLE, 4),
    ("cluewsc", "prompt3"): (NO_SOFT_PLACE, 6),
}


@cache
def tokenizer_of(name: str) -> Tokenizer:
    return load_tokenizer(shared("vocab"), **TOKENIZERS[name])


@cache
def examples_of(file: GoldenFile, name: str) -> list[Example]:
    split = "dev" if file.split == "dev32-eval" else file.split
    return read(
        file.task,
        file.folder / name,
        split=split,
        negatives="negative" in file.mode,
        cloze=not file.mode.startswith("cls"),
    )


def example_of(file: GoldenFile, row: dict[str, Any]) -> Example:
    examples = examples_of(file, row["f"])
    if file.task == "record":  # candidates in the order in which the original met them
        found = next(one for one in examples if f"{row['guid']}-".startswith(f"{one.uid}-"))
        return replace(found, choices=tuple(row["cands"]))
    found = examples[row["i"]]
    assert found.uid == str(row["guid"])
    if file.task == "wsc" and not file.mode.startswith("cls"):
        return replace(found, label="0")
    return found


def cloze_of(file: GoldenFile, row: dict[str, Any]) -> Cloze:
    assert file.pattern is not None
    cloze = original_pvp(file.task, file.pattern, soft_places=file.mode in SOFT).cloze(example_of(file, row))
    if file.mode.startswith("multitoken"):
        return replace(cloze, edges=Edges(end="eop"))
    return cloze


def alone(cloze: Cloze, index: int) -> Cloze:
    """The cloze with one of its answers."""
    texts = cloze.texts[index : index + 1]
    return replace(cloze, answers=cloze.answers[index : index + 1], labels=("0",), gold=None, texts=texts)


def same(mine: ClassicRow, told: Classic, pad: int) -> bool:
    """Whether a recorded row is ours and nothing but padding after it."""
    n = len(mine.ids)
    ids, positions = told.ids, told.positions
    if n > len(ids) or mine.sep != told.sep or not np.array_equal(mine.ids, ids[:n]):
        return False
    if (ids[n:] != pad).any() or positions[:, n:].any() or not np.array_equal(mine.positions, positions[:, :n]):
        return False
    for own, other in ((mine.targets, told.targets), (mine.target_mask, told.target_mask)):
        if other is not None and not (np.array_equal(own, other[:n]) and not other[n:].any()):
            return False
    return True


def check_answers(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer, *, block_positions: bool = True) -> int:
    """One row per answer. Returns how many answers were shortened for themselves and not for the longest."""
    cloze, told = cloze_of(file, row), classic_rows(row["out"])
    tokens, prefix = SOFT.get(file.mode, (0, 0))
    pad = tokenizer.special.pad

    def rows(one: Cloze) -> tuple[list[ClassicRow], bool]:
        made = encode(one, tokenizer, max_length=row["L"], soft_tokens=tokens, soft_prefix=prefix)
        classic = unpack(made.row)
        if not block_positions:
            classic = [each._replace(positions=np.minimum(each.positions, [[row["L"]], [1]])) for each in classic]
        return classic, bool(made.cut)

    n_cut = apart = 0
    for index, other in enumerate(told):
        (mine,), cut = rows(alone(cloze, index))
        assert same(mine, other, pad), f"answer {index} alone"
        assert tuple(mine.soft_at) == other.soft_at
        n_cut += cut
    assert n_cut == row["trunc"]
    packed, cut = rows(cloze)
    assert len(packed) == len(told)
    lengths = [len(one.ids) - one.sep for one in packed]
    for mine, other, length in zip(packed, told, lengths, strict=True):
        if not same(mine, other, pad):
            assert cut and length < max(lengths), "the longest answer, or one that needed no cutting"
            apart += 1
    return apart


def check_label(file: GoldenFile, row: dict[str, Any]) -> None:
    cloze = cloze_of(file, row)
    names = cloze.label_names
    if file.mode == "eval" or "attention_mask" in row["out"]:
        return  # a dummy there (SUPERGLUE 1), and whether the pair corefers in the Winograd LM sample
    assert names.index(cloze.gold or "") == row["out"]["label"]


def check_cloze(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    check_label(file, row)
    if row["out"]["text"].ndim > 1 or "attention_mask" in row["out"]:
        return check_answers(file, row, tokenizer)
    tokens, prefix = SOFT.get(file.mode, (0, 0))
    made = encode(cloze_of(file, row), tokenizer, max_length=row["L"], soft_tokens=tokens, soft_prefix=prefix)
    (told,), (mine,) = classic_rows(row["out"]), unpack(made.row)
    assert made.words == tuple(row["out"]["target"])
    assert made.gold == row["out"]["label"]
    assert same(mine, told, tokenizer.special.pad)
    assert tuple(mine.soft_at) == told.soft_at
    assert bool(made.cut) == bool(row["trunc"])
    return 0


def check_no_block_positions(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    """--no-block-position: every place inside a blank counts 1."""
    return check_answers(file, row, tokenizer, block_positions=False)


def goal_of(cloze: Cloze, index: int, tokenizer: Tokenizer) -> list[int]:
    """The targets of an answer."""
    row = encode(alone(cloze, index), tokenizer, max_length=4096).row
    return row.targets[row.branch == 1].tolist()


def check_fast_decode(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    """--fast-decode: the text shortened as for no answer, the answers beside it, 16 tokens at most."""
    cloze, out = cloze_of(file, row), row["out"]
    laid = lay_out(cloze, tokenizer, room=row["L"] - 1, max_length=row["L"])
    text = build_row(laid.ids, [], sop=tokenizer.special.sop)
    sep = len(text)
    told = Classic(out["text"], out["position"], int(out["mask"]))
    assert same(
        ClassicRow(text.ids, text.positions, sep, *[text.targets] * 2, text.ids[:0]), told, tokenizer.special.pad
    )
    assert bool(laid.cut) == bool(row["trunc"])
    assert len(out["dec_text"]) == len(cloze.answers)
    for index in range(len(cloze.answers)):
        goal = goal_of(cloze, index, tokenizer)[:16]
        (mine,) = unpack(build_row(laid.ids, [[Span(laid.blanks[0], goal)]], sop=tokenizer.special.sop))
        ids, positions, targets, target_mask = (one[..., sep:] for one in (mine.ids, mine.positions, *mine[3:5]))
        told = Classic(
            out["dec_text"][index],
            out["dec_position"][index],
            int(out["dec_mask"][index]),
            out["dec_target"][index],
            out["dec_logit_mask"][index],
        )
        mine = ClassicRow(ids, positions, sep, targets, target_mask, mine.soft_at)
        assert same(mine, told, tokenizer.special.pad), f"answer {index}"
    return 0


def check_segments(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    """--segment-length 3: a row per three tokens of an answer, those before them put in front of the mask."""
    cloze, told = cloze_of(file, row), iter(classic_rows(row["out"]))
    answer_of_row = []
    n_cut = 0
    for index in range(len(cloze.answers)):
        goal = goal_of(cloze, index, tokenizer)
        laid = lay_out(cloze, tokenizer, room=row["L"] - len(goal), max_length=row["L"])
        n_cut += bool(laid.cut)
        (blank,) = laid.blanks
        for start in range(0, len(goal), 3):
            part_a = [*laid.ids[:blank], *goal[:start], *laid.ids[blank:]]
            made = build_row(part_a, [[Span(blank + start, goal[start : start + 3])]], sop=tokenizer.special.sop)
            assert same(unpack(made)[0], next(told), tokenizer.special.pad), f"answer {index} from {start}"
            answer_of_row.append(index)
    assert next(told, None) is None
    assert answer_of_row == list(row["out"]["segment_id"])
    assert n_cut == row["trunc"]
    return 0


def check_priming(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    """A labelled example as plain text: the gold answer in place of the mask, nothing around it."""
    cloze = cloze_of(file, row)
    gold = cloze.labels.index(cloze.gold or "")
    answer = list(tokenizer.encode(str(cloze.answers[gold])).ids)
    laid = lay_out(cloze, tokenizer, room=row["L"] - len(answer), max_length=row["L"])
    (blank,) = laid.blanks
    assert [*laid.ids[1:blank], *answer, *laid.ids[blank + 1 : -1]] == list(row["out"]["priming_ids"])
    return 0


def classifier_texts(task: str, example: Example) -> list[list[str | list[str]]]:
    """Rows of two texts (SUPERGLUE 4); ReCoRD's second is tokenized in two pieces."""
    fields = example.fields
    a, b = fields.get("a", ""), fields.get("b", "")
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


def check_classifier(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    example, out, pad = example_of(file, row), row["out"], tokenizer.special.pad
    texts = classifier_texts(file.task, example)
    told = out["text"] if out["text"].ndim == 2 else out["text"][None]
    assert len(told) == len(texts)
    labels = LABELS.get(file.task, ("0", "1"))
    assert file.task == "record" or labels.index(example.label or "") == out["label"]
    for index, (text, ids) in enumerate(zip(texts, told, strict=True)):
        made, lost = encode_segments(text, tokenizer, max_length=row["L"])
        assert not lost or row["trunc"]
        if "types" in out:  # the BERT baseline: token types instead of positions
            assert np.array_equal(ids, np.pad(made, (0, row["L"] - len(made)), constant_values=pad))
            types, mask = (out[name].reshape(-1, row["L"])[index] for name in ("types", "padding_mask"))
            sep = tokenizer.special.sep
            border = made.index(sep) + 1 if sep in made else len(made) - 1
            assert list(types) == [0] * border + [1] * (len(made) - border) + [0] * (row["L"] - len(made))
            assert list(mask) == [1] * len(made) + [0] * (row["L"] - len(made))
            continue
        mine = build_row(made, [], sop=tokenizer.special.sop)
        position = out["position"].reshape(-1, 2, row["L"])[index]
        sep = int(np.reshape(out["mask"], -1)[index])
        classic = ClassicRow(mine.ids, mine.positions, len(mine), *[mine.targets] * 2, mine.ids[:0])
        assert same(classic, Classic(ids, position, sep), pad)
    return 0


def check_multichoice(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> int:
    """Choices as they stand after an input as it stands; what is too long loses its first tokens."""
    example = example_of(file, row)
    before, mask, after = example["inputs"].rpartition("[MASK]")
    parts = (Text(before.rstrip(), cut="head"), BLANK, Text(after)) if mask else (Text(after, cut="head"), BLANK)
    cloze = Cloze(
        example.uid, parts, example.choices, labels=tuple(map(str, range(len(example.choices)))), gold=example.label
    )
    if file.mode == "uni":
        cloze = replace(cloze, parts=(DOCUMENT_BLANK,), given=example["inputs"])  # and no mask is added
    cloze = replace(cloze, edges=Edges(end="none"), specials=("[MASK]",))
    made = encode(cloze, tokenizer, max_length=row["L"])
    assert made.gold == row["out"]["label"]
    for mine, told in zip(unpack(made.row), classic_rows(row["out"]), strict=True):
        assert same(mine, told, tokenizer.special.pad)
    return 0


CHECKS: dict[str, Callable[[GoldenFile, dict[str, Any], Tokenizer], int]] = {
    "cloze": check_cloze,
    "prompt3": check_cloze,
    "prompt5pre2": check_cloze,
    "multitoken": check_cloze,
    "generative": check_cloze,
    "mix-negative": check_cloze,
    "mix-negative-prompt3": check_cloze,
    "eval": check_cloze,
    "noblockpos": check_no_block_positions,
    "fastdecode": check_fast_decode,
    "multitoken-fastdecode": check_fast_decode,
    "segment3": check_segments,
    "priming": check_priming,
    "cls": check_classifier,
    "cls-negative": check_classifier,
    "cls-pretrained-bert": check_classifier,
    "zero-shot": check_multichoice,
    "uni": check_multichoice,
}


def check_crash(file: GoldenFile, row: dict[str, Any], tokenizer: Tokenizer) -> None:
    """One clear error, or a well-formed row where nothing of ours forbids it."""
    reason, _ = CRASHES[file.task, file.mode]
    cloze = cloze_of(file, row)
    if reason == NO_SOFT_PLACE:
        with pytest.raises(TemplateError, match="no soft place"):
            encode(cloze, tokenizer, max_length=row["L"], soft_tokens=3)
        return
    made = encode(cloze, tokenizer, max_length=row["L"])
    assert made.words is None
    assert made.n_tokens <= row["L"] + sum(len(one.ids) - one.sep for one in unpack(made.row))
    for answer, one in zip(cloze.answers, unpack(made.row), strict=True):
        assert len(one.ids) <= row["L"]
        goal = [*tokenizer.encode(str(answer)).ids, tokenizer.special.eop]
        assert one.targets[one.target_mask == 1].tolist() == goal
        assert one.ids[one.positions[0, -1]] == tokenizer.special.mask


GROUPS: dict[tuple[str, str, str], list[GoldenFile]] = {}
for _file in golden_files():
    GROUPS.setdefault((_file.tokenizer, _file.mode, _file.task), []).append(_file)


def test_the_record_is_whole():
    files = golden_files()
    assert (len(files), sum(one.rows for one in files), sum(one.errors for one in files)) == (711, 5190, 80)
    assert {one.mode for one in files} == CHECKS.keys()
    assert len({one.task for one in files}) == 28  # the 27 with patterns, and the multiple-choice file


@pytest.mark.parametrize(("name", "mode", "task"), GROUPS, ids=str)
def test_every_recorded_sample_is_made_again(name, mode, task):
    tokenizer = tokenizer_of(name)
    apart, broken = 0, Counter()
    for file in GROUPS[name, mode, task]:
        n_rows = 0
        for row in golden_rows(file):
            n_rows += 1
            told = f"{file.name} {row['guid']} at {row['L']}"
            try:
                if "error" in row:
                    check_crash(file, row, tokenizer)
                    broken[row["error"]] += 1
                else:
                    apart += CHECKS[mode](file, row, tokenizer)
            except AssertionError as error:
                raise AssertionError(f"{told}: {error}") from error
        assert n_rows == file.rows
    assert sum(broken.values()) == CRASHES.get((task, mode), ("", 0))[1]
    assert apart == SHARED.get((task, mode, name), 0), (task, mode, name)
