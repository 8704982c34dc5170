"""Rows by pencil, and against a slow second writing of the original's one-answer input."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from glm_core.tokens.row import Span, build_row, join, unpack

CLS, EOS, SOP, EOP, MASK = 101, 102, 103, 104, 105
TEXT = [CLS, 11, MASK, 12, EOS]


def test_every_answer_counts_from_one_inside_its_blank():
    row = build_row(TEXT, [[Span(2, [21, 22, EOP])], [Span(2, [23, EOP])]], sop=SOP)
    assert row.ids.tolist() == [CLS, 11, MASK, 12, EOS, SOP, 21, 22, SOP, 23]
    assert row.positions.tolist() == [[0, 1, 2, 3, 4, 2, 2, 2, 2, 2], [0, 0, 0, 0, 0, 1, 2, 3, 1, 2]]
    assert row.branch.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
    assert row.targets.tolist() == [0, 0, 0, 0, 0, 21, 22, EOP, 23, EOP]
    assert row.target_mask.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert row.segment.tolist() == [0] * 10
    assert len(row) == 10


def test_an_empty_goal_is_the_start_of_the_blank_alone():
    row = build_row(TEXT, [[Span(2, [])]], sop=SOP)
    assert row.ids.tolist() == [*TEXT, SOP]
    assert row.positions[:, -1].tolist() == [2, 1]
    assert (row.targets[-1], row.target_mask[-1]) == (0, 1)


def test_the_spans_of_one_branch_follow_each_other():
    """Pretraining's Part B, and a cloze with several blanks."""
    row = build_row([CLS, MASK, 11, MASK], [[(3, [21, 22]), (1, [23])]], sop=SOP)
    assert row.ids.tolist() == [CLS, MASK, 11, MASK, SOP, 21, SOP]
    assert row.positions.tolist() == [[0, 1, 2, 3, 3, 3, 1], [0, 0, 0, 0, 1, 2, 1]]
    assert row.branch.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert row.targets.tolist() == [0, 0, 0, 0, 21, 22, 23]


def test_what_is_given_is_read_and_not_scored():
    row = build_row([CLS, MASK], [[Span(1, [21, 22, 23], given=2)]], sop=SOP)
    assert row.ids.tolist() == [CLS, MASK, SOP, 21, 22]
    assert row.targets.tolist() == [0, 0, 0, 0, 23]
    assert row.target_mask.tolist() == [0, 0, 0, 0, 1]


def test_a_row_without_answers_is_its_text():
    row = build_row(TEXT, [], sop=SOP)
    assert row.ids.tolist() == TEXT
    assert row.positions.tolist() == [[0, 1, 2, 3, 4], [0, 0, 0, 0, 0]]
    assert unpack(row) == []


@pytest.mark.parametrize("blank", [-1, 5])
def test_a_blank_outside_the_text_is_an_error(blank):
    with pytest.raises(ValueError, match=f"blank {blank} is outside Part A of 5 tokens"):
        build_row(TEXT, [[Span(blank, [21])]], sop=SOP)


def test_rows_are_joined_side_by_side_and_taken_apart_again():
    first = build_row(TEXT, [[Span(2, [21, EOP])]], sop=SOP)
    second = build_row([CLS, MASK], [[Span(1, [22])], [Span(1, [23])]], sop=SOP, first_branch=2)
    row = join([first, second])
    assert row.segment.tolist() == [0] * 7 + [1] * 4
    assert row.branch.tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 2, 3]
    assert row.positions[:, 7:].tolist() == [[0, 1, 1, 1], [0, 0, 1, 1]]
    apart = unpack(row)
    assert [one.ids.tolist() for one in apart] == [[*TEXT, SOP, 21], [CLS, MASK, SOP], [CLS, MASK, SOP]]
    assert [one.sep for one in apart] == [5, 2, 2]
    assert [one.targets[one.target_mask == 1].tolist() for one in apart] == [[21, EOP], [22], [23]]


def test_joined_rows_may_number_their_answers_alike():
    row = build_row([CLS, MASK], [[Span(1, [22])], [Span(1, [23])]], sop=SOP)
    assert [one.targets[-1] for one in unpack(join([row, row]))] == [22, 23, 22, 23]


def test_soft_places_are_nought_in_a_classic_row_and_named():
    row = build_row([CLS, -1, 11, MASK, -2], [[Span(3, [21])]], sop=SOP)
    (classic,) = unpack(row)
    assert classic.ids.tolist() == [CLS, 0, 11, MASK, 0, SOP]
    assert classic.soft_at.tolist() == [1, 4]


def slow_classic(part_a, blank, goal):
    """`build_input_from_ids` for one answer, written out: ids, two rows of positions, targets, mask."""
    ids, first, second, targets, mask = list(part_a), [], [], [], []
    for index in range(len(part_a)):
        first.append(index)
        second.append(0)
        targets.append(0)
        mask.append(0)
    for index, target in enumerate(goal):
        ids.append(SOP if index == 0 else goal[index - 1])
        first.append(blank)
        second.append(index + 1)
        targets.append(target)
        mask.append(1)
    return ids, [first, second], targets, mask


@given(
    st.lists(st.integers(1, 99), min_size=1, max_size=20),
    st.data(),
    st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=6), min_size=1, max_size=6),
)
def test_part_a_and_one_branch_are_what_the_original_makes_of_that_answer_alone(part_a, data, goals):
    blank = data.draw(st.integers(0, len(part_a) - 1))
    row = build_row(part_a, [[Span(blank, goal)] for goal in goals], sop=SOP)
    assert len(row) == len(part_a) + sum(map(len, goals))
    for classic, goal in zip(unpack(row), goals, strict=True):
        ids, positions, targets, mask = slow_classic(part_a, blank, goal)
        assert classic.ids.tolist() == ids
        assert classic.positions.tolist() == positions
        assert classic.sep == len(part_a)
        assert classic.targets.tolist() == targets
        assert classic.target_mask.tolist() == mask


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=5), min_size=1, max_size=5))
def test_packing_loses_nothing(goals):
    row = build_row(TEXT, [[Span(2, goal)] for goal in goals], sop=SOP)
    alone = [build_row(TEXT, [[Span(2, goal)]], sop=SOP) for goal in goals]
    for classic, one in zip(unpack(row), alone, strict=True):
        (told,) = unpack(one)
        assert all(np.array_equal(mine, other) for mine, other in zip(classic, told, strict=True))
