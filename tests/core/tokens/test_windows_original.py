"""Every window that the original was recorded to make of long texts, and the perplexities it computed over them.

The texts are LAMBADA's, joined by line numbers that the record names. The original's `--overlapping-eval` counts the tokens
that a window adds; our overlap counts those that it shares.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
import pytest

from glm_core.parts import DOCUMENT_BLANK
from glm_core.pvp import Cloze, Edges
from glm_core.tokens import Tokenizer
from glm_core.tokens.encode import Instance
from glm_core.tokens.row import unpack
from glm_core.tokens.windows import encode_windows
from tests.core.tokens.pretrain_golden import golden, vocabulary
from tests.shared_files import needs_shared, shared

pytestmark = [
    needs_shared("golden", "pretrain", "language_model.json"),
    needs_shared("data", "lm", "lambada", "lambada_test.jsonl"),
]


def documents() -> list[str]:
    """The texts of the record, rebuilt from LAMBADA's lines and compared with their hashes."""
    told = golden("language_model")["documents"]
    lines = shared("data", "lm", "lambada", "lambada_test.jsonl").read_text(encoding="utf-8").splitlines()
    made = [" ".join(json.loads(lines[at])["text"].replace("\n", " ") for at in some).strip() for some in told["lines"]]
    assert [hashlib.sha256(one.encode("utf-8")).hexdigest() for one in made] == told["sha256"]
    return made


def cases() -> list[dict[str, Any]]:
    if not shared("golden", "pretrain", "language_model.json").exists():
        return []
    return [one for one in golden("language_model")["cases"] if one["task"] == "language_model"]


def rows_of(case: dict[str, Any], tokenizer: Tokenizer, text: str) -> list[Instance]:
    """Our rows of a text, with the original's lengths."""
    width = case["args"]["seq_length"] - 1
    adds = case["args"].get("overlapping_eval", 32)
    return encode_windows(
        Cloze("u", (DOCUMENT_BLANK,), (text,), ("0",), edges=Edges(end="none", eos="never")),
        tokenizer,
        max_length=width + 2,
        overlap=float(width - adds),
        direction="uni" if case["args"].get("unidirectional") else "bi",
        masks=frozenset(("[MASK]", "[sMASK]", "[gMASK]") if case["args"].get("task_mask") else ("[MASK]",)),
    )


def loss_of(instance: Instance, n_vocabulary: int) -> float:
    """The negative log-probability of what a row weighs under the record's model, whose logits are hashes."""
    row = instance.row
    at = np.flatnonzero(row.target_mask)
    inputs = row.ids[at] * 40503 + row.positions[0, at] * 97 + row.positions[1, at] * 131
    words = np.arange(n_vocabulary, dtype=np.int64) * 2654435761
    logits = (((words[None] + inputs[:, None]) % 1000) / 250).astype(np.float32).astype(np.float64)
    return float((np.log(np.exp(logits).sum(1)) - logits[np.arange(len(at)), row.targets[at]]).sum())


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['tokenizer']}-{case['args']}")
def test_the_windows_of_long_texts_are_the_originals(case: dict[str, Any]) -> None:
    tokenizer, _ = vocabulary(case["tokenizer"], case["tokenizer_options"])
    texts = documents()
    assert [len(tokenizer.encode(one).ids) for one in texts] == case["documents_tokens"]
    made = [rows_of(case, tokenizer, one) for one in texts]
    assert [len(one) for one in made] == case["num_sequences"]
    flat = [one for some in made for one in some]
    assert sum(int(one.row.target_mask.sum()) for one in flat) == case["scored_tokens"]
    told = case["items"]
    mine = flat if "items_stored" not in case else [*flat[:2], *flat[-3:]]
    assert len(mine) == len(told)
    for instance, other in zip(mine, told, strict=True):
        (row,) = unpack(instance.row)
        n = len(row.ids)
        assert row.sep == other["sep"]
        for own, name in ((row.ids, "text"), (row.targets * row.target_mask, "target"), (row.target_mask, "loss_mask")):
            recorded = np.array(other[name])
            if name == "target":  # what is given has targets there that do not count
                recorded = recorded * np.array(other["loss_mask"])
            assert own.tolist() == recorded[:n].tolist(), name
        assert row.positions.tolist() == [one[:n] for one in other["position_id"]]
        assert not any(other["loss_mask"][n:])
    scores = case["synthetic_model_scores"]
    loss = math.fsum(loss_of(one, case["synthetic_model_vocab"]) for one in flat)
    tokens, words = case["num_tokenized_tokens"] - 1, case["num_original_tokens"] - 1
    assert words == sum(len(one.split(" ")) for one in texts) - 1
    assert loss / tokens == pytest.approx(scores["avg loss"], rel=1e-4)
    assert math.exp(loss / tokens) == pytest.approx(scores["ppl"], rel=1e-3)
    assert math.exp(loss / words) == pytest.approx(scores["adjusted ppl"], rel=1e-3)
