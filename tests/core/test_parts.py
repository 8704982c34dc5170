"""Parts of a pattern, soft places, and touches to text."""

from __future__ import annotations

import pytest

from glm_core.parts import (
    BLANK,
    Soft,
    Text,
    as_parts,
    lowercase_first,
    place_soft,
    shortenable,
    soft,
    straighten_quotes,
    strip_final_punctuation,
    uppercase_first,
)


def test_strings_become_fixed_words_and_empty_texts_are_dropped() -> None:
    assert as_parts(["a", "", shortenable(""), BLANK, shortenable("b")]) == (Text("a"), BLANK, Text("b", "tail"))


@pytest.mark.parametrize(
    ("tokens", "numbers"),
    [(0, [0, 2, 0]), (3, [1, 1, 1]), (4, [2, 2, 0]), (5, [2, 2, 1]), (1, [1, 0, 0]), (9, [3, 3, 3])],
)
def test_soft_tokens_are_spread_over_the_places_until_none_are_left(tokens: int, numbers: list[int]) -> None:
    placed = place_soft([soft(), BLANK, soft(2), soft()], tokens=tokens)
    assert [one.n for one in placed if isinstance(one, Soft)] == numbers


def test_a_prefix_stands_in_front_whatever_places_there_are() -> None:
    assert place_soft([Text("a"), BLANK], tokens=0, prefix=3) == (Soft(3), Text("a"), BLANK)
    assert place_soft([Soft(0, "sky")], tokens=2, prefix=1) == (Soft(1), Soft(2, "sky"))


def test_soft_tokens_without_a_place_are_an_error_that_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"write \{soft\} where vectors may stand, or use --soft-prefix"):
        place_soft([Text("a"), BLANK], tokens=2)


def test_touches_change_one_end_and_leave_empty_text_empty() -> None:
    assert (lowercase_first("The Man"), lowercase_first("")) == ("the Man", "")
    assert (uppercase_first("the man"), uppercase_first("")) == ("The man", "")
    assert [strip_final_punctuation(one) for one in ("etc...)", "a.b", "!?", "a. ", "了。")] == [
        "etc",
        "a.b",
        "",
        "a. ",
        "了。",
    ]


def test_quotes_are_straightened_one_character_for_one() -> None:
    curly = "“It’s” – ‘so’"
    assert straighten_quotes(curly) == "\"It's\" - 'so'"
    assert len(straighten_quotes(curly)) == len(curly)
