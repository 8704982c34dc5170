"""Where spans fall: small cases by hand, many by chance."""

import itertools
import random

import pytest
from hypothesis import given, settings, strategies as st

from glm_core.tokens.spans import (
    Room,
    choose_sentences,
    document_rooms,
    draw_lengths,
    length_table,
    original_sentences,
    place,
    sentences,
    share_out,
    token_spans,
)
from tests.core.tokens.numbers_tokenizer import CLS, ENDS, EOS


def spans_of(ids, lengths, seed=0, ratio=0.15):
    return token_spans(ids, lengths, random.Random(seed), ratio=ratio, cls=CLS, eos=EOS)


def test_rooms_come_shortest_first_without_cls_end_tokens_and_the_last_token():
    ids = [CLS, 1, 2, 3, EOS, CLS, 4, 5, EOS, CLS, 6, 7, 8]
    assert document_rooms(ids, cls=CLS, eos=EOS) == [Room(10, 2), Room(6, 2), Room(1, 3)]


def test_the_last_token_may_be_taken_where_nothing_else_could_be():
    assert document_rooms([CLS, 5], cls=CLS, eos=EOS) == [Room(1, 1)]
    assert document_rooms([CLS, 4, EOS, CLS, 5], cls=CLS, eos=EOS) == [Room(4, 0), Room(1, 1)]


def test_short_documents_take_spans_up_to_the_ratio_and_the_longest_takes_the_rest():
    rooms = [Room(1, 10), Room(12, 20), Room(33, 40)]
    assert share_out([1, 2, 3, 2, 4], rooms, 0.15) == [[1], [2], [3, 2, 4]]


def test_spans_that_do_not_fit_by_the_rule_go_where_most_tokens_are_left():
    rooms = [Room(1, 4), Room(6, 4), Room(11, 4)]
    assert share_out([3, 3, 3], rooms, 0.15) == [[3], [3], [3]]


def test_a_span_longer_than_every_document_is_shortened():
    assert share_out([9], [Room(1, 2), Room(4, 5)], 0.15) == [[], [5]]


def test_nothing_to_take_gives_no_span():
    assert spans_of([CLS, EOS], [3, 2]) == []


def test_spans_that_exactly_fill_a_document_leave_one_token_between_them():
    assert place([2, 3], Room(5, 6), random.Random(0)) == [(5, 7), (8, 11)]


def test_spans_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit into 5"):
        place([2, 3], Room(5, 5), random.Random(0))


def test_sentences_end_with_their_mark_and_hold_no_cls():
    ids = [CLS, 1, 10, 2, 3, 20, 4, EOS, CLS, 5, 30, 6]
    assert sentences(ids, ENDS, cls=CLS, eos=EOS) == [(1, 3), (3, 6), (6, 7), (9, 11), (11, 12)]


def test_the_original_takes_the_second_cls_for_text_and_loses_what_is_unfinished():
    ids = [CLS, 1, 10, 2, 3, 20, 4, EOS, CLS, 5, 30, 6]
    assert original_sentences(ids, ENDS, cls=CLS, eos=EOS) == [(1, 3), (3, 6), (8, 11), (11, 12)]


def test_sentences_are_taken_until_they_are_enough():
    found = [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert len(choose_sentences(found, 100, 0.15, random.Random(1))) == 2
    assert len(choose_sentences(found, 100, 0.0, random.Random(1))) == 1
    assert sorted(choose_sentences(found, 1000, 0.9, random.Random(1))) == found
    assert choose_sentences([], 100, 0.15, random.Random(1)) == []


def test_a_single_span_is_one_length_and_a_short_text_has_at_least_one():
    told = {"ratio": 0.15, "mean": 3.0, "longest": 39}
    assert all(len(draw_lengths(512, random.Random(i), single=True, **told)) == 1 for i in range(20))
    assert all(len(draw_lengths(3, random.Random(i), **told)) == 1 for i in range(20))


def test_lengths_are_those_that_random_choices_would_draw():
    table = length_table(3.0, 39)
    for seed in range(20):
        rng, mine = random.Random(seed), random.Random(seed)
        slow = []
        while sum(slow) < int(0.15 * 300):
            slow.append(rng.choices(range(1, 40), weights=table)[0])
        assert draw_lengths(300, mine, ratio=0.15, mean=3.0, longest=39) == slow
        assert mine.random() == rng.random()


def test_lengths_have_poissons_mean_and_shape():
    rng = random.Random(7)
    lengths = [n for _ in range(400) for n in draw_lengths(512, rng, ratio=0.15, mean=3.0, longest=39)]
    mean = sum(lengths) / len(lengths)
    assert mean == pytest.approx(3 / (1 - 2.718281828**-3), abs=0.05)  # 3.157: Poisson without its zeros
    table = length_table(3.0, 39)
    for n in range(1, 8):
        assert lengths.count(n) / len(lengths) == pytest.approx(table[n - 1], abs=0.015)
    assert max(length_table(3.0, 5)) < 1 and len(length_table(3.0, 5)) == 5


documents = st.lists(st.integers(0, 60), min_size=1, max_size=8)


def sample_of(sizes, closed):
    ids = []
    for size in sizes:
        ids += [CLS, *(i % 997 for i in range(1, size + 1)), EOS]
    return ids if closed else ids[:-1]


@settings(deadline=None)
@given(documents, st.booleans(), st.lists(st.integers(1, 39), min_size=1, max_size=20), st.integers(0, 2**32))
def test_spans_never_touch_each_other_cls_or_an_end_token(sizes, closed, lengths, seed):
    ids = sample_of(sizes, closed)
    spans = spans_of(ids, lengths, seed)
    for start, end in spans:
        assert 0 <= start < end <= len(ids)
        assert not {CLS, EOS} & set(ids[start:end])
    ordered = sorted(spans)
    for (_, end), (start, _) in itertools.pairwise(ordered):
        assert end < start
    taken, room = sum(end - start for start, end in spans), sum(sizes)
    assert taken <= sum(lengths)
    if room:
        assert spans
    if 4 * (sum(lengths) + len(lengths)) <= max(sizes):
        assert sorted(end - start for start, end in spans) == sorted(lengths)


@settings(deadline=None)
@given(documents, st.booleans())
def test_sentences_cover_every_word_once(sizes, closed):
    ids = sample_of(sizes, closed)
    covered = [i for start, end in sentences(ids, ENDS, cls=CLS, eos=EOS) for i in range(start, end)]
    assert covered == [i for i, id in enumerate(ids) if id not in (CLS, EOS)]


def test_twenty_token_documents_are_masked_all_over():
    """The original drops every such sample."""
    ids = sample_of([20] * 22, True)
    for seed in range(20):
        lengths = draw_lengths(len(ids), random.Random(seed), ratio=0.15, mean=3.0, longest=39)
        spans = spans_of(ids, lengths, seed)
        assert sum(end - start for start, end in spans) == sum(lengths)
        assert len({start // 22 for start, _ in spans}) >= 15
