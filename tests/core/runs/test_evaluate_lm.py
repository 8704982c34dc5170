"""Texts that are weighed, with backbones that tell more or less about themselves."""

from __future__ import annotations

import math

import pytest
import torch

from glm_core.backbone import Weighed
from glm_core.config import EvalConfig
from glm_core.errors import DataError, RunError, UsageError
from glm_core.examples import Example
from glm_core.metrics import last_word
from glm_core.parts import DOCUMENT_BLANK
from glm_core.pvp import PVP, Edges
from glm_core.runs.evaluate import evaluate, training_questions
from glm_core.runs.health import measure
from glm_core.runs.questions import one_way
from glm_core.tasks import Task
from tests.core.runs.fakes import Reviews, ToyBackbone

LAST = Task(
    "last",
    Reviews(),
    (PVP("end", "{context|head} [gMASK]", edges=Edges(eos="always")), PVP("whole", "[gMASK]")),
    {"accuracy": last_word},
    kind="lm",
)


def passage(uid: str, context: str, word: str) -> Example:
    return Example(uid, {"context": context}, target=word)


class Telling(ToyBackbone):
    """A toy that tells whether an answer is its first choice: answers of an even number of words are."""

    def weigh(self, batch):
        found = super().weigh(batch)
        return Weighed(found.log_probs, found.mask, batch.mask.sum(-1) % 2 == 0)


def test_texts_come_in_their_order_with_their_tokens() -> None:
    examples = [passage("a", "so it was", "good and bad"), passage("b", "one two three four five", "x y")]
    found = evaluate(LAST, Telling(), examples, config=EvalConfig(batch_tokens=1))
    assert [(one.example.uid, len(one.answers[0].log_probs)) for one in found] == [("a", 3), ("b", 2)]
    assert [one.answers[0].greedy for one in found] == [False, True]
    assert [one.label for one in found] == [None, None]
    assert measure(LAST, found) == {"accuracy": 0.5}


def test_the_backbone_is_asked_for_its_first_choice() -> None:
    asked = []

    class Asked(Telling):
        def encode(self, cloze, *, max_length):
            asked.append(cloze.otherwise)
            return super().encode(cloze, max_length=max_length)

    evaluate(LAST, Asked(), [passage("a", "so", "it")])
    assert asked[0] is not None


def test_a_backbone_that_does_not_tell_gives_no_accuracy() -> None:
    found = evaluate(LAST, ToyBackbone(), [passage("a", "so", "it")])
    assert found[0].answers[0].greedy is None
    with pytest.raises(UsageError, match="nobody told"):
        measure(LAST, found)


def test_windows_and_directions_are_glms() -> None:
    with pytest.raises(UsageError, match="a ToyBackbone reads neither windows of a text nor from left to right"):
        evaluate(LAST, ToyBackbone(), [passage("a", "so", "it")], pattern="whole")
    with pytest.raises(UsageError, match="use a GLM"):
        evaluate(LAST, ToyBackbone(), [passage("a", "so", "it")], config=EvalConfig(direction="uni"))


def test_a_text_without_a_target_is_told() -> None:
    with pytest.raises(DataError, match="example a: pattern 'end' has no answers"):
        evaluate(LAST, ToyBackbone(), [Example("a", {"context": "so"})])


def test_a_diverged_model_is_told() -> None:
    backbone = Telling()
    with torch.no_grad():
        backbone.module.out.fill_(math.nan)
    with pytest.raises(RunError, match="no number for example a"):
        evaluate(LAST, backbone, [passage("a", "so", "it")])


def test_training_reads_in_both_directions_whatever_is_evaluated() -> None:
    config = EvalConfig(direction="uni")
    found = training_questions(LAST, ToyBackbone(), [passage("a", "so", "it")], pattern=0, config=config)
    assert len(found.all_instances()) == 1


# ---- choices from left to right


def test_from_left_to_right_the_text_is_given_and_the_blank_is_its_end() -> None:
    pvp = PVP("ask", "Is {x} true? [MASK]")
    cloze = one_way(pvp.cloze(Example("a", {"x": "it"}, choices=("yes", "no"), label="0")))
    assert cloze.parts == (DOCUMENT_BLANK,)
    assert (cloze.given, cloze.answers) == ("Is it true?", (" yes", " no"))
    assert cloze.edges.eos == "never"


def test_a_blank_inside_stays_where_it_is_as_a_mask() -> None:
    pvp = PVP("inside", "It was [MASK]: {x}")
    cloze = one_way(pvp.cloze(Example("a", {"x": "so"}, choices=("yes",), label="0")))
    assert cloze.given == "It was[MASK]: so"
    assert cloze.specials == ("[MASK]",)


def test_soft_places_are_passed_over_where_they_are_empty() -> None:
    example = Example("a", {"x": "it"}, choices=("yes",), label="0")
    assert one_way(PVP("soft", "{soft}Is {x}?{split}{soft} [MASK]").cloze(example)).given == "Is it?"
    with pytest.raises(UsageError, match="pattern 'soft' has soft places"):
        one_way(PVP("soft", "{soft:3}Is {x}? [MASK]").cloze(example))


def test_a_text_per_answer_has_no_direction() -> None:
    pvp = PVP("two", lambda ex: [["a ", DOCUMENT_BLANK], ["b ", DOCUMENT_BLANK]])
    with pytest.raises(UsageError, match="--direction uni reads plain text"):
        one_way(pvp.cloze(Example("a", {}, choices=("x", "y"))))
