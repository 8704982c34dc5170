"""Metrics over texts and numbers, checked with a pencil and against the original's recorded numbers."""

from __future__ import annotations

import json
import math
import random

import pytest

from glm_core import Example, Prediction, metrics
from tests.shared_files import needs_shared, shared


def said(text: str, *answers: str, uid: str = "dev-0", **meta: object) -> Prediction:
    return Prediction(Example(uid, {}, meta={"answers": answers, **meta}), text=text)


def golden(metric: str) -> list[dict]:
    rows = json.loads(shared("golden", "superglue", "metrics.json").read_text(encoding="utf-8"))
    return [one for one in rows if one["metric"] == metric]


def test_answers_are_compared_without_case_accents_punctuation_and_articles():
    assert metrics.normalize_answer("The  Café–Bar, “Ünal”!") == "cafebar unal"
    assert metrics.answer_em([said("the café", "Cafe.")]) == 1.0


def test_the_nearest_reference_counts():
    # 2 of 3 words shared with "old red barn": 2 * 2 / (2 + 3)
    assert metrics.answer_f1([said("red barn", "mill", "old red barn")]) == pytest.approx(0.8)


def test_words_that_come_twice_count_twice():
    assert metrics.token_f1("tick tick tock", "tick tick") == pytest.approx(2 * 2 / 5)


def test_texts_without_a_word_share_nothing():
    assert metrics.token_f1("", "the") == 0.0
    assert metrics.answer_f1([said("", "the")]) == 0.0
    assert metrics.answer_em([said("", "the")]) == 1.0  # as the original has it


def test_the_first_window_with_an_answer_speaks_for_the_question():
    windows = [
        said("N/A", "Rome", uid="dev-0", question="q", window=0),
        said("Rome", "Rome", uid="dev-1", question="q", window=1),
        said("Milan", "Rome", uid="dev-2", question="q", window=2),
    ]
    assert metrics.answer_em(windows) == metrics.answer_em(windows[::-1]) == 1.0


def test_an_unanswerable_question_wants_silence_from_every_window():
    silent = [said("n/a", "N/A", uid=f"dev-{n}", question="q", window=n) for n in range(2)]
    assert metrics.answer_f1(silent) == 1.0
    assert metrics.answer_f1([*silent, said("Rome", "N/A", uid="dev-2", question="q", window=2)]) == 0.0


def test_exact_match_forgives_only_surrounding_whitespace():
    assert metrics.exact_match([said(" The mill ", "The mill")]) == 1.0
    assert metrics.exact_match([said("the mill", "The mill")]) == 0.0
    assert metrics.exact_match([Prediction(Example("dev-0", {}, target="mill"), text="mill")]) == 1.0


def test_text_metrics_survive_empty_input_and_do_not_depend_on_the_order():
    rng = random.Random(3)
    words = ["red", "mill", "old", "the", "barn", ""]
    found = [
        said(" ".join(rng.choices(words, k=2)), " ".join(rng.choices(words, k=3)) + " x", uid=f"dev-{n}")
        for n in range(40)
    ]
    for metric in (metrics.exact_match, metrics.answer_em, metrics.answer_f1):
        assert metric([]) == 0.0
        value = metric(found)
        rng.shuffle(found)
        assert metric(found) == value


@needs_shared("golden", "superglue", "metrics.json")
def test_normalized_answers_are_those_of_the_original():
    (one,) = golden("normalize_answer")
    assert [metrics.normalize_answer(text) for text in one["in"]] == one["out"]


@needs_shared("golden", "superglue", "metrics.json")
def test_pairs_score_as_in_the_original():
    (one,) = golden("f1_em_pairs")
    for (text, reference), f1, em in zip(one["pairs"], one["f1"], one["em"], strict=True):
        assert metrics.token_f1(text, reference) == pytest.approx(f1)
        assert (metrics.normalize_answer(text) == metrics.normalize_answer(reference)) is em


@needs_shared("golden", "superglue", "metrics.json")
def test_squad_scores_as_in_the_original():
    (one,) = golden("squad")
    found = [
        said(text, *answers, uid=f"dev-{n:03}", question=question)
        for n, (question, answers, text) in enumerate(one["rows"])
    ]
    assert metrics.answer_em(found) * 100 == pytest.approx(one["em"])
    assert metrics.answer_f1(found) * 100 == pytest.approx(one["f1"])


def numbers(pairs: list[tuple[float, float]]) -> list[Prediction]:
    return [Prediction(Example(f"dev-{n}", {}, label=str(gold)), value=value) for n, (value, gold) in enumerate(pairs)]


def test_pearson_and_spearman_by_hand():
    # a perfect order that is not a line
    curved = numbers([(1, 1), (2, 4), (3, 9), (4, 16)])
    assert metrics.spearman(curved) == pytest.approx(1.0)
    # sums around the means: 25 over sqrt(5 * 129)
    assert metrics.pearson(curved) == pytest.approx(25 / math.sqrt(5 * 129))
    assert metrics.pearson(numbers([(1, 3), (2, 2), (3, 1)])) == pytest.approx(-1.0)


def test_correlations_agree_with_scipy_where_values_are_equal():
    scipy = pytest.importorskip("scipy.stats")
    rng = random.Random(5)
    for _ in range(20):
        pairs = [(float(rng.randrange(5)), float(rng.randrange(5))) for _ in range(30)]
        columns = list(zip(*pairs, strict=True))
        assert metrics.pearson(numbers(pairs)) == pytest.approx(scipy.pearsonr(*columns).statistic)
        assert metrics.spearman(numbers(pairs)) == pytest.approx(scipy.spearmanr(*columns).statistic)


@pytest.mark.parametrize("metric", [metrics.pearson, metrics.spearman])
def test_correlations_survive_empty_and_constant_input(metric):
    assert metric([]) == 0.0
    assert metric(numbers([(1, 2)])) == 0.0
    assert metric(numbers([(1, 2), (1, 3), (1, 4)])) == 0.0
    assert metric([Prediction(Example("dev-0", {}, label="1.0"))]) == 0.0


def test_correlations_do_not_depend_on_the_order():
    rng = random.Random(6)
    found = numbers([(rng.random(), rng.random() * 5) for _ in range(60)])
    for metric in (metrics.pearson, metrics.spearman):
        value = metric(found)
        rng.shuffle(found)
        assert metric(found) == value
