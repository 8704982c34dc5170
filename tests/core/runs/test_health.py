"""Health numbers and metrics, on predictions made by hand."""

from collections.abc import Sequence

import pytest

from glm_core.examples import Answer, Example, Prediction
from glm_core.runs.health import health, measure, measure_majority
from tests.core.runs.fakes import reviews_task


def prediction(uid, gold, bad, good, **more):
    answers = (Answer(" terrible", "bad", (bad,)), Answer(" great", "good", (good,)))
    label = "bad" if bad >= good else "good"
    text = "terrible" if label == "bad" else "great"
    return Prediction(
        Example(uid, {}, label=gold), label, text, answers, {"bad": bad, "good": good}, cut=more.get("cut", {})
    )


FOUR = [
    prediction("a", "good", -2.0, -1.0, cut={"review": 3}),
    prediction("b", "good", -1.0, -2.0),
    prediction("c", "bad", -1.0, -1.0, cut={"review": 2, "title": 1}),
    prediction("d", None, -1.0, -3.0),
]


def test_the_majority_share_is_that_of_the_gold_labels():
    found = health(FOUR)
    assert (found.n, found.unlabelled) == (4, 1)
    assert found.majority_label == "good"
    assert found.majority == pytest.approx(2 / 3)


def test_ties_are_counted():
    assert health(FOUR).ties == 1


def test_what_was_cut_is_counted_by_field():
    found = health(FOUR)
    assert found.cut_examples == 0.5
    assert found.cut_tokens == {"review": 5, "title": 1}


def test_the_prior_is_the_mean_predicted_distribution():
    one = health(FOUR[:1]).prior
    assert one["good"] == pytest.approx(0.7310585786, rel=1e-9)
    both = health(FOUR[:2]).prior
    assert both["good"] == pytest.approx(0.5)
    assert sum(health(FOUR).prior.values()) == pytest.approx(1)


def test_there_is_no_prior_where_labels_differ_from_example_to_example():
    other = Prediction(Example("e", {}), scores={"0": -1.0, "1": -1.0, "2": -2.0})
    assert health([FOUR[0], other]).prior == {}


def test_nothing_breaks_on_no_predictions():
    found = health([])
    assert (found.n, found.majority, found.cut_examples, found.prior) == (0, None, 0.0, {})


def test_metrics_see_labelled_examples_only():
    assert measure(reviews_task(), FOUR)["accuracy"] == pytest.approx(2 / 3)


def test_an_unlabelled_split_has_no_metric():
    assert measure(reviews_task(), [FOUR[3]]) == {}
    assert measure_majority(reviews_task(), [FOUR[3]]) == {}


def test_a_metric_of_several_numbers_is_spread():
    def parts(predictions: Sequence[Prediction]) -> dict[str, float]:
        return {"em": 0.5, "f1": 0.75}

    assert measure(reviews_task(metrics={"squad": parts}), FOUR) == {"squad.em": 0.5, "squad.f1": 0.75}


def test_the_majority_baseline_is_measured_with_the_tasks_own_metrics():
    seen = []

    def watch(predictions: Sequence[Prediction]) -> float:
        seen.extend((one.label, one.text) for one in predictions)
        return 0.0

    assert measure_majority(reviews_task(), FOUR)["accuracy"] == pytest.approx(2 / 3)
    measure_majority(reviews_task(metrics={"watch": watch}), FOUR)
    assert seen == [("good", "great")] * 3


def test_a_health_says_how_long_the_model_was_trained():
    assert health(FOUR, steps=12).as_dict()["steps"] == 12
