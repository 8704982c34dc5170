"""Span lengths, places and sentences as THUDM/GLM recorded them, its draws told one by one."""

import pytest

from glm_core.tokens.spans import (
    Room,
    choose_sentences,
    document_rooms,
    length_table,
    original_sentences,
    place,
    share_out,
    token_spans,
)
from tests.core.tokens.pretrain_golden import Scripted, golden, vocabulary
from tests.shared_files import needs_shared

pytestmark = needs_shared("golden", "pretrain", "block_sampling.json")


@pytest.fixture(scope="module")
def told():
    return golden("block_sampling")


@pytest.mark.parametrize("mean", [3, 6])
def test_lengths_have_the_recorded_probabilities(told, mean):
    recorded = told[f"length_distribution_avg{mean}"]  # as weights, which make less than 1
    assert length_table(mean, 39) == pytest.approx([weight / sum(recorded) for weight in recorded], rel=1e-12)


def test_spans_lie_where_the_recorded_draws_put_them(told):
    for case in told["sample_spans"]:
        rng = Scripted(case["draws"])
        found = place(case["span_lengths"], Room(case["offset"], case["total_length"]), rng)
        assert [list(span) for span in found] == case["expect"] and not rng.draws


def test_spans_are_shared_out_to_documents_as_recorded(told):
    for case in told["sample_span_in_document"]:
        rng = Scripted(case["draws"])
        lengths, cls, eos = case["masked_lengths_in_order"], case["cls"], case["eos"]
        found = token_spans(case["tokens"], lengths, rng, ratio=0.15, cls=cls, eos=eos)
        assert [list(span) for span in found] == case["expect_spans"] and not rng.draws
        shares = share_out(lengths, document_rooms(case["tokens"], cls=cls, eos=eos), 0.15)
        assert sorted(length for share in shares for length in share) == sorted(lengths)


def test_sentences_are_cut_as_recorded(told):
    tokenizer, ends = vocabulary("bert", {})
    special = tokenizer.special
    for case in told["sentence_spans"]:
        found = original_sentences(case["tokens"], ends.objective, cls=special.cls, eos=special.eos)
        assert [list(span) for span in found] == case["all_sentence_spans"]

        class Unshuffled(Scripted):
            def shuffle(self, x):
                pass

        chosen = choose_sentences(found, len(case["tokens"]), case["gap_sentence_ratio"], Unshuffled())
        assert [list(span) for span in chosen] == case["chosen_without_shuffle"]


def test_the_recorded_tokens_end_sentences():
    for case in golden("tokenizer_info"):
        _, ends = vocabulary(case["tokenizer"], case["options"])
        assert [id for id, end in enumerate(ends.packing) if end] == case["sentence_end_dataset"]
        assert [id for id, end in enumerate(ends.objective) if end] == case["sentence_end_objective"]
