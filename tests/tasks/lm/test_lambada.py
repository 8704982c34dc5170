"""LAMBADA: its reader, and the recorded rows of the original in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from glm_core import DataError, Example
from glm_core.tokens import Tokenizer
from glm_core.tokens.encode import Instance, encode
from glm_core.tokens.row import unpack
from glm_core.tokens.windows import encode_windows
from glm_tasks.lm import lambada
from tests.core.tokens.pretrain_golden import golden, vocabulary
from tests.shared_files import needs_shared, shared

TASK = lambada.task
recorded = [needs_shared("golden", "pretrain", "lambada.json"), needs_shared("data", "lm", "lambada")]


def read(folder: Path) -> list[Example]:
    return TASK.read(TASK.processor.open(folder), "test")


def test_the_last_word_is_the_target(tmp_path: Path) -> None:
    (tmp_path / "lambada_test.jsonl").write_text('{"text": "He said no.\\n\\nShe said no"}\n')
    (found,) = read(tmp_path)
    assert (found.uid, found["context"], found.target) == ("test-0", "He said no.\n\nShe said", "no")
    cloze = TASK.cloze(found)
    assert str(cloze) == "He said no.\n\nShe said[gMASK]"
    assert (cloze.answers, cloze.edges.end, cloze.edges.eos) == ((" no",), "none", "always")


def test_a_passage_of_one_word_is_told(tmp_path: Path) -> None:
    (tmp_path / "lambada_test.jsonl").write_text('{"text": "a b"}\n{"text": "alone"}\n')
    with pytest.raises(DataError, match=r'lambada_test\.jsonl:2: wants "text": "…" of two words or more'):
        read(tmp_path)


@needs_shared("data", "lm", "lambada")
def test_the_test_set_has_5153_passages() -> None:
    found = read(shared("data", "lm"))
    assert len(found) == 5153
    for one in found[:200]:
        assert " ".join(f"{one['context']} {one.target}".split()).endswith(f" {one.target}")


def cases() -> list[dict[str, Any]]:
    return golden("lambada")["cases"] if shared("golden", "pretrain", "lambada.json").exists() else []


def rows_of(example: Example, tokenizer: Tokenizer, case: Mapping[str, Any]) -> Iterator[Instance]:
    masks = frozenset(("[MASK]", "[sMASK]", "[gMASK]") if case.get("task_mask") else ("[MASK]",))
    cloze = TASK.cloze(example)
    if case["unidirectional"]:
        yield from encode_windows(cloze, tokenizer, max_length=case["seq_length"], direction="uni", masks=masks)
    else:
        yield encode(cloze, tokenizer, max_length=case["seq_length"], masks=masks)
        # a whole row through the windows is the same row
        yield from encode_windows(cloze, tokenizer, max_length=case["seq_length"], masks=masks)


@pytest.mark.parametrize(
    "case", cases(), ids=lambda one: f"{one['tokenizer']}-{'uni' if one['unidirectional'] else 'bi'}"
)
@needs_shared("data", "lm", "lambada")
def test_rows_are_the_originals(case: dict[str, Any]) -> None:
    tokenizer, _ = vocabulary(case["tokenizer"], case["tokenizer_options"])
    examples = read(shared("data", "lm", "lambada"))
    n_targets = 0
    for told in case["items"]:
        for instance in rows_of(examples[told["line"]], tokenizer, case):
            (row,) = unpack(instance.row)
            n = told["used_length"]
            assert (len(row.ids), row.sep) == (n, told["sep"])
            assert row.ids.tolist() == told["text"][:n]
            assert row.positions.tolist() == [one[:n] for one in told["position_id"]]
            mask = told["loss_mask"][:n]
            assert row.target_mask.tolist() == mask
            assert row.targets.tolist() == [target * one for target, one in zip(told["target"], mask, strict=False)]
        n_targets += sum(mask)
    assert n_targets == case["label_tokens"]


@needs_shared("golden", "pretrain", "lambada.json")
@needs_shared("data", "lm", "lambada")
def test_a_long_context_loses_its_beginning_as_in_the_original() -> None:
    tokenizer, _ = vocabulary("bert", {})
    examples = read(shared("data", "lm", "lambada"))
    (case,) = golden("lambada")["long_context"]
    for told in case["items"]:
        for instance in rows_of(examples[told["line"]], tokenizer, case):
            (row,) = unpack(instance.row)
            assert row.ids.tolist() == told["text"]
            assert row.positions.tolist() == told["position_id"]
            assert row.target_mask.tolist() == told["loss_mask"]
            assert row.sep == told["attention_mask"]
            assert instance.cut["context"] > 0


def test_a_long_context_keeps_its_mask_from_left_to_right(tmp_path: Path) -> None:
    (tmp_path / "lambada_test.jsonl").write_text(json.dumps({"text": "a b c d e f g h i j k"}))
    from tests.core.tokens.letters import DOCUMENT, Letters

    (instance,) = encode_windows(TASK.cloze(read(tmp_path)[0]), Letters(), max_length=12, direction="uni")
    assert len(instance.row) == 12
    assert instance.row.ids[2] == DOCUMENT
