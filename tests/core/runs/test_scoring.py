"""Scores of answers and labels, on numbers made by hand and against the tensors' formulas."""

import math
import random

import pytest
import torch

from glm_core.examples import Answer
from glm_core.model import scores
from glm_core.runs.scoring import answer_score, best_label, best_text, distribution, label_scores


def test_an_answer_is_worth_the_sum_of_its_tokens():
    assert answer_score((-1.0, -2.0, -3.0)) == -6.0
    assert answer_score((-1.0, -2.0, -3.0), length_penalty=1) == -2.0
    assert answer_score((-1.0, -2.0, -1.0, -4.0), length_penalty=0.5) == -4.0


ANSWERS = (
    Answer(" great", "good", (-1.0,)),
    Answer(" dull", "bad", (-2.0,)),
    Answer(" good", "good", (-3.0,)),
)


@pytest.mark.parametrize(
    ("combine", "good"),
    [("mean", -2.0), ("max", -1.0), ("first", -1.0), ("logsumexp", math.log(math.exp(-1) + math.exp(-3)))],
)
def test_several_answers_of_a_label_are_combined(combine, good):
    found = label_scores(ANSWERS, combine=combine)
    assert list(found) == ["good", "bad"]
    assert found["good"] == pytest.approx(good)
    assert found["bad"] == -2.0


def test_the_text_of_a_label_is_its_best_answer_without_the_space_of_the_pattern():
    assert best_text(ANSWERS, "good") == "great"
    longer = (Answer(" a b", "x", (-2.0, -2.0)), Answer(" c", "x", (-3.0,)))
    assert best_text(longer, "x") == "c"
    assert best_text(longer, "x", length_penalty=1) == "a b"


def test_of_equal_labels_the_first_is_taken():
    assert best_label({"b": -1.0, "a": -1.0}) == "b"


def test_a_distribution_survives_very_small_and_impossible_scores():
    assert distribution({"a": -1e6, "b": -1e6}) == {"a": 0.5, "b": 0.5}
    assert distribution({"a": -math.inf, "b": 0.0}) == {"a": 0.0, "b": 1.0}
    assert distribution({"a": -math.inf, "b": -math.inf}) == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("combine", ["mean", "max", "logsumexp", "first"])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 0.6])
def test_plain_numbers_and_tensors_agree(combine, penalty):
    rng = random.Random(3)
    answers = [
        Answer(f"a{index}", f"l{index % 3}", tuple(-rng.random() * 9 for _ in range(1 + index % 4)))
        for index in range(7)
    ]
    log_probs, mask = torch.zeros(1, 7, 4, dtype=torch.float64), torch.zeros(1, 7, 4, dtype=torch.bool)
    for index, one in enumerate(answers):
        log_probs[0, index, : len(one.log_probs)] = torch.tensor(one.log_probs, dtype=torch.float64)
        mask[0, index, : len(one.log_probs)] = True
    label_of = torch.tensor([[index % 3 for index in range(7)]])
    wanted, _ = scores.label_scores(scores.answer_scores(log_probs, mask, penalty), label_of, combine)
    found = label_scores(answers, combine=combine, length_penalty=penalty)
    assert list(found.values()) == pytest.approx(wanted[0].tolist(), rel=1e-12)
