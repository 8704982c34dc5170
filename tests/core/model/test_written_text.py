"""From written ids to text: spaces, stop texts, what may be shown already, and pieces that make the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from glm_core.backbone import Chunk, Filled
from glm_core.model.written_text import Transcript, cut_at_stop, fixed_texts, joined, settled
from glm_core.parts import BLANK, SENTENCE_BLANK, Text
from glm_core.tokens import load_tokenizer
from glm_core.tokens.encode import Laid
from tests.core.tokens.letters import Letters, letters
from tests.core.tokens.small_vocabularies import byte_pairs, sentencepiece, wordpiece

LETTERS = Letters()


def test_text_ends_before_the_first_stop_text() -> None:
    assert cut_at_stop("one. two\nthree", ["\n", "."]) == "one"
    assert cut_at_stop("one", ["."]) == cut_at_stop("one", []) == "one"


def test_only_what_no_later_token_can_change_is_settled() -> None:
    assert settled("abcE", ["END"]) == "abc"
    assert settled("abcEN", ["END", "N!"]) == "abc"
    assert settled("abcEx", ["END"]) == "abcEx"
    assert settled("caf\ufffd", []) == "caf"
    assert settled("one. tw", ["."]) == "one"


@given(st.text("ab.", max_size=12), st.lists(st.text("ab.", min_size=1, max_size=3), max_size=3))
def test_what_is_settled_begins_whatever_comes_of_it(text: str, stops: list[str]) -> None:
    for end in range(len(text) + 1):
        assert cut_at_stop(text, stops).startswith(settled(text[:end], stops))


# ---- spaces


def test_byte_pairs_carry_their_own_space(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(byte_pairs(tmp_path))
    for text in (" the", "the"):
        ids = tokenizer.encode(text).ids
        assert joined("in", ids, tokenizer.decode(ids), tokenizer) == text


def test_sentencepiece_loses_the_space_of_a_first_word_and_gets_it_back(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(sentencepiece(tmp_path), kind="chinese-sp")
    ids = tokenizer.encode("the pond").ids
    assert tokenizer.token(ids[0]).startswith("▁")
    text = tokenizer.decode(ids)
    assert joined("in", ids, text, tokenizer) == " the pond"
    assert joined("in ", ids, text, tokenizer) == joined("", ids, text, tokenizer) == "the pond"
    assert joined("中", ids, text, tokenizer) == "the pond"


@pytest.mark.parametrize(
    ("before", "text", "whole"),
    [
        ("It was", "good", "It was good"),
        ("It was ", "good", "It was good"),
        ("", "good", "good"),
        ("It was good", ", very", "It was good, very"),
        ("(", "good", "(good"),
        ("un", "##do", "undo"),
        ("中国", "国宝", "中国国宝"),
        ("中国", "good", "中国good"),
    ],
)
def test_wordpiece_gets_a_space_where_english_has_one(tmp_path: Path, before: str, text: str, whole: str) -> None:
    tokenizer = load_tokenizer(wordpiece(tmp_path))
    assert before + joined(before, [1], text, tokenizer) == whole


# ---- in place


def laid() -> Laid:
    parts = (Text("a "), BLANK, Text(" b", "tail"), SENTENCE_BLANK, Text("."))
    return Laid((0,) * 9, (0,) * 9, parts, ("a ", "", " …b", "", "."), (2, 5), {})


def test_blanks_are_replaced_in_the_text_as_it_was_kept() -> None:
    assert fixed_texts(laid(), given="g") == ["a g", " …b", "."]
    told: list[Chunk] = []
    filled = Transcript(3, fixed_texts(laid()), LETTERS, told=told.append).close(
        [letters(" xy "), letters("")], [True, False]
    )
    assert filled == Filled(("xy", ""), "a  xy  …b.", (True, False), (tuple(letters(" xy ")), ()))
    assert told == [Chunk(3, None, "a "), Chunk(3, 0, " xy "), Chunk(3, None, " …b"), Chunk(3, None, ".")]


@given(st.lists(st.text("abE.", max_size=6), min_size=2, max_size=2), st.sampled_from(["", "E.", "a"]))
def test_pieces_told_while_writing_are_together_the_text(written: list[str], stop: str) -> None:
    told: list[Chunk] = []
    stops = [stop] if stop else []
    live = Transcript(0, fixed_texts(laid()), LETTERS, stops, told.append)
    for blank, text in enumerate(written):
        for end in range(1, len(text) + 1):
            live.hear(blank, letters(text[:end]), False)
        live.hear(blank, letters(text), True)
    pieces = [letters(text) for text in written]
    filled = live.close(pieces, [True, True])
    at_once = Transcript(0, fixed_texts(laid()), LETTERS, stops).close(pieces, [True, True])
    assert filled == at_once
    assert "".join(one.text for one in told) == filled.text
    assert filled.texts == tuple(cut_at_stop(text, stops).strip() for text in written)


def test_half_a_character_is_held_back(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(byte_pairs(tmp_path, merges=()))
    ids = tokenizer.encode("aé").ids
    assert len(ids) == 3
    told: list[Chunk] = []
    live = Transcript(0, ["", ""], tokenizer, told=told.append)
    for end in range(1, 4):
        live.hear(0, ids[:end], False)
    assert [one.text for one in told] == ["a", "é"]
