"""Whether our encoder makes of a cloze what the original was recorded to make of the same example and pattern.

Each check takes the cloze (or the texts of a classifier) and a recorded row, and asserts. Where it compares several answers
it returns how many were shortened for their own length in the original, and for the longest one here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from glm_core.pvp import Cloze
from glm_core.tokens import Tokenizer, load_tokenizer
from glm_core.tokens.encode import encode, encode_segments, lay_out
from glm_core.tokens.row import ClassicRow, Span, build_row, unpack
from tests.reference.golden_rows import Classic, classic_rows
from tests.shared_files import shared

Row = Mapping[str, Any]

TOKENIZERS: dict[str, dict[str, Any]] = {
    "bert-wordpiece": {"kind": "bert-wordpiece"},
    "gpt2-bpe": {"kind": "gpt2-bpe"},
    "roberta-bpe": {"kind": "roberta-bpe"},
    "chinese-sp-fix": {"kind": "chinese-sp"},
    "chinese-sp": {"kind": "chinese-sp", "fix_command_token": False},
}

SOFT = {"prompt3": (3, 0), "mix-negative-prompt3": (3, 0), "prompt5pre2": (5, 2)}


@cache
def tokenizer_of(name: str) -> Tokenizer:
    """The tokenizer that the record calls by this name."""
    return load_tokenizer(shared("vocab"), **TOKENIZERS[name])


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


def alone(cloze: Cloze, index: int) -> Cloze:
    """The cloze with one of its answers."""
    texts = cloze.texts[index : index + 1]
    return replace(cloze, answers=cloze.answers[index : index + 1], labels=("0",), gold=None, texts=texts)


def check_words(cloze: Cloze, row: Row, tokenizer: Tokenizer, mode: str) -> None:
    """One-token words, read off together at [sop]."""
    tokens, prefix = SOFT.get(mode, (0, 0))
    made = encode(cloze, tokenizer, max_length=row["L"], soft_tokens=tokens, soft_prefix=prefix)
    (told,), (mine,) = classic_rows(row["out"]), unpack(made.row)
    assert made.words == tuple(row["out"]["target"])
    assert made.gold == row["out"]["label"]
    assert same(mine, told, tokenizer.special.pad)
    assert tuple(mine.soft_at) == told.soft_at
    assert bool(made.cut) == bool(row["trunc"])


def check_answers(cloze: Cloze, row: Row, tokenizer: Tokenizer, mode: str) -> int:
    """One row per answer: each answer alone, and all of them packed."""
    told = classic_rows(row["out"])
    tokens, prefix = SOFT.get(mode, (0, 0))
    pad = tokenizer.special.pad

    def rows(one: Cloze) -> tuple[list[ClassicRow], bool]:
        made = encode(one, tokenizer, max_length=row["L"], soft_tokens=tokens, soft_prefix=prefix)
        classic = unpack(made.row)
        if mode == "noblockpos":  # --no-block-position: every place inside a blank counts 1
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


def goal_of(cloze: Cloze, index: int, tokenizer: Tokenizer) -> list[int]:
    """The targets of an answer."""
    row = encode(alone(cloze, index), tokenizer, max_length=4096).row
    return row.targets[row.branch == 1].tolist()


def check_fast_decode(cloze: Cloze, row: Row, tokenizer: Tokenizer) -> None:
    """--fast-decode: the text shortened as for no answer, the answers beside it, 16 tokens at most."""
    out, sop, pad = row["out"], tokenizer.special.sop, tokenizer.special.pad
    laid = lay_out(cloze, tokenizer, room=row["L"] - 1, max_length=row["L"])
    text = build_row(laid.ids, [], sop=sop)
    sep = len(text)
    mine = ClassicRow(text.ids, text.positions, sep, text.targets, text.target_mask, text.ids[:0])
    assert same(mine, Classic(out["text"], out["position"], int(out["mask"])), pad)
    assert bool(laid.cut) == bool(row["trunc"])
    assert len(out["dec_text"]) == len(cloze.answers)
    for index in range(len(cloze.answers)):
        goal = goal_of(cloze, index, tokenizer)[:16]
        (whole,) = unpack(build_row(laid.ids, [[Span(laid.blanks[0], goal)]], sop=sop))
        mine = ClassicRow(
            whole.ids[sep:],
            whole.positions[:, sep:],
            sep,
            whole.targets[sep:],
            whole.target_mask[sep:],
            whole.soft_at,
        )
        told = Classic(
            out["dec_text"][index],
            out["dec_position"][index],
            int(out["dec_mask"][index]),
            out["dec_target"][index],
            out["dec_logit_mask"][index],
        )
        assert same(mine, told, pad), f"answer {index}"


def check_chunks(cloze: Cloze, row: Row, tokenizer: Tokenizer) -> None:
    """--segment-length 3: a row per three tokens of an answer, those before them put in front of the mask."""
    told = iter(classic_rows(row["out"]))
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


def check_priming(cloze: Cloze, row: Row, tokenizer: Tokenizer) -> None:
    """A labelled example as plain text: the gold answer in place of the mask, nothing around it."""
    gold = cloze.answers[cloze.labels.index(cloze.gold or "")]
    answer = tokenizer.encode(str(gold)).ids
    laid = lay_out(cloze, tokenizer, room=row["L"] - len(answer), max_length=row["L"])
    (blank,) = laid.blanks
    assert [*laid.ids[1:blank], *answer, *laid.ids[blank + 1 : -1]] == list(row["out"]["priming_ids"])


def check_segments(texts: Sequence[Sequence[Any]], row: Row, tokenizer: Tokenizer) -> None:
    """The rows of a classifier, one per choice."""
    out, special = row["out"], tokenizer.special
    told = out["text"].reshape(-1, row["L"])
    assert len(told) == len(texts)
    for index, (text, ids) in enumerate(zip(texts, told, strict=True)):
        made, lost = encode_segments(text, tokenizer, max_length=row["L"])
        assert not lost or row["trunc"]
        if "types" in out:  # the BERT baseline: token types instead of positions
            padding = row["L"] - len(made)
            assert list(ids) == [*made, *[special.pad] * padding]
            types, mask = (out[name].reshape(-1, row["L"])[index] for name in ("types", "padding_mask"))
            border = made.index(special.sep) + 1 if special.sep in made else len(made) - 1
            assert list(types) == [0] * border + [1] * (len(made) - border) + [0] * padding
            assert list(mask) == [1] * len(made) + [0] * padding
            continue
        position = out["position"].reshape(-1, 2, row["L"])[index]
        sep = int(np.reshape(out["mask"], -1)[index])
        mine = build_row(made, [], sop=special.sop)
        classic = ClassicRow(mine.ids, mine.positions, len(mine), mine.targets, mine.target_mask, mine.ids[:0])
        assert same(classic, Classic(ids, position, sep), special.pad)
