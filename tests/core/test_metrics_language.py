"""Perplexity and its kin, with a pencil and against the recorded formulas of the original."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from glm_core import Answer, DataError, Example, Prediction, metrics
from glm_core.errors import UsageError
from tests.shared_files import needs_shared, shared

needs_golden = needs_shared("golden", "pretrain", "language_model.json")


def weighed(
    *log_probs: float, words: int = 1, n_bytes: int = 1, greedy: bool | None = None, uid: str = "d"
) -> Prediction:
    example = Example(uid, {}, target="…", meta={"words": words, "bytes": n_bytes})
    return Prediction(example, answers=(Answer("…", "0", log_probs, greedy),))


def golden(name: str) -> list[dict]:
    told = json.loads(shared("golden", "pretrain", "language_model.json").read_text(encoding="utf-8"))
    return told[name]


def test_perplexity_of_a_fair_choice_is_the_number_of_choices():
    text = [weighed(*[math.log(1 / 8)] * 5, words=3, n_bytes=15)]
    assert metrics.perplexity(text) == pytest.approx(8)
    assert metrics.word_perplexity(text) == pytest.approx(8 ** (5 / 2))  # nothing stands before the first word
    assert metrics.byte_perplexity(text) == pytest.approx(8 ** (5 / 15))
    assert metrics.bits_per_byte(text) == pytest.approx(3 * 5 / 15)


def test_texts_are_counted_together():
    texts = [
        weighed(-1.0, -3.0, words=2, n_bytes=4),
        weighed(-2.0, words=3, n_bytes=4, uid="e"),
        weighed(uid="f", words=1),
    ]
    assert metrics.perplexity(texts) == pytest.approx(math.exp(6 / 3))
    assert metrics.word_perplexity(texts) == pytest.approx(math.exp(6 / 5))
    assert metrics.bits_per_byte(texts) == pytest.approx(6 / math.log(2) / 9)


def test_the_order_of_the_texts_does_not_matter():
    rng = random.Random(3)
    texts = [weighed(*[-rng.random() for _ in range(9)], words=5, n_bytes=30, uid=str(n)) for n in range(40)]
    for metric in (metrics.perplexity, metrics.word_perplexity, metrics.bits_per_byte):
        assert metric(texts) == metric(texts[::-1])


def test_lower_is_better_and_what_has_no_token_is_worst():
    for name in ("perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte"):
        assert getattr(metrics, name).lower_is_better
    for metric in (metrics.perplexity, metrics.word_perplexity, metrics.bits_per_byte):
        assert metric([]) == math.inf
    assert metrics.perplexity([weighed(-1e6)]) == math.inf


def test_a_text_that_does_not_tell_its_length_is_named():
    text = Prediction(Example("dev-7", {}, target="…"), answers=(Answer("…", "0", (-1.0,)),))
    assert metrics.perplexity([text]) == pytest.approx(math.e)
    with pytest.raises(DataError, match=r"dev-7 does not say how many bytes its text has: meta\['bytes'\]"):
        metrics.bits_per_byte([text])


def test_the_last_word_is_right_where_every_token_is_the_first_choice():
    assert metrics.last_word([weighed(-0.1, greedy=True), weighed(-0.1, greedy=False, uid="e")]) == 0.5
    assert metrics.last_word([]) == 0.0
    with pytest.raises(UsageError, match="nobody told"):
        metrics.last_word([weighed(-0.1)])


@needs_golden
def test_accuracy_and_loss_of_recorded_logits():
    for row in golden("metric_formulas"):
        logits, labels, mask = (np.array(row[name]) for name in ("logits", "labels", "loss_mask"))
        log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        picked = np.take_along_axis(log_probs, labels[..., None], -1)[..., 0]
        texts = [
            weighed(*one[there == 1].tolist(), greedy=bool((best == label)[there == 1].all()), uid=str(n))
            for n, (one, there, best, label) in enumerate(zip(picked, mask, logits.argmax(-1), labels, strict=True))
        ]
        assert [float(one.answers[0].greedy or 0) for one in texts] == row["per_example"]
        assert metrics.last_word(texts) * len(texts) == pytest.approx(row["correct_count"])
        assert math.log(metrics.perplexity(texts)) == pytest.approx(row["mean_nll"], rel=1e-5)
