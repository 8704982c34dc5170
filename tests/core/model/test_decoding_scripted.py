"""What the original's programs wrote with models that are tables: every token fed, every hypothesis, every end."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
import torch

from glm_core.generation_config import GenerationConfig
from glm_core.model.beam_search import write_with_beams
from glm_core.model.beams import Pool
from glm_core.model.decoding import write
from glm_core.model.prompts import Marks, Prompt
from glm_core.model.reading import Fed
from tests.core.model.scripted import Scripted
from tests.shared_files import needs_shared, shared

PAD, SOP, EOP, MASK = 0, 1, 2, 3
pytestmark = needs_shared("golden", "pretrain", "decoding.json")


@functools.cache
def recorded(name: str) -> dict[str, Any]:
    path = shared("golden", "pretrain", f"{name}.json")
    return json.loads(path.read_text()) if path.exists() else {}


def cases(file: str, *names: str) -> list[Any]:
    found: Any = recorded(file)
    for name in names:
        found = found.get(name, {})
    return list(found or [])


@pytest.mark.parametrize("case", [one for one in cases("decoding", "beam_search") if "error" not in one])
def test_beam_search_over_a_table(case: dict[str, Any]) -> None:
    """rule: log-probabilities after k tokens are those of table[(k + 3 * row) % 8][last token or sop]."""
    table = torch.tensor(recorded("decoding")["tables"][case["table_index"]])
    options = case["options"]
    config = GenerationConfig(
        max_tokens=case["tgt_seq_length"],
        min_tokens=options["min_tgt_length"],
        no_repeat_ngram=options["no_repeat_ngram_size"],
        beams=options["num_beams"],
        length_penalty=options["length_penalty"],
        top_k=options.get("top_k", 0) if options["num_beams"] > 1 else 0,
        rules="seq2seq",
    )
    prompts = [Prompt([5, MASK], [1]), Prompt([5, MASK], [1])]
    reader = Scripted(lambda row, read: table[(len(read) - 3 + 3 * row) % 8][read[-1].id])
    found = write_with_beams(reader, prompts, Marks(SOP, {EOP}), config)
    for one, finalized, score, hypotheses in zip(
        found, case["finalized_tokens"], case["score"], case["hypotheses"], strict=True
    ):
        assert list(one.pieces[0]) == [id for id in finalized if id not in (PAD, EOP)]
        if options.get("top_k", 0) and options["num_beams"] == 1:
            continue  # a choice among one: we do not limit what is not drawn, so the sums differ
        assert one.kept[0][0].score == pytest.approx(score, abs=1e-5)
        want = sorted(hypotheses, key=lambda hypothesis: -hypothesis[0])
        assert [(list(kept.tokens), pytest.approx(kept.score, abs=1e-5)) for kept in one.kept[0]] == [
            (tokens, value) for value, tokens in want
        ]


def test_where_the_original_divides_by_zero_an_empty_answer_counts_as_one_token() -> None:
    """One beam, a length penalty, and the end at once."""
    failed = [one for one in cases("decoding", "beam_search") if "error" in one]
    assert failed
    for case in failed:
        table = torch.tensor(recorded("decoding")["tables"][case["table_index"]])
        config = GenerationConfig(max_tokens=8, length_penalty=0.7, rules="seq2seq")
        reader = Scripted(lambda row, read, table=table: table[len(read) - 3][read[-1].id])
        (found,) = write_with_beams(reader, [Prompt([5, MASK], [1])], Marks(SOP, {EOP}), config)
        assert found.pieces == ((),) and found.ended == (True,)


@pytest.mark.parametrize("case", cases("decoding", "blank_decoding", "cases"))
def test_several_blanks_under_one_budget(case: dict[str, Any]) -> None:
    """rule: scores after k tokens, [sop] of further blanks among them, are those of table[k % 8][last token]."""
    table = torch.tensor(case["table"])
    table = table[0] if table.ndim == 4 else table
    prompts = []
    for row in case["context"]:
        prompts.append(Prompt(row[:-1], [at for at, id in enumerate(row) if id == MASK]))
    length = len(prompts[0].ids) + 1
    config = GenerationConfig(
        max_tokens=12,
        max_total=case["tgt_seq_length"],
        no_repeat_ngram=case["no_repeat_ngram_size"],
        rules="seq2seq",
    )
    reader = Scripted(lambda row, read: table[(len(read) - length) % 8][read[-1].id])
    found = write(reader, prompts, Marks(SOP, {EOP}), config)
    told = []
    for prompt, one in zip(prompts, found, strict=True):
        pieces = iter(one.pieces)
        ids = [id for at, old in enumerate(prompt.ids) for id in (next(pieces) if at in prompt.blanks else [old])]
        told.append(" ".join(str(id) for id in ids if id != PAD))
    assert told == case["predictions"]


@pytest.mark.parametrize(
    "case", [one for one in cases("interactive", "scripted", "cases") if not one["no_block_position"]]
)
def test_interactive_writing_feeds_the_recorded_tokens_at_the_recorded_positions(case: dict[str, Any]) -> None:
    """rule: scores are those of table[T % 9][last], T tokens fed so far. The first [sop] goes in with Part A."""
    table, context = torch.tensor(case["table"]), case["context"]
    config = GenerationConfig(max_tokens=case["out_seq_length"], rules="interactive")
    reader = Scripted(lambda row, read: table[len(read) % 9][read[-1].id])
    marks = Marks(case["ids"]["sop"], {case["ids"]["eop"], case["ids"]["eos"]})
    (found,) = write(reader, [Prompt(context, case["mask_positions"])], marks, config)
    assert [*context, *(id for piece in found.pieces for id in (marks.sop, *piece))] == case["output_tokens"]
    fed = [
        Fed(id, where, inside)
        for call in case["calls"]
        for id, where, inside in zip(call["tokens"][0], *call["position_ids"][0], strict=True)
    ]
    assert [one for call in reader.calls for one in call[0]] == fed


@pytest.mark.parametrize("case", cases("decoding", "hypotheses"))
def test_the_pool_of_hypotheses(case: dict[str, Any]) -> None:
    pool = Pool(case["num_beams"], case["length_penalty"])
    for step in case["steps"]:
        pool.add((), step["sum_logprobs"], step["length"])
        assert sorted(one.score for one in pool.found) == pytest.approx(step["pool"], abs=1e-5)
        assert pool.worst == pytest.approx(step["worst"])
    for asked in case["is_done"]:
        assert pool.is_over(asked["best_sum_logprobs"], asked["cur_len"]) is asked["expect"]
