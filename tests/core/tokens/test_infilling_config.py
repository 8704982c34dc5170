"""The options of pretraining: each is checked, and known to the original by some name."""

import dataclasses

import pytest

from glm_core.config import resolve
from glm_core.errors import UsageError
from glm_core.pretrain_config import ORIGINAL_NAMES, PretrainConfig


def test_document_rows_are_what_the_others_leave():
    assert PretrainConfig(token_share=0.5, sentence_share=0.3).document_share == pytest.approx(0.2)
    assert PretrainConfig(token_share=0.6, sentence_share=0.4).document_share == 0
    assert PretrainConfig(token_share=0.1 + 0.2, sentence_share=0.7).document_share >= 0


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"token_share": 1.2}, "--token-share is from 0 to 1"),
        ({"token_share": 0.8, "sentence_share": 0.3}, "together at most 1; got 1.1"),
        ({"sample_length": 8}, "--sample-length is at least 16"),
        ({"span_length": 0.0}, "--span-length is above 0"),
        ({"longest_span": 0}, "--longest-span is at least 1"),
        ({"context_mask_reach": 0}, "--context-mask-reach is at least 1"),
        ({"masked_lm": True, "sentinels": True}, "choose one"),
    ],
)
def test_impossible_values_are_refused_by_the_flag_s_name(told, message):
    with pytest.raises(UsageError, match=message):
        PretrainConfig(**told)


def test_every_option_has_a_help_text_and_the_names_exist():
    options = {one.name: one for one in dataclasses.fields(PretrainConfig)}
    assert all(one.metadata["help"] for one in options.values())
    assert set(ORIGINAL_NAMES) <= set(options)


def test_options_are_resolved_like_those_of_other_configs():
    config, origin = resolve(PretrainConfig, file={"token_share": 1, "sentence_share": "0"}, flags={"masked_lm": True})
    assert (config.token_share, config.masked_lm, origin["masked_lm"]) == (1.0, True, "flags")
