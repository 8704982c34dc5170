"""Samples from documents, on a corpus small enough to see."""

import random

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glm_core.tokens.packing import (
    Document,
    Sample,
    draw_sample,
    original_short_pieces,
    right_strip,
    short_pieces,
)
from glm_core.tokens.sentences import SentenceEnds
from tests.core.tokens.numbers_tokenizer import CLS, ENDS, EOS, SPECIAL
from tests.core.tokens.pretrain_golden import Scripted


def document(n, n_prompt=0, first=1):
    return Document(np.arange(first, first + n, dtype=np.uint16), n_prompt)


def sample(documents, length, rng=None, **told):
    waiting = list(documents)
    return draw_sample(
        lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0],
        rng or random.Random(0),
        length=length,
        special=SPECIAL,
        ends=SentenceEnds(ENDS, ENDS),
        **told,
    )


def ordinary(ids):
    return [id for id in ids if id not in (CLS, EOS)]


def test_short_documents_stand_side_by_side_each_with_its_cls_and_end():
    got = sample([document(3), document(4, first=11), document(30, first=21)], 16)
    assert got.ids == [CLS, 1, 2, 3, EOS, CLS, 11, 12, 13, 14, EOS, CLS, 21, 22, 23, 24]
    assert got.counts == [0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_the_last_document_is_cut_behind_a_sentence_where_that_leaves_half():
    got = sample([document(3), document(40, first=16)], 16)
    assert got.ids[5:] == [CLS, 16, 17, 18, 19, 20]


def test_a_document_has_its_sample_to_itself_where_packing_is_off():
    assert sample([document(3), document(4)], 16, pack=False).ids == [CLS, 1, 2, 3, EOS]


def test_prompts_are_not_to_be_learned():
    got = sample([document(3, n_prompt=2), document(40, n_prompt=9)], 12)
    assert got.counts == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_long_document_is_cut_at_the_drawn_place_moved_left_to_a_sentence():
    rng = Scripted(draws=[14], chances=[0.9, 0.2])
    got = sample([document(60, n_prompt=13)], 16, rng)
    assert got.ids == [CLS, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]  # stripped behind 20
    assert got.counts == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]


def test_a_long_document_is_cut_at_the_drawn_place_moved_right_to_a_sentence():
    got = sample([document(60)], 16, Scripted(draws=[4], chances=[0.9, 0.7]))
    assert got.ids == [CLS, *range(11, 21)]


def test_a_cut_may_be_left_where_it_was_drawn():
    got = sample([document(60)], 16, Scripted(draws=[14], chances=[0.5]), hard_start_share=1.0)
    assert got.ids == [CLS, *range(15, 30)][:16]


def test_a_cut_at_the_end_of_a_document_has_its_end_token():
    last = Document(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18]))
    got = sample([last], 16, Scripted(draws=[2], chances=[0.9, 0.7]))
    assert got.ids == [CLS, *last.ids.tolist()[10:], EOS]  # moved half a sample at most


def test_the_right_end_goes_back_to_a_sentence_but_not_below_half():
    whole = Sample(list(range(1, 30)), [1] * 29)
    assert right_strip(whole, 29, ENDS) is whole
    assert right_strip(whole, 25, ENDS).ids == list(range(1, 21))
    assert right_strip(whole, 9, ENDS).ids == list(range(1, 10))


sizes = st.lists(st.integers(1, 70), min_size=1, max_size=12)


@settings(deadline=None)
@given(sizes, st.integers(16, 48), st.integers(0, 2**32), st.booleans())
def test_every_sample_begins_with_cls_fits_and_has_words(sizes, length, seed, pack):
    documents = [document(size, n_prompt=size // 3, first=7 * i + 1) for i, size in enumerate(sizes)]
    rng = random.Random(seed)

    got = draw_sample(
        lambda rng: documents[rng.randrange(len(documents))],
        rng,
        length=length,
        special=SPECIAL,
        ends=SentenceEnds(ENDS, ENDS),
        pack=pack,
    )
    assert got.ids[0] == CLS and 3 <= len(got) <= length == max(length, len(got.counts))
    assert ordinary(got.ids)
    for here, after in zip(got.ids, got.ids[1:], strict=False):
        assert (here == EOS) == (after == CLS) or here == CLS or not pack
    for id, count in zip(got.ids, got.counts, strict=True):
        assert count == 0 if id == CLS else count in (0, 1)


def packed(n_documents, size):
    ids = []
    for i in range(n_documents):
        ids += [CLS, *(j % 990 + 1 for j in range(i, i + size)), EOS]
    return Sample(ids, [int(id != CLS) for id in ids])


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 60), st.integers(0, 2**32))
def test_short_pieces_have_one_cls_in_front_and_words(n_documents, size, seed):
    whole = packed(n_documents, size)
    pieces = short_pieces([whole], random.Random(seed), length=100, special=SPECIAL, ends=ENDS)
    assert pieces
    text = " ".join(map(str, whole.ids))
    for piece in pieces:
        assert piece.ids[0] == CLS != piece.ids[1] and ordinary(piece.ids)
        assert " ".join(map(str, piece.ids[1:])) in text
    assert len({tuple(piece.ids) for piece in pieces}) == len(pieces) or n_documents > 1


def test_the_original_repeats_a_short_sample():
    whole, told = packed(1, 5), {"length": 100, "special": SPECIAL, "ends": ENDS}
    repeated = original_short_pieces([whole], Scripted(draws=[40]), **told)
    assert [piece.ids for piece in repeated] == [whole.ids] * 2
    assert [piece.ids for piece in short_pieces([whole], Scripted(draws=[40]), **told)] == [whole.ids]


def test_the_original_doubles_the_cls_of_a_further_document():
    whole, told = packed(2, 40), {"length": 100, "special": SPECIAL, "ends": ENDS}
    draws = [33, 42, 42, 42]  # three pieces, each from the first word of the second document, moved to its [CLS]
    doubled = original_short_pieces([whole], Scripted(draws), **told)
    assert [piece.ids[:3] for piece in doubled] == [[CLS, CLS, 2]] * 3
    assert [piece.ids[:3] for piece in short_pieces([whole], Scripted(draws), **told)] == [[CLS, 2, 3]]


@pytest.mark.parametrize("length", [16, 20, 33, 34])
def test_short_pieces_of_tiny_samples_do_not_break_off(length):
    for seed in range(10):
        assert short_pieces([packed(2, 6)], random.Random(seed), length=length, special=SPECIAL, ends=ENDS)
