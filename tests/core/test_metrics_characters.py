"""Chinese answers, character by character."""

from __future__ import annotations

import pytest

from glm_core import Example, Prediction, metrics


def said(text: str, *answers: str, uid: str = "dev-0") -> Prediction:
    return Prediction(Example(uid, {}, meta={"answers": answers}), text=text)


def test_chinese_characters_stand_alone_and_other_words_stay_whole():
    assert metrics.split_characters("光荣和ω-Force，3个") == ["光", "荣", "和", "ω", "-", "force", "，", "3", "个"]


def test_the_longest_common_run_counts_not_the_characters():
    # 东海 is a run of two of the answer's six and the reference's two
    assert metrics.run_f1("长江注入东海", "东海") == pytest.approx(2 * 2 / 8)
    assert metrics.run_f1("东西南海", "东海") == pytest.approx(2 * 1 / 6)
    assert metrics.run_f1("长江", "东海") == metrics.run_f1("", "东海") == metrics.run_f1("，", "。") == 0.0


def test_punctuation_and_case_are_forgiven():
    assert metrics.character_em([said("光荣、和Ω-Force。", "光荣和ω-force")]) == 1.0
    assert metrics.character_f1([said("《光荣》", "光荣")]) == 1.0


def test_the_nearest_reference_counts_and_questions_count_alike():
    two = [said("东海", "南海", "东海"), said("东海", "黄河", uid="dev-1")]
    assert metrics.character_em(two) == metrics.character_f1(two) == 0.5
    assert metrics.character_em([]) == 0.0


def test_several_texts_are_joined_as_predictions_join_them():
    one = Prediction(Example("dev-0", {}, target=("东", "西")), text="东 … 西")
    assert metrics.exact_match([one]) == metrics.character_em([one]) == 1.0
