"""Scores and losses: numbers made by hand, and those recorded from the original."""

from __future__ import annotations

import json
import math

import pytest
import torch

from glm_core.errors import UsageError
from glm_core.model.scores import NO_CHOICE, answer_scores, choice_loss, label_scores, token_log_probs, token_loss
from tests.shared_files import needs_shared, shared

HEADS = ("golden", "superglue", "heads.json")
LOSSES = ("golden", "superglue", "losses.json")
OURS = {"cross_entropy": "choice", "hinge": "hinge", "generative": "generative", "mix": "mixed"}


def test_an_answer_is_the_sum_of_its_tokens_and_the_penalty_divides_by_their_number():
    log_probs = torch.tensor([[[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0]]])
    mask = torch.tensor([[[True, True, True], [True, False, False]]])
    assert answer_scores(log_probs, mask).tolist() == [[-6.0, -4.0]]
    assert answer_scores(log_probs, mask, 1.0).tolist() == [[-2.0, -4.0]]
    assert answer_scores(log_probs, mask, 0.5)[0, 0].item() == pytest.approx(-6 / math.sqrt(3))


@pytest.mark.parametrize(
    ("combine", "want"),
    [("mean", [-2.0, -5.0]), ("max", [-1.0, -5.0]), ("first", [-3.0, -5.0])],
)
def test_a_label_is_worth_what_its_answers_are_together(combine, want):
    scores, label_of = torch.tensor([[-3.0, -1.0, -5.0]]), torch.tensor([[0, 0, 1]])
    combined, there = label_scores(scores, label_of, combine)
    assert combined.tolist() == [want]
    assert there.tolist() == [[True, True]]


def test_logsumexp_adds_probabilities():
    scores = torch.log(torch.tensor([[0.1, 0.2, 0.4]]))
    combined, _ = label_scores(scores, torch.tensor([[0, 0, 1]]), "logsumexp")
    assert combined.exp().tolist()[0] == pytest.approx([0.3, 0.4])


def test_a_cloze_with_fewer_labels_leaves_the_others_out_of_reach():
    scores = torch.tensor([[-1.0, -2.0, 0.0], [-1.0, -2.0, -3.0]])
    combined, there = label_scores(scores, torch.tensor([[0, 1, -1], [0, 1, 2]]))
    assert combined[0, 2].item() == NO_CHOICE
    assert there.tolist() == [[True, True, False], [True, True, True]]
    alone = choice_loss(combined[:1, :2], there[:1, :2], torch.tensor([1]))
    padded = choice_loss(combined[:1], there[:1], torch.tensor([1]))
    assert padded.item() == pytest.approx(alone.item())


def test_the_objectives_on_numbers_made_by_hand():
    scores, mask, gold = torch.tensor([[0.0, 2.0, 1.0]]), torch.ones(1, 3, dtype=torch.bool), torch.tensor([1])
    lse = math.log(1 + math.exp(2) + math.exp(1))
    assert choice_loss(scores, mask, gold).item() == pytest.approx(lse - 2)
    assert choice_loss(scores, mask, gold, objective="hinge").item() == pytest.approx(0.0)  # (0) + (1) + (0) - 1
    assert choice_loss(scores, mask, gold, objective="generative").item() == pytest.approx(-2)
    assert choice_loss(scores, mask, gold, objective="mixed").item() == pytest.approx(lse - 4)
    assert choice_loss(scores, mask, gold, objective="decoupled").item() == pytest.approx(0 - 2 + 1)
    soft = torch.tensor([[0.25, 0.75, 0.0]])
    want = 0.25 * lse + 0.75 * (lse - 2)
    assert choice_loss(scores, mask, gold, objective="distill", soft_gold=soft).item() == pytest.approx(want)


def test_an_example_without_a_label_cannot_be_trained_on():
    with pytest.raises(UsageError, match="1 training examples have no label"):
        choice_loss(torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool), torch.tensor([0, -1]))
    with pytest.raises(UsageError, match="soft labels"):
        choice_loss(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), torch.tensor([0]), objective="distill")


def test_smoothing_mixes_in_the_mean_over_the_whole_vocabulary():
    logits, targets = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([2])
    lse = math.log(sum(map(math.exp, (1, 2, 4))))
    assert token_log_probs(logits, targets).item() == pytest.approx(4 - lse)
    assert token_loss(logits, targets, 0.1).item() == pytest.approx(0.9 * (lse - 4) + 0.1 * (lse - 7 / 3))


@needs_shared(*LOSSES)
def test_losses_are_those_of_the_original():
    cases = json.loads(shared(*LOSSES).read_text())
    assert len(cases) >= 9
    for case in cases:
        scores, gold = torch.tensor(case["scores"]), torch.tensor(case["labels"])
        mask = torch.ones_like(scores) if case["loss_mask"] is None else torch.tensor(case["loss_mask"])
        objective = "decoupled" if case["adapet"] else OURS[case["loss_func"]]
        got = choice_loss(scores, mask.bool(), gold, objective=objective)
        assert got.item() == pytest.approx(case["loss"], rel=1e-5, abs=1e-5), case["loss_func"]


@needs_shared(*HEADS)
def test_heads_are_those_of_the_original():
    cases = json.loads(shared(*HEADS).read_text())
    assert {case["head"] for case in cases} == {"multi_token", "single_token"}
    for case in cases:
        logits, targets = torch.tensor(case["lm_logits"]), torch.tensor(case["target"])
        if case["head"] == "multi_token":
            mask = torch.tensor(case["logit_mask"])
            flat = token_log_probs(logits.flatten(0, -2), targets.flatten()).view(targets.shape)
            got = answer_scores(flat, mask, case["length_penalty"])
        else:
            at_sop = logits[torch.arange(len(logits)), torch.tensor(case["sep"])]
            if case["take_softmax"]:
                at_sop = at_sop.log_softmax(-1)
            got = at_sop.gather(1, targets)
        assert torch.allclose(got, torch.tensor(case["scores"]), atol=1e-5), case["head"]
