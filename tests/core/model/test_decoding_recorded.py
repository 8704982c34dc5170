"""What the original wrote with tiny models: the same ids, by our own reading of Part A and blanks."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from glm_core.generation_config import GenerationConfig
from glm_core.model.beam_search import write_with_beams
from glm_core.model.decoding import write
from glm_core.model.prompts import Marks, Prompt, Written
from glm_core.model.reading import Fed, GLMReader
from glm_core.tokens.row import Row
from tests.core.model.golden import LOGITS, arrays, folder, needs_golden, network, sizes

pytestmark = needs_golden
LETTERS = ["a", "b"]
GREEDY = (
    "greedy_mask",
    "greedy_two_masks",
    "greedy_gmask",
    "greedy_smask",
    "greedy_three_kinds",
    "greedy_no_mask_in_text_task_mask",
    "greedy_no_mask_in_text_plain",
    "greedy_task_mask_off_ignores_gmask",
    "greedy_memory_truncated",
)
BEAMS = ("beam3_mask", "beam3_mask_lp0.7", "beam2_two_masks_lp1", "beam4_gmask_lp0.7", "beam3_smask_short")
EVALUATED = (
    "beam1",
    "beam3_lp0.7",
    "beam3_lp1_min4_ngram2",
    "beam2_mask_pad_token",
    "beam2_cmrc_uses_MASK",
    "beam3_top_k4",
)


@functools.cache
def recorded(letter: str, file: str) -> dict[str, Any]:
    return json.loads((folder(letter) / file).read_text())


def interactive_prompt(letter: str, name: str) -> Prompt:
    case, special = recorded(letter, "generation.json")[name], sizes(letter)["special"]
    masks = {special["MASK"]}
    if case["options"]["task_mask"]:
        masks |= {special["sMASK"], special["gMASK"]}
    ids = case["context_ids"]
    return Prompt(ids, [at for at, id in enumerate(ids) if id in masks])


def interactive_config(letter: str, name: str) -> GenerationConfig:
    options = recorded(letter, "generation.json")[name]["options"]
    return GenerationConfig(
        max_tokens=options["out_seq_length"],
        beams=options["num_beams"],
        length_penalty=options["length_penalty"],
        memory=options["mem_length"],
        rules="interactive",
    )


def marks_of(letter: str, *, only_eop: bool = False) -> Marks:
    special = sizes(letter)["special"]
    return Marks(special["sop"], {special["eop"]} if only_eop else {special["eop"], special["eos"]})


class Remembering(GLMReader):
    """Keeps the scores of every call."""

    def start(self, rows: Sequence[Row]) -> Tensor:
        self.scores = [super().start(rows)]
        return self.scores[0]

    def read(self, fed: Sequence[Sequence[Fed]]) -> Tensor:
        self.scores.append(super().read(fed))
        return self.scores[-1]


def reader_of(letter: str, config: GenerationConfig) -> GLMReader:
    return GLMReader(network(letter), pad=sizes(letter)["special"]["pad"], memory=config.memory)


def shown(written: Written, sop: int) -> list[int]:
    """As the original shows it: every piece behind its [sop]."""
    return [id for piece in written.pieces for id in (sop, *piece)]


@pytest.mark.parametrize("name", GREEDY)
@pytest.mark.parametrize("letter", LETTERS)
def test_greedy_writing_gives_the_recorded_ids(letter: str, name: str) -> None:
    config, marks = interactive_config(letter, name), marks_of(letter)
    with torch.inference_mode():
        (written,) = write(reader_of(letter, config), [interactive_prompt(letter, name)], marks, config)
    assert shown(written, marks.sop) == recorded(letter, "generation.json")[name]["output_ids"]


@pytest.mark.parametrize("name", GREEDY)
@pytest.mark.parametrize("letter", LETTERS)
def test_the_scores_of_every_step_are_the_recorded_ones(letter: str, name: str) -> None:
    """Recorded: Part A alone, then a call for every [sop] and token. Ours reads the first [sop] with Part A."""
    config = interactive_config(letter, name)
    reader = Remembering(network(letter), pad=0, memory=config.memory)
    with torch.inference_mode():
        write(reader, [interactive_prompt(letter, name)], marks_of(letter), config)
    want = arrays(letter, "generation_traces.npz")[f"{name}.step_logits"][1:]
    torch.testing.assert_close(torch.cat(reader.scores), want, **LOGITS)


@pytest.mark.parametrize("name", BEAMS)
@pytest.mark.parametrize("letter", LETTERS)
def test_interactive_beams_give_the_recorded_ids_scores_and_hypotheses(letter: str, name: str) -> None:
    config, marks = interactive_config(letter, name), marks_of(letter)
    with torch.inference_mode():
        (written,) = write(reader_of(letter, config), [interactive_prompt(letter, name)], marks, config)
    case = recorded(letter, "generation.json")[name]
    assert shown(written, marks.sop) == case["output_ids"]
    for blank, kept in zip(case["beam"], written.kept, strict=True):
        want = sorted(blank["hyps"][0], key=lambda one: -one[0])
        assert [[marks.sop, *one.tokens] for one in kept] == [tokens for _, tokens in want]
        assert [one.score for one in kept] == pytest.approx([score for score, _ in want], abs=3e-5)


@pytest.mark.parametrize("letter", LETTERS)
def test_all_recorded_prompts_in_one_batch_give_the_same(letter: str) -> None:
    """Lengths, numbers of blanks and ends differ; rows leave the batch one by one."""
    names = [name for name in GREEDY if interactive_config(letter, name).memory > 20]
    config, marks = GenerationConfig(max_tokens=5, rules="interactive"), marks_of(letter)
    prompts = [interactive_prompt(letter, name) for name in names]
    with torch.inference_mode():
        together = write(reader_of(letter, config), prompts, marks, config)
        alone = [write(reader_of(letter, config), [one], marks, config)[0] for one in prompts]
    assert together == alone


# ---- the evaluator of seq2seq tasks


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("letter", LETTERS)
def test_the_evaluators_beams_give_the_recorded_ids_scores_and_hypotheses(letter: str, name: str) -> None:
    case, special = recorded(letter, "decoder_evaluater.json")[name], sizes(letter)["special"]
    options, hidden = case["options"], case["options"].get("mask_pad_token", False)
    prompts = []
    for row in case["inputs"]["text"]:
        part_a = row[:-1]  # padding is part of it, and looked at, unless it is hidden
        while hidden and part_a[-1] == special["pad"]:
            part_a = part_a[:-1]
        prompts.append(Prompt(part_a, [part_a.index(case["mask_id"])]))
    config = GenerationConfig(
        max_tokens=options["tgt_seq_length"],
        min_tokens=options.get("min_tgt_length", 0),
        no_repeat_ngram=options.get("no_repeat_ngram_size", 0),
        beams=options["num_beams"],
        length_penalty=options["length_penalty"],
        top_k=options.get("top_k", 0),
        rules="seq2seq",
    )
    marks = marks_of(letter, only_eop=True)
    with torch.inference_mode():
        written = write_with_beams(reader_of(letter, config), prompts, marks, config)
    drop = {special["eop"], special["pad"]}
    assert [[id for id in one.pieces[0] if id not in drop] for one in written] == case["predictions_ids"]
    for one, want, score in zip(written, case["hyps"], case["scores"], strict=True):
        want = sorted(want, key=lambda hypothesis: -hypothesis[0])
        assert [list(kept.tokens) for kept in one.kept[0]] == [tokens for _, tokens in want]
        assert [kept.score for kept in one.kept[0]] == pytest.approx([value for value, _ in want], abs=3e-5)
        assert one.kept[0][0].score == pytest.approx(score, abs=3e-5)


@pytest.mark.parametrize("beams", [0, 1])
@pytest.mark.parametrize("letter", LETTERS)
def test_blanks_written_one_after_the_other_under_one_budget_are_the_recorded_ones(letter: str, beams: int) -> None:
    case, special = recorded(letter, "decoder_evaluater.json")["blank_lm"], sizes(letter)["special"]
    config = GenerationConfig(max_tokens=12, max_total=case["options"]["tgt_seq_length"], rules="seq2seq")
    marks, prompts = marks_of(letter, only_eop=True), []
    for row in case["inputs"]["text"]:
        prompts.append(Prompt(row[:-1], [at for at, id in enumerate(row) if id == case["mask_id"]]))
    with torch.inference_mode():
        reader = reader_of(letter, config)
        written = (write_with_beams if beams else write)(reader, prompts, marks, config)
    filled = []
    for prompt, one in zip(prompts, written, strict=True):
        pieces = iter(one.pieces)
        ids = [id for at, old in enumerate(prompt.ids) for id in (next(pieces) if at in prompt.blanks else [old])]
        filled.append([id for id in ids if id != special["pad"]])
    assert filled == case["predictions_ids"]
