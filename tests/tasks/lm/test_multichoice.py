"""The file of choices: its reader, and the recorded rows of the original in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glm_core import Answer, DataError, Example, Prediction
from glm_core.runs.questions import one_way
from glm_core.runs.scoring import answer_score
from glm_core.tokens.encode import encode
from glm_core.tokens.row import unpack
from glm_tasks.lm import multichoice
from tests.core.tokens.pretrain_golden import golden, vocabulary
from tests.reference.golden_checks import alone
from tests.shared_files import needs_shared, shared

TASK = multichoice.task


def read(*places: Path) -> list[Example]:
    return TASK.read(TASK.processor.open(*places), "test")


def written(file: Path, *rows: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return file


ROW = {"inputs_pretokenized": "Is it [MASK] ?", "choices_pretokenized": ["so", "not so"], "label": 1}


def test_files_are_read_one_by_one_or_as_a_folder(tmp_path: Path) -> None:
    one, two = written(tmp_path / "a.jsonl", ROW), written(tmp_path / "b.jsonl", ROW, {**ROW, "label": 0})
    assert [(each.uid, each.label) for each in read(one)] == [("test-0", "1")]
    assert [each.uid for each in read(one, two)] == ["test-a-0", "test-b-0", "test-b-1"]
    assert [each.uid for each in read(tmp_path)] == ["a-0", "b-0", "b-1"]
    with pytest.raises(DataError, match="give either files or folders, not both"):
        read(one, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs_pretokenized": 3}, 'a.jsonl:1: wants "inputs_pretokenized"'),
        ({"choices_pretokenized": []}, 'wants "choices_pretokenized"'),
        ({"label": 2}, "label 2 is none of the choices, which are 0 to 1"),
    ],
)
def test_a_bad_row_is_told_with_its_place(change, message, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(written(tmp_path / "a.jsonl", {**ROW, **change}))


def test_a_row_without_a_label_has_the_first(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != "label"}
    assert read(written(tmp_path / "a.jsonl", row))[0].label == "0"


def test_the_last_mask_is_the_blank_and_without_one_the_end_is() -> None:
    def shown(text: str, pattern: str = "as-published") -> tuple[str, tuple[str, ...]]:
        cloze = TASK.cloze(Example("x", {"text": text}, choices=("a", "b"), label="0"), pattern)
        return str(cloze), cloze.answers  # type: ignore[return-value]

    assert shown("Is [MASK] or [MASK] right?") == ("Is [MASK] or[MASK] right?", ("a", "b"))
    assert shown("Answer: ") == ("Answer:[MASK]", ("a", "b"))
    assert shown("Answer: ", "spaced") == ("Answer:[MASK]", (" a", " b"))
    assert shown("Is [MASK] right?", "spaced") == ("Is[MASK] right?", (" a", " b"))


@pytest.mark.parametrize("number", range(3))
@needs_shared("golden", "pretrain", "multichoice.json")
def test_rows_are_the_originals(number: int, tmp_path: Path) -> None:
    told = golden("multichoice")
    case = told["cases"][number]
    tokenizer, _ = vocabulary(case["tokenizer"], case["tokenizer_options"])
    for example, other in zip(read(written(tmp_path / "a.jsonl", *told["items"])), case["encoded"], strict=True):
        cloze = TASK.cloze(example)
        if case["unidirectional"]:
            cloze = one_way(cloze)
        assert int(example.label or 0) == other["label"]
        # shortened for the longest answer, so answers packed together or alone are alike
        packed = unpack(encode(cloze, tokenizer, max_length=case["seq_length"]).row)
        for index, row in enumerate(packed):
            n = len(row.ids)
            assert row.ids.tolist() == other["text"][index][:n]
            assert row.sep == other["mask"][index]
            assert row.positions.tolist() == [one[:n] for one in other["position"][index]]
            assert row.target_mask.tolist() == other["logit_mask"][index][:n]
            scored = row.target_mask == 1
            assert row.targets[scored].tolist() == np.array(other["target"][index][:n])[scored].tolist()
            assert not any(other["logit_mask"][index][n:])
            if max(map(len, (one.ids for one in packed))) < case["seq_length"]:
                (single,) = unpack(encode(alone(cloze, index), tokenizer, max_length=case["seq_length"]).row)
                assert single.ids.tolist() == row.ids.tolist()


@needs_shared("golden", "pretrain", "decoding.json")
def test_scores_of_recorded_logits_are_the_originals() -> None:
    path = shared("golden", "pretrain", "decoding.json")
    for case in json.loads(path.read_text(encoding="utf-8"))["multiple_choice_scoring"]:
        for logits, target, mask, scores, best in zip(
            case["logits"], case["target"], case["logit_mask"], case["choice_scores"], case["predicted"], strict=True
        ):
            values = np.array(logits)
            log_probs = values - np.log(np.exp(values).sum(-1, keepdims=True))
            picked = np.take_along_axis(log_probs, np.array(target)[..., None], -1)[..., 0]
            mine = [
                answer_score(one[np.array(there) == 1].tolist(), case["length_penalty"])
                for one, there in zip(picked, mask, strict=True)
            ]
            assert mine == pytest.approx(scores, rel=1e-4)
            assert int(np.argmax(mine)) == best


def test_accuracy_counts_files_by_their_size(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", ROW)
    written(tmp_path / "b.jsonl", ROW, ROW, ROW)
    found = read(tmp_path)
    said = [Prediction(one, label="1" if n else "0", answers=(Answer("", "0", ()),)) for n, one in enumerate(found)]
    assert TASK.metrics["accuracy"](said) == 0.75
