"""Predictions: their order, their independence of batches, what they keep."""

import math
from dataclasses import replace

import pytest
import torch

from glm_core.backbone import Weighed
from glm_core.config import EvalConfig
from glm_core.errors import DataError, RunError, UsageError
from glm_core.examples import Answer, Example
from glm_core.pvp import PVP, Cloze
from glm_core.runs.evaluate import evaluate, predict_one
from tests.core.runs.fakes import ToyBackbone, reviews_task


def examples(n: int) -> list[Example]:
    texts = ["a dull film", "lovely", "a bright and moving film about a dog", "weak " * 9, "so fresh"]
    return [
        Example(f"x-{index}", {"review": f"{texts[index % 5]} {index}"}, label=("bad", "good")[index % 2])
        for index in range(n)
    ]


def test_predictions_come_in_the_order_of_the_examples():
    found = evaluate(reviews_task(), ToyBackbone(), examples(11))
    assert [one.example.uid for one in found] == [f"x-{index}" for index in range(11)]


@pytest.mark.parametrize("batch_tokens", [1, 24, 60, 10_000])
def test_no_batch_size_changes_a_prediction(batch_tokens):
    backbone = ToyBackbone()
    alone = [evaluate(reviews_task(), backbone, [one])[0] for one in examples(11)]
    together = evaluate(reviews_task(), backbone, examples(11), config=EvalConfig(batch_tokens=batch_tokens))
    for one, other in zip(alone, together, strict=True):
        assert one.label == other.label
        assert one.scores == pytest.approx(other.scores, rel=1e-5)


def test_every_tokens_log_probability_is_kept():
    (found,) = evaluate(reviews_task(), ToyBackbone(), examples(1))
    assert [(one.text, one.label) for one in found.answers] == [
        (" terrible", "bad"), (" bad", "bad"), (" great", "good"), (" good", "good"),
    ]  # fmt: skip
    by_hand = (sum(found.answers[0].log_probs) + sum(found.answers[1].log_probs)) / 2
    assert found.scores["bad"] == pytest.approx(by_hand)
    assert found.label == max(found.scores, key=found.scores.__getitem__)
    assert found.text in {"terrible", "bad", "great", "good"}


def test_long_answers_keep_as_many_numbers_as_they_have_tokens():
    choices = PVP("choose", "{review} so [MASK]")
    example = Example("x", {"review": "it rained"}, choices=("we got very wet", "we stayed"), label="1")
    (found,) = evaluate(reviews_task(pvps=(choices,)), ToyBackbone(), [example])
    assert [len(one.log_probs) for one in found.answers] == [4, 2]
    assert found.text == example.choices[int(found.label or 0)]


def test_length_penalty_divides_by_the_number_of_tokens():
    choices = PVP("choose", "{review} so [MASK]")
    example = Example("x", {"review": "it rained"}, choices=("we got very wet", "we stayed"))
    backbone, task = ToyBackbone(), reviews_task(pvps=(choices,))
    (plain,) = evaluate(task, backbone, [example])
    (penalised,) = evaluate(task, backbone, [example], config=EvalConfig(length_penalty=1.0))
    assert penalised.scores["0"] == pytest.approx(plain.scores["0"] / 4)
    assert penalised.scores["1"] == pytest.approx(plain.scores["1"] / 2)


def test_cut_tokens_are_counted_by_field():
    example = Example("x", {"review": "word " * 30})
    (found,) = evaluate(reviews_task(), ToyBackbone(), [example], config=EvalConfig(max_length=20))
    assert found.cut == {"review": 17}


def test_progress_hears_how_many_are_done():
    heard = []
    evaluate(
        reviews_task(),
        ToyBackbone(),
        examples(5),
        config=EvalConfig(batch_tokens=1),
        progress=lambda *at: heard.append(at),
    )
    assert heard == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_no_examples_no_predictions():
    assert evaluate(reviews_task(), ToyBackbone(), []) == []


def test_an_example_without_answers_is_named():
    task = reviews_task(pvps=(PVP("choose", "{review} so [MASK]"),))
    with pytest.raises(DataError, match="example x: pattern 'choose' has no answers to choose from"):
        evaluate(task, ToyBackbone(), [Example("ok", {"review": "a"}, choices=("b",)), Example("x", {"review": "a"})])


def test_a_model_that_diverged_is_an_error_and_no_score():
    backbone = ToyBackbone()
    with torch.no_grad():
        backbone.module.out.fill_(math.nan)
    with pytest.raises(RunError, match="gives no number for example x-0"):
        evaluate(reviews_task(), backbone, examples(1))


def test_a_task_that_writes_wants_a_backbone_that_can():
    with pytest.raises(UsageError, match="a ToyBackbone chooses among answers and cannot write; use a GLM"):
        evaluate(reviews_task(kind="generation"), ToyBackbone(), examples(1))


def test_what_no_answer_says_is_chosen_when_none_is_what_greedy_writing_gives():
    cloze = Cloze("x", (), (" Anna", " Ben"), ("True", "Also"), otherwise="False", pattern="refers")
    example = Example("x", {})

    def choose(*greedy):
        answers = tuple(
            Answer(text, label, (score,), flag)
            for text, label, score, flag in zip((" Anna", " Ben"), ("True", "Also"), (-1.0, -2.0), greedy, strict=True)
        )
        return predict_one(example, cloze, answers).label

    assert choose(True, False) == "True"
    assert choose(False, True) == "Also"
    assert choose(False, False) == "False"
    with pytest.raises(UsageError, match="does not tell"):
        choose(None, None)


def test_what_the_backbone_tells_about_greedy_writing_is_kept():
    class Telling(ToyBackbone):
        def weigh(self, batch):
            found = super().weigh(batch)
            return Weighed(found.log_probs, found.mask, torch.tensor([[True, False, False, True]]))

    (found,) = evaluate(reviews_task(), Telling(), examples(1))
    assert [one.greedy for one in found.answers] == [True, False, False, True]


def test_the_pattern_is_chosen_by_name_or_index():
    task, backbone = reviews_task(), ToyBackbone()
    by_name = evaluate(task, backbone, examples(3), pattern="just")
    assert by_name == evaluate(task, backbone, examples(3), pattern=1)
    assert by_name != evaluate(task, backbone, examples(3))
    assert len(by_name[0].answers) == 2


def test_labels_of_an_example_play_no_part_in_its_prediction():
    task, backbone = reviews_task(), ToyBackbone()
    bare = [replace(one, label=None) for one in examples(6)]
    with_labels = evaluate(task, backbone, examples(6))
    without = evaluate(task, backbone, bare)
    assert [one.scores for one in with_labels] == [one.scores for one in without]
