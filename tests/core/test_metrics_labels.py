"""Metrics over labels, checked with a pencil, against scikit-learn, and against the original's recorded numbers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest

from glm_core import Example, Prediction, metrics
from tests.shared_files import needs_shared, shared

METRICS = (
    metrics.accuracy,
    metrics.f1,
    metrics.f1_macro,
    metrics.grouped_exact_match,
    metrics.matthews,
    metrics.parity,
)


def predictions(
    gold: Sequence[object], said: Sequence[object], groups: Sequence[object] | None = None
) -> list[Prediction]:
    return [
        Prediction(
            Example(f"dev-{n}", {}, label=str(right), group=None if groups is None else str(groups[n])),
            label=str(label),
        )
        for n, (right, label) in enumerate(zip(gold, said, strict=True))
    ]


def test_accuracy_is_the_share_of_right_labels():
    assert metrics.accuracy(predictions("aab", "abb")) == pytest.approx(2 / 3)


def test_f1_counts_one_label_only():
    # two of four ones found, one wrong: precision 2/3, recall 2/4
    assert metrics.f1(predictions("11101", "11010")) == pytest.approx(4 / 7)
    assert metrics.F1("a")(predictions("aab", "abb")) == pytest.approx(2 / 3)


def test_f1_macro_averages_over_labels_that_occur_anywhere():
    # a: 1 of (2 + 1) -> 2/3, b: 0, c: 0 of (0 + 2) -> 0
    assert metrics.f1_macro(predictions("aab", "acc")) == pytest.approx((2 / 3) / 3)


def test_a_group_is_right_when_all_of_it_is():
    assert metrics.grouped_exact_match(predictions("1010", "1011", "ppqq")) == 0.5


def test_an_example_without_a_group_is_its_own():
    assert metrics.grouped_exact_match(predictions("10", "11")) == 0.5


def test_parity_asks_whether_a_pair_gets_one_label_right_or_wrong():
    assert metrics.parity(predictions("ayayaa", "aabbxy", "112233")) == pytest.approx(2 / 3)


def test_parity_leaves_out_groups_of_one():
    assert metrics.parity(predictions("aab", "aab", "112")) == 1.0
    assert metrics.parity(predictions("ab", "ab", "12")) == 0.0


def test_matthews_by_hand():
    # 3 true positives, 1 false positive, 1 false negative, 1 true negative: (3 * 1 - 1 * 1) / sqrt(4 * 4 * 2 * 2)
    assert metrics.matthews(predictions("111100", "111010")) == pytest.approx(2 / 8)


def test_opposite_labels_have_matthews_minus_one():
    assert metrics.matthews(predictions("1100", "0011")) == pytest.approx(-1.0)


@pytest.mark.parametrize("n_labels", [2, 3, 5])
def test_they_agree_with_scikit_learn(n_labels: int):
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = random.Random(n_labels)
    for _ in range(20):
        n = rng.randrange(2, 40)
        gold = [0, 1, *(rng.randrange(n_labels) for _ in range(n))]
        said = [rng.randrange(n_labels) if rng.random() < 0.6 else right for right in gold]
        found = predictions(gold, said)
        assert metrics.accuracy(found) == pytest.approx(sklearn.accuracy_score(gold, said))
        assert metrics.f1_macro(found) == pytest.approx(sklearn.f1_score(gold, said, average="macro", zero_division=0))
        assert metrics.matthews(found) == pytest.approx(sklearn.matthews_corrcoef(gold, said), abs=1e-12)
        if n_labels == 2:
            assert metrics.f1(found) == pytest.approx(sklearn.f1_score(gold, said, zero_division=0))


@pytest.mark.parametrize("metric", METRICS)
def test_they_survive_empty_and_one_class_input(metric):
    assert metric([]) == 0.0
    for gold, said in (("1111", "1111"), ("1111", "0000"), ("0000", "0000"), ("0000", "1111")):
        assert -1.0 <= metric(predictions(gold, said)) <= 1.0
        assert -1.0 <= metric(predictions(gold, said, "aabb")) <= 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_they_do_not_depend_on_the_order(metric):
    rng = random.Random(7)
    found = predictions(
        [rng.choice("0123") for _ in range(50)],
        [rng.choice("0123") for _ in range(50)],
        [rng.randrange(12) for _ in range(50)],
    )
    value = metric(found)
    for _ in range(5):
        rng.shuffle(found)
        assert metric(found) == value


def test_examples_without_a_label_do_not_count():
    unlabelled = Prediction(Example("dev-9", {}), label="1")
    for metric in METRICS[:5]:
        found = predictions("1100", "1010")
        assert metric([*found, unlabelled]) == metric(found)


def test_a_prediction_without_a_label_is_a_miss():
    found = [Prediction(Example("dev-0", {}, label="1")), *predictions("1", "1")]
    assert metrics.accuracy(found) == 0.5
    assert metrics.f1(found) == pytest.approx(2 / 3)


@needs_shared("golden", "superglue", "metrics.json")
def test_they_give_the_numbers_of_the_original():
    ours = {"accuracy": metrics.accuracy, "f1-macro": metrics.f1_macro, "f1a": metrics.f1}
    scale = {"accuracy": 100}
    seen = set()
    for one in json.loads(shared("golden", "superglue", "metrics.json").read_text(encoding="utf-8")):
        if one["metric"] in ours:
            found = predictions(one["label"], one["pred"])
            assert ours[one["metric"]](found) * scale.get(one["metric"], 1) == pytest.approx(one["value"], abs=1e-9)
            seen.add(one["metric"])
    assert seen == set(ours)


@needs_shared("golden", "superglue", "metrics.json")
def test_multirc_gives_the_numbers_of_the_original():
    rows = json.loads(shared("golden", "superglue", "metrics.json").read_text(encoding="utf-8"))
    rows = [one for one in rows if one["metric"] == "multirc"]
    assert len(rows) == 4
    for one in rows:
        found = predictions(one["label_bits"], one["pred_bits"], one["question_idx"])
        assert metrics.f1(found) == pytest.approx(one["f1a"], abs=1e-9)
        assert metrics.grouped_exact_match(found) == pytest.approx(one["em"], abs=1e-9)
        assert metrics.accuracy(found) * 100 == pytest.approx(one["acc"], abs=1e-9)
