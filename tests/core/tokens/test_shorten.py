"""PET's rule by pencil, and against a version that takes one token at a time."""

from hypothesis import given, strategies as st

from glm_core.tokens.shorten import Stretch, shorten


def left(*stretches):
    return [one.left for one in stretches]


def test_the_longer_segment_loses_first_and_then_they_take_turns():
    first, second = Stretch(7, 0, "tail"), Stretch(5, 1, "tail")
    assert shorten([first, second], 2)
    assert left(first, second) == [5, 5]
    assert shorten([first, second], 1)
    assert left(first, second) == [5, 4], "equal: the second segment loses"
    assert shorten([first, second], 1)
    assert left(first, second) == [4, 4]
    assert shorten([first, second], 5)
    assert left(first, second) == [2, 1]


def test_the_last_part_that_has_any_loses():
    passage, fixed, question = Stretch(5, 0, "tail"), Stretch(9, 0), Stretch(2, 0, "tail")
    assert shorten([passage, fixed, question], 3)
    assert left(passage, fixed, question) == [4, 9, 0]


def test_fixed_words_are_never_cut_and_too_much_is_said():
    fixed, text = Stretch(9, 0), Stretch(2, 0, "tail")
    assert not shorten([fixed, text], 3)
    assert fixed.lost == 0
    assert shorten([Stretch(9)], 0)
    assert not shorten([], 1)


def test_parts_of_low_priority_are_emptied_before_others_are_touched():
    dear, cheap = Stretch(3, 0, "tail", priority=1), Stretch(2, 0, "tail")
    assert shorten([cheap, dear], 3)
    assert left(cheap, dear) == [0, 2]


def test_priority_goes_before_the_rule_of_the_longer_segment():
    long_and_dear, cheap = Stretch(50, 0, "tail", priority=1), Stretch(2, 1, "tail")
    assert shorten([long_and_dear, cheap], 3)
    assert left(long_and_dear, cheap) == [49, 0]


def test_which_end_is_lost():
    assert Stretch(6, cut="tail", lost=2).kept() == [(0, 4)]
    assert Stretch(6, cut="head", lost=2).kept() == [(2, 6)]
    assert Stretch(6, cut="middle", lost=2).kept() == [(0, 2), (4, 6)]
    assert Stretch(6, cut="middle", lost=3).kept() == [(0, 2), (5, 6)]
    assert Stretch(6, cut="middle").kept() == [(0, 6)]


def slow_shorten(stretches, n_tokens):
    """One token at a time, as the rule says it."""
    for _ in range(n_tokens):
        open_ones = [one for one in stretches if one.cut is not None and one.left]
        if not open_ones:
            return False
        lowest = min(one.priority for one in open_ones)
        open_ones = [one for one in open_ones if one.priority == lowest]
        of_first = sum(one.left for one in open_ones if one.segment == 0)
        of_second = sum(one.left for one in open_ones if one.segment == 1)
        segment = 0 if of_first > of_second else 1
        [one for one in open_ones if one.segment == segment][-1].lost += 1
    return True


CUTS = st.sampled_from(["tail", "head", "middle", None])
STRETCHES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 1), CUTS, st.integers(0, 2), st.integers(0, 3)), max_size=6
)


def made(told):
    return [Stretch(n, segment, cut, priority, min(n, lost) if cut else 0) for n, segment, cut, priority, lost in told]


@given(STRETCHES, st.integers(0, 50))
def test_many_tokens_at_once_are_the_same_tokens(told, n_tokens):
    fast, slow = made(told), made(told)
    assert shorten(fast, n_tokens) == slow_shorten(slow, n_tokens)
    assert fast == slow


@given(STRETCHES, st.integers(0, 50))
def test_what_is_kept_and_what_is_lost_are_the_whole(told, n_tokens):
    stretches = made(told)
    whole, may_go = sum(left(*stretches)), sum(one.left for one in stretches if one.cut)
    assert shorten(stretches, n_tokens) == (n_tokens <= may_go)
    assert sum(left(*stretches)) == whole - min(n_tokens, may_go)
    for one in stretches:
        ranges = one.kept()
        assert sum(end - start for start, end in ranges) == one.left
        assert all(0 <= start <= end <= one.n_tokens for start, end in ranges)
        assert one.cut or not one.lost
