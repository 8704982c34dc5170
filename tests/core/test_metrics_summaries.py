"""ROUGE and BLEU by hand and against the recorded numbers of the original."""

from __future__ import annotations

import builtins
import json

import pytest

from glm_core import Example, Prediction, metrics
from glm_core.errors import UsageError
from tests.shared_files import needs_shared, shared


def wrote(text: str, *answers: str, uid: str = "test-0") -> Prediction:
    if len(answers) == 1:
        return Prediction(Example(uid, {}, target=answers[0]), text=text)
    return Prediction(Example(uid, {}, meta={"answers": answers}), text=text)


def test_rouge_counts_shared_words_and_pairs():
    pytest.importorskip("rouge_score")
    one = [wrote("the cat sat", "the cat lay down")]  # words 2 of 3 and 4, pairs 1 of 2 and 3
    assert metrics.rouge_1(one) == pytest.approx(4 / 7)
    assert metrics.rouge_2(one) == pytest.approx(2 / 5)
    assert metrics.rouge_l(one) == pytest.approx(4 / 7)
    assert metrics.rouge()(one) == {
        "rouge-1": pytest.approx(4 / 7),
        "rouge-2": pytest.approx(2 / 5),
        "rouge-l": pytest.approx(4 / 7),
    }


def test_rouge_takes_the_nearest_reference_and_the_mean_over_examples():
    pytest.importorskip("rouge_score")
    several = [wrote("a b", "x y", "a b"), wrote("a b", "c d", uid="test-1")]
    assert metrics.rouge_1(several) == metrics.rouge_1(several[::-1]) == 0.5
    assert metrics.rouge_1([]) == 0.0
    assert metrics.rouge_1([Prediction(Example("test-2", {}), text="a")]) == 0.0


def test_rouge_knows_chinese_only_by_characters():
    pytest.importorskip("rouge_score")
    one = [wrote("长江注入东海", "注入东海")]
    assert metrics.rouge_1(one) == 0.0
    assert metrics.rouge(("rouge-1",), split="characters")(one) == pytest.approx(2 * 4 / 10)
    assert metrics.rouge(("rouge-2",), split="characters")(one) == pytest.approx(2 * 3 / 8)


def test_rouge_l_compares_sentence_by_sentence():
    pytest.importorskip("rouge_score")
    one = [wrote("b two . a one .", "a one . [SEP] b two .")]
    as_one = metrics.rouge(("rouge-l",))(one)
    split = [wrote("b two . [SEP] a one .", "a one . [SEP] b two .")]
    by_sentence = metrics.rouge(("rouge-l",), sentences="[SEP]")(split)
    assert isinstance(as_one, float) and as_one < 1.0
    assert by_sentence == 1.0


@needs_shared("golden", "pretrain", "text_processing.json")
def test_rouge_l_is_the_recorded_one_with_the_conventional_order_of_arguments():
    pytest.importorskip("rouge_score")
    told = json.loads(shared("golden", "pretrain", "text_processing.json").read_text(encoding="utf-8"))
    row = told["rouge_argument_order"]
    assert metrics.rouge_l([wrote(row["prediction"], row["reference"])]) == pytest.approx(row["conventional"])
    assert metrics.rouge_l([wrote(row["reference"], row["prediction"])]) == pytest.approx(row["as_original"])


@needs_shared("golden", "pretrain", "bleu.json")
def test_bleu_is_that_of_multi_bleu_perl():
    pytest.importorskip("sacrebleu")
    for case in json.loads(shared("golden", "pretrain", "bleu.json").read_text(encoding="utf-8"))["cases"]:
        texts = zip(case["hypotheses"], case["references"], strict=True)
        found = metrics.bleu([wrote(said, right, uid=f"test-{n}") for n, (said, right) in enumerate(texts)])
        assert found * 100 == pytest.approx(case["sacrebleu_tokenize_none"])
        assert f"BLEU = {found * 100:.2f}" == case["multi_bleu_perl"].split(",")[0]


def test_bleu_takes_several_references():
    pytest.importorskip("sacrebleu")
    two = [wrote("a b c d e", "v w x y z", "a b c d e"), wrote("f g h i j", "f g h i j", uid="test-1")]
    assert metrics.bleu(two) == pytest.approx(1.0)
    assert metrics.bleu([]) == 0.0


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **options):
        if name.startswith(("rouge_score", "sacrebleu")):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name.split(".")[0])
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError, match=r"ROUGE wants the package rouge_score: pip install 'glm-core\[rouge\]'"):
        metrics.rouge_1([wrote("a", "b")])
    with pytest.raises(UsageError, match="BLEU wants the package sacrebleu"):
        metrics.bleu([wrote("a", "b")])


def test_an_unknown_kind_of_rouge_is_refused():
    with pytest.raises(UsageError, match="got rouge-9"):
        metrics.rouge(("rouge-9",))([wrote("a", "b")])
