"""Winograd: mended indices, candidates, and three ways to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm_core import Answer, DataError, Prediction
from glm_tasks.superglue.noun_phrases import noun_phrases
from tests.tasks.superglue.written import TASKS, examples, put, rows


def one(tmp_path: Path, task: str = "wsc-generate", **change: object):
    """The example of a row like the first hand-written one."""
    row = rows("WSC/train.jsonl")[0]
    target = {**row["target"], **{key: change.pop(key) for key in list(change) if key in row["target"]}}
    put(tmp_path, "WSC/train.jsonl", [{**row, "target": target, **change}])
    return examples(task, folder=tmp_path)[0]


def test_indices_that_are_off_by_one_are_mended(tmp_path: Path):
    for off in (-1, 1):
        example = one(tmp_path, span1_index=0 + max(off, 0), span2_index=9 + off)
        assert example.meta["span_at"] == 0
        assert example.meta["pronoun_at"] == 9


def test_the_word_of_a_pronoun_is_parted_from_what_clings_to_it(tmp_path: Path):
    example = one(tmp_path, text="The trunk was too wide, so they left it, alas.", span2_index=8)
    assert example["text"] == "The trunk was too wide, so they left it , alas."
    assert str(TASKS["wsc-generate"].cloze(example)).startswith("The trunk was too wide, so they left *it* , alas.")


def test_a_pronoun_at_the_first_word_does_not_look_at_the_last(tmp_path: Path):
    with pytest.raises(DataError, match=r"example 0: the pronoun 'it' is not at word 0 .* mend target\.span2_index"):
        one(tmp_path, text="Because the trunk was wide we left it", span2_index=0)


@pytest.mark.parametrize("index", [99, -2, 3])
def test_an_index_that_cannot_be_mended_names_the_example(tmp_path: Path, index: int):
    with pytest.raises(DataError, match=r"WSC/train\.jsonl:1: example 0: the pronoun 'it' is not at word"):
        one(tmp_path, span2_index=index)


def test_only_true_examples_are_learnt_from_but_all_are_asked():
    assert [example.label for example in examples("wsc")] == ["True"] * 4
    assert [example.label for example in examples("wsc", "dev")] == ["True", "False", "True"]
    assert [example.label for example in examples("wsc-yes-no")] == ["True", "True", "False", "True", "True"]


def test_candidates_of_the_file_come_in_windows_of_nine_filled_up_from_the_first(tmp_path: Path):
    put(tmp_path, "WSC/train.jsonl", rows("WSC-candidates/train.jsonl"))
    found = examples("wsc", folder=tmp_path)
    distinct = ["the soup", "Nora", "a neighbour", "the cook", "a guest", "the baker", "Ada", "Ivo", "the clerk"]
    assert [example.uid for example in found] == ["train-1-w0", "train-1-w1", "train-0"]
    assert list(found[0].meta["others"]) == distinct
    assert list(found[1].meta["others"]) == ["Otto", "the guide", *distinct[:7]]
    assert found[0].group == found[1].group == "train-1"
    assert not found[0].meta["made"]


def test_all_candidates_are_asked_at_once(tmp_path: Path):
    put(tmp_path, "WSC/val.jsonl", rows("WSC-candidates/val.jsonl"))
    (example,) = examples("wsc", "dev", folder=tmp_path)
    assert len(example.meta["others"]) == 11
    cloze = TASKS["wsc"].cloze(example)
    assert cloze.labels == ("True", *["False"] * 11)
    assert cloze.combine == "max"


def test_each_candidate_is_a_label_of_its_own_while_training():
    cloze = TASKS["wsc"].cloze(examples("wsc")[3])
    assert cloze.answers == (" the aunts", " Bruno", " Carla", " Bruno and Carla")
    assert cloze.labels == ("True", "False 1", "False 2", "False 3")
    assert cloze.gold == "True"


def test_the_span_is_true_when_no_candidate_is_better():
    from glm_core.runs.scoring import best_label, label_scores

    answers = [Answer("the aunts", "True", (-2.0,)), Answer("Bruno", "False", (-3.0,)), Answer("x", "False", (-9.0,))]
    # together the two others would outweigh the span; the better of them does not
    assert best_label(label_scores(answers, combine="max")) == "True"
    answers[1] = Answer("Bruno", "False", (-1.5,))
    assert best_label(label_scores(answers, combine="max")) == "False"


def test_the_loss_is_the_cross_entropy_over_all_candidates():
    torch = pytest.importorskip("torch")
    from glm_core.model.scores import choice_loss, label_scores

    scores = torch.tensor([[-2.0, -3.0, -1.0]])
    labels, there = label_scores(scores, torch.tensor([[0, 1, 2]]), "max")  # labels of their own: one each
    loss = choice_loss(labels, there, torch.tensor([0]), objective="mixed")
    by_hand = -torch.log_softmax(scores, -1)[0, 0] + 2.0
    assert loss.item() == pytest.approx(by_hand.item())


def test_candidates_are_made_where_the_file_has_none():
    found = {example.uid: example.meta["others"] for example in examples("wsc", "dev")}
    assert found["dev-0"] == ("the car",)
    assert found["dev-1"] == ("Old Tom",)


def test_a_text_without_any_other_candidate_is_an_error(tmp_path: Path):
    row = rows("WSC/train.jsonl")[0]
    target = {"span1_text": "It", "span1_index": 0, "span2_text": "it", "span2_index": 3}
    put(tmp_path, "WSC/val.jsonl", [{**row, "text": "It is as it was .", "target": target}])
    with pytest.raises(DataError, match=r"no other candidate than 'It' was found .* give some"):
        examples("wsc", "dev", folder=tmp_path)


def test_an_answer_that_the_model_would_not_write_is_false():
    from glm_core.runs.evaluate import predict_one

    task = TASKS["wsc-generate"]
    for example in examples("wsc-generate", "dev"):
        cloze = task.cloze(example)
        assert cloze.answers == (f" {example['span']}",)
        assert cloze.otherwise == "False"
        for greedy, label in ((True, "True"), (False, "False")):
            answers = (Answer(cloze.answers[0], "True", (-0.1, -0.2), greedy),)
            assert predict_one(example, cloze, answers).label == label


def test_accuracy_counts_both_labels():
    found = examples("wsc-generate", "dev")
    said = [Prediction(example, label="True") for example in found]
    assert TASKS["wsc-generate"].metrics["accuracy"](said) == pytest.approx(2 / 3)


NOUN_PHRASES = [
    ("The city councilmen refused the demonstrators a permit because they feared violence.", ["demonstrators"]),
    ("Mr. Singer met Anna Lee near the old mill.", ["Mr. Singer", "Anna Lee", "the old mill"]),
    ("Anna's brother sold his bicycle to Tom.", ["Anna", "Anna's brother", "his bicycle", "Tom"]),
    ("He put the bag of flour on the shelf.", ["the bag", "the bag of flour", "the shelf"]),
    ("Tom and Bea saw the fox.", ["Tom", "Bea", "Tom and Bea", "the fox"]),
    ("Luckily, his rival Bill slept.", ["his rival Bill", "Bill"]),
    ("bakers knead because bread rises", ["bakers", "knead", "bread", "rises"]),
    ("It was so.", []),
]


@pytest.mark.parametrize(("text", "phrases"), NOUN_PHRASES)
def test_what_looks_like_a_noun_phrase(text: str, phrases: list[str]):
    found = noun_phrases(text.split())
    if phrases == ["demonstrators"]:
        assert "The city councilmen" in found
        assert any(one.endswith("demonstrators") or one.startswith("the demonstrators") for one in found)
    else:
        assert found == phrases


def test_candidates_leave_out_the_span_the_pronoun_and_what_is_called_the_same():
    words = ["The", "fox", "saw", "the", "hen", "and", "a", "fox", "and", "the", "owl", "."]
    found = noun_phrases(words, without=[(0, 2)], unlike="The fox")
    assert found == ["the hen", "the hen and a fox", "the owl", "a fox and the owl"]
