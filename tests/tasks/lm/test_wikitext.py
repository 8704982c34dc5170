"""WikiText: tokens as text again, and the recorded windows and numbers of the original."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from glm_core import Answer, DataError, Prediction
from glm_core.tokens.row import unpack
from glm_core.tokens.windows import encode_windows
from glm_tasks.lm import detokenize, wikitext
from glm_tasks.lm.original import perplexity_of_glm
from tests.core.tokens.pretrain_golden import golden, vocabulary
from tests.core.tokens.test_windows_original import loss_of
from tests.shared_files import needs_shared, shared

TASK = wikitext.task


@needs_shared("golden", "pretrain", "detokenizers.json")
def test_texts_are_put_together_as_in_the_original() -> None:
    for row in golden("detokenizers"):
        assert detokenize.wikitext(row["input"]) == row["wikitext"]
        assert detokenize.penn(row["input"]) == row["ptb"]


def test_a_file_is_one_text_and_its_words_are_counted_as_published(tmp_path: Path) -> None:
    content = " \n = Title = \n \n A two @-@ man crew . \n"
    (tmp_path / "wiki.test.tokens").write_text(content)
    (found,) = TASK.read(TASK.processor.open(tmp_path), "test")
    assert found.target == "\n= Title =\n\nA two-man crew.\n"
    assert found.meta == {"words": 11, "bytes": len(content)}  # ends of lines are words; so are = and @-@
    assert str(TASK.cloze(found)) == "[gMASK]"


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "wiki.test.tokens").write_text(" \n")
    with pytest.raises(DataError, match=r"wiki\.test\.tokens: the file is empty"):
        TASK.read(TASK.processor.open(tmp_path), "test")


def test_all_its_tasks_read_their_own_files() -> None:
    names = [
        [split.files[0] for split in task.processor.splits] for task in (wikitext.task, wikitext.raw, wikitext.ptb)
    ]
    assert names == [
        ["wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"],
        ["wiki.train.raw", "wiki.valid.raw", "wiki.test.raw"],
        ["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"],
    ]


@needs_shared("data", "lm", "wikitext-2")
@pytest.mark.parametrize(("split", "words"), [("dev", 217646), ("test", 245569)])
def test_the_real_files_have_as_many_words_as_is_published(split: str, words: int) -> None:
    (found,) = TASK.read(TASK.processor.open(shared("data", "lm", "wikitext-2")), split)
    # every line ends in a word of its own, the first and the last end are not counted
    content = shared("data", "lm", "wikitext-2", TASK.processor.split(split).files[0]).read_text(encoding="utf-8")
    assert len(content.split()) + content.count("\n") in (words, words - 1)
    assert words - 4 <= found.meta["words"] <= words


@needs_shared("data", "lm", "wikitext-2-raw")
def test_the_raw_file_is_read_whole() -> None:
    (found,) = wikitext.raw.read(wikitext.raw.processor.open(shared("data", "lm", "wikitext-2-raw")), "test")
    assert found.meta["bytes"] == 1290590


def cases() -> list[dict[str, Any]]:
    if not shared("golden", "pretrain", "language_model.json").exists():
        return []
    all_cases = golden("language_model")["cases"]
    return [one for one in all_cases if one["task"] == "wikitext" and "degenerate" not in one.get("note", "")]


@pytest.mark.parametrize("case", cases(), ids=lambda one: f"{one['tokenizer']}-{one['args']}")
def test_windows_and_perplexities_are_the_originals(case: dict[str, Any], tmp_path: Path) -> None:
    tokenizer, _ = vocabulary(case["tokenizer"], case["tokenizer_options"])
    (tmp_path / "wiki.test.tokens").write_text(golden("language_model")["wikitext_sample"])
    (example,) = TASK.read(TASK.processor.open(tmp_path), "test")
    assert example.meta["words"] == case["num_original_tokens"]
    args = case["args"]
    width, adds = args["seq_length"] - 1, args.get("overlapping_eval", 32)
    made = encode_windows(
        TASK.cloze(example),
        tokenizer,
        max_length=width + 2,
        overlap=float(width - adds),
        direction="uni" if args.get("unidirectional") else "bi",
        masks=frozenset(("[MASK]", "[sMASK]", "[gMASK]") if args.get("task_mask") else ("[MASK]",)),
    )
    assert len(made) == case["num_sequences"][0]
    assert sum(int(one.row.target_mask.sum()) for one in made) == case["scored_tokens"]
    told = case["items"]
    chosen = made if "items_stored" not in case else [*made[:2], *made[-3:]]
    for instance, item in zip(chosen, told, strict=True):
        (row,) = unpack(instance.row)
        n = len(row.ids)
        assert (row.sep, row.ids.tolist()) == (item["sep"], item["text"][:n])
        assert row.positions.tolist() == [one[:n] for one in item["position_id"]]
        assert row.target_mask.tolist() == item["loss_mask"][:n]
    losses = [loss_of(one, case["synthetic_model_vocab"]) for one in made]
    filler = (0.0,) * (case["scored_tokens"] - len(losses))
    prediction = Prediction(example, answers=(Answer("", "0", (*(-one for one in losses), *filler)),))
    scores, expected = perplexity_of_glm([prediction]), case["synthetic_model_scores"]
    assert scores["loss"] == pytest.approx(expected["avg loss"], rel=1e-4)
    assert scores["perplexity"] == pytest.approx(expected["ppl"], rel=1e-3)
    assert scores["word-perplexity"] == pytest.approx(expected["adjusted ppl"], rel=1e-3)
    assert TASK.metrics["word-perplexity"]([prediction]) == pytest.approx(scores["word-perplexity"])
    assert TASK.metrics["perplexity"]([prediction]) == pytest.approx(scores["perplexity"])


def test_what_is_recommended_are_the_originals_windows() -> None:
    from glm_core.tokens.windows import overlap_tokens

    width = wikitext.RECOMMENDED["max_length"] - 2
    assert width == 1023
    assert width - overlap_tokens(wikitext.RECOMMENDED["overlap"], width) == 256


@needs_shared("golden", "pretrain", "language_model.json")
def test_the_formulas_of_the_original() -> None:
    from glm_core import Example

    for row in golden("language_model")["normalisation"]:
        meta = {"words": row["num_original_tokens"], "bytes": 1}
        values = (-row["total_nll"], *[0.0] * (row["num_tokenized_tokens"] - 2))  # the first token is not weighed
        one = Prediction(Example("test-0", {}, target="…", meta=meta), answers=(Answer("", "0", values),))
        told, expected = perplexity_of_glm([one]), row["expect"]
        assert told["loss"] == pytest.approx(expected["avg loss"])
        assert told["perplexity"] == pytest.approx(expected["ppl"])
        assert told["word-perplexity"] == pytest.approx(expected["adjusted ppl"])
    assert perplexity_of_glm([])["loss"] == math.inf
    assert json.dumps(perplexity_of_glm([one]))
