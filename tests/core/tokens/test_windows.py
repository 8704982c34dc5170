"""Windows over a text that is longer than the model, by hand; `test_windows_original.py` has the recorded ones."""

from __future__ import annotations

import random

import pytest

from glm_core.errors import UsageError
from glm_core.parts import BLANK, DOCUMENT_BLANK, Text, shortenable
from glm_core.pvp import Cloze, Edges
from glm_core.tokens.row import unpack
from glm_core.tokens.windows import Window, encode_windows, overlap_tokens, window_row, windows
from tests.core.tokens.letters import CLS, DOCUMENT, EOP, EOS, MASK, SOP, Letters, letters

TOKENIZER = Letters()


def whole(text: str, **edges: str) -> Cloze:
    """A pattern that is nothing but a blank, and a text that fills it."""
    return Cloze("u", (DOCUMENT_BLANK,), (text,), ("0",), edges=Edges(**{"end": "none", "eos": "never", **edges}))


def after(context: str, answer: str, **edges: str) -> Cloze:
    parts = (shortenable(context, cut="head", field="context"), BLANK)
    return Cloze("u", parts, (answer,), ("0",), edges=Edges(**{"end": "none", "eos": "always", **edges}))


def test_windows_overlap_and_weigh_every_token_but_the_first_once():
    assert windows(10, width=5, overlap=2) == [Window(0, 5, 1), Window(3, 8, 2), Window(6, 10, 2)]


def test_a_text_that_fits_is_one_window():
    assert windows(5, width=5, overlap=4) == [Window(0, 5, 1)]
    assert windows(2, width=5, overlap=0) == [Window(0, 2, 1)]


def test_there_is_nothing_to_weigh_in_no_token_or_one():
    assert windows(0, width=5, overlap=2) == windows(1, width=5, overlap=2) == []


def test_windows_of_a_long_context_that_weigh_nothing_are_left_out():
    assert windows(10, width=4, overlap=2, read=7) == [Window(4, 8, 3), Window(6, 10, 2)]


def test_each_token_is_weighed_once_whatever_width_and_overlap():
    rng = random.Random(1)
    for _ in range(300):
        n, width = rng.randrange(1, 60), rng.randrange(2, 20)
        overlap, read = rng.randrange(width), rng.randrange(1, 6)
        found = windows(n, width=width, overlap=overlap, read=read)
        weighed = [at for one in found for at in range(one.start + one.read, one.end)]
        assert weighed == list(range(read, n))
        assert all(one.end - one.start <= width for one in found)


def test_an_overlap_leaves_something_to_weigh():
    with pytest.raises(ValueError, match="cannot overlap by 5"):
        windows(10, width=5, overlap=5)


def test_an_overlap_is_a_share_or_a_number_of_tokens():
    assert overlap_tokens(0.75, 1023) == 767  # the original's windows of 1,023 tokens that each add 256
    assert overlap_tokens(0.5, 511) == 255
    assert overlap_tokens(0.0, 9) == 0
    assert overlap_tokens(32, 100) == 32
    with pytest.raises(UsageError, match="--overlap 100 leaves nothing to weigh: a row holds 100 tokens"):
        overlap_tokens(100.0, 100)


def test_in_both_directions_all_that_is_read_stands_in_part_a():
    row = window_row(letters("abcd"), 2, cls=CLS, mask=MASK, sop=SOP, eos=None, direction="bi")
    assert row.ids.tolist() == [CLS, *letters("ab"), MASK, SOP, *letters("c")]
    assert row.positions.tolist() == [[0, 1, 2, 3, 3, 3], [0, 0, 0, 0, 1, 2]]
    assert row.targets[4:].tolist() == letters("cd")
    assert row.target_mask.tolist() == [0, 0, 0, 0, 1, 1]


def test_from_left_to_right_only_the_first_token_stands_in_part_a():
    row = window_row(letters("abcd"), 2, cls=CLS, mask=MASK, sop=SOP, eos=EOS, direction="uni")
    assert row.ids.tolist() == [CLS, *letters("a"), MASK, EOS, SOP, *letters("bc")]
    assert row.positions.tolist() == [[0, 1, 2, 3, 2, 2, 2], [0, 0, 0, 0, 1, 2, 3]]
    assert row.targets[4:].tolist() == [0, *letters("cd")]
    assert row.target_mask.tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_a_window_that_shares_nothing_weighs_its_first_token_too():
    for direction in ("bi", "uni"):
        row = window_row(letters("ab"), 0, cls=CLS, mask=MASK, sop=SOP, eos=None, direction=direction)  # type: ignore[arg-type]
        assert row.ids.tolist() == [CLS, MASK, SOP, *letters("a")]
        assert row.targets[2:].tolist() == letters("ab")


def test_a_whole_text_becomes_rows_that_hold_max_length():
    made = encode_windows(whole("abcdefghij"), TOKENIZER, max_length=7, overlap=2)  # [CLS] and the mask take two
    assert [one.row.ids.tolist() for one in made] == [
        [CLS, *letters("a"), DOCUMENT, SOP, *letters("bcd")],
        [CLS, *letters("de"), DOCUMENT, SOP, *letters("fg")],
        [CLS, *letters("gh"), DOCUMENT, SOP, *letters("i")],
    ]
    assert [one.row.targets[one.row.target_mask == 1].tolist() for one in made] == [
        letters("bcde"),
        letters("fgh"),
        letters("ij"),
    ]
    assert all(one.asks_greedy and one.gold == 0 and not one.cut for one in made)


def test_the_end_of_a_text_is_weighed_where_its_pattern_wants_it():
    (made,) = encode_windows(whole("ab", end="eop"), TOKENIZER, max_length=20)
    assert made.row.targets.tolist()[-2:] == [*letters("b"), EOP]


def test_a_mask_that_the_model_does_not_know_becomes_the_one_it_knows():
    (made,) = encode_windows(whole("abc"), TOKENIZER, max_length=9, masks=frozenset(("[MASK]",)))
    assert made.row.ids[2] == MASK


def test_a_context_loses_its_first_tokens_where_the_answer_fits():
    (made,) = encode_windows(after("abcdefgh", "yz"), TOKENIZER, max_length=8, direction="uni")
    assert made.row.ids.tolist() == [CLS, *letters("f"), MASK, EOS, SOP, *letters("ghy")]
    assert made.row.targets[made.row.target_mask == 1].tolist() == letters("yz")
    assert made.cut == {"context": 5}
    assert len(made.row) == 8


def test_an_answer_that_does_not_fit_is_weighed_in_windows_behind_its_context():
    made = encode_windows(after("ab", "stuvwxyz"), TOKENIZER, max_length=8, overlap=1, direction="bi")
    scored = [one.row.targets[one.row.target_mask == 1].tolist() for one in made]
    assert scored == [letters("stu"), letters("vwxy"), letters("z")]
    assert made[0].row.ids.tolist() == [CLS, *letters("ab"), MASK, EOS, SOP, *letters("st")]


def test_words_behind_the_blank_cannot_be_read_from_left_to_right():
    cloze = Cloze("u", (Text("a"), BLANK, Text(".")), ("b",), ("0",), pattern="inside")
    with pytest.raises(UsageError, match=r"pattern 'inside'.*something behind it"):
        encode_windows(cloze, TOKENIZER, max_length=9)


def test_a_row_without_room_is_told():
    with pytest.raises(UsageError, match="--max-length 3 leaves no room"):
        encode_windows(whole("abc"), TOKENIZER, max_length=3)


def test_the_windows_of_one_text_are_classic_rows_of_the_original():
    (first, *_) = encode_windows(whole("abcdef"), TOKENIZER, max_length=6, overlap=1)
    (classic,) = unpack(first.row)
    assert (classic.sep, classic.ids.tolist()) == (3, [CLS, *letters("a"), DOCUMENT, SOP, *letters("bc")])
