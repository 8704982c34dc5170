"""Samples equal to those of THUDM/GLM's data set: cutting, packing, short pieces, batches by step."""

import json

import pytest

from glm_core.tokens.corpus import Corpus
from glm_core.tokens.packing import Sample, draw_sample, original_short_pieces, right_strip
from glm_core.tokens.pretraining import step_items
from glm_core.tokens.shards import build_shards
from tests.core.tokens.numbers_tokenizer import Numbers
from tests.core.tokens.pretrain_golden import NumpyDraws, Scripted, golden, vocabulary
from tests.shared_files import needs_shared

pytestmark = needs_shared("golden", "pretrain", "dataset.json")
NAMES = ("bert", "gpt2")


@pytest.fixture(scope="module")
def told():
    return golden("dataset")


@pytest.fixture(scope="module", params=NAMES)
def case(request, told, tmp_path_factory):
    """The recorded corpora as token shards, and the vocabulary they were made with."""
    mine = told[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    for i, one in enumerate(mine["corpora"]):
        rows = [
            {"prompt": " ".join(map(str, prompt)), "text": " ".join(map(str, text))}
            for prompt, text in zip(one["prompts"], one["texts"], strict=True)
        ]
        (folder / f"{i}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        build_shards([folder / f"{i}.jsonl"], Numbers(60_000), folder / f"shards-{i}", shard_tokens=300)
    corpus = Corpus(*(folder / f"shards-{i}" for i in range(len(mine["corpora"]))))
    tokenizer, ends = vocabulary(request.param, {"add_task_mask": True})
    return mine, corpus, tokenizer.special, ends


def test_documents_are_the_recorded_ones(case):
    mine, corpus, _, _ = case
    assert [len(document.ids) for document in corpus] == mine["doc_lengths"]
    for document, one in zip(corpus, mine["documents"], strict=True):
        assert document.ids.tolist() == one["tokens"]
        assert document.n_prompt == one["loss_masks"].count(0)


def test_every_recorded_sample_is_drawn_again(case):
    mine, corpus, special, ends = case
    for run in mine["block_dataset"]:
        options = run["options"]
        for item in run["items"]:
            sample = draw_sample(
                corpus.draw,
                NumpyDraws(item["index"]),
                length=options["max_seq_len"],
                special=special,
                ends=ends,
                pack=options.get("sample_across_doc", True),
                hard_start_share=options.get("non_sentence_start", 0.0),
            )
            assert (sample.ids, sample.counts) == (item["text"], item["loss_mask"]), (options, item["index"])


def test_the_right_end_is_stripped_as_recorded(case):
    mine, _, _, ends = case
    for one in mine["right_strip_seq"]:
        tokens = one["tokens"]
        assert [ends.packing[id] for id in tokens] == one["sentence_end_flags"]
        stripped = right_strip(Sample(tokens, [1] * len(tokens)), one["seq_length"], ends.packing)
        assert stripped.ids == one["expect_tokens"]


def test_short_pieces_are_the_recorded_ones(case):
    mine, _, special, ends = case
    for one in mine["split_samples"]:
        rng = Scripted([one["target_length"], *one["start_draws"]])
        found = original_short_pieces(
            [Sample(one["text"], one["loss_mask"])],
            rng,
            length=one["max_seq_length"],
            special=special,
            ends=ends.objective,
        )
        assert [(piece.ids, piece.counts) for piece in found] == [(e["text"], e["loss_mask"]) for e in one["expect"]]


def test_processes_take_the_recorded_numbers(told):
    for one in told["distributed_batch_sampler"]:
        first = one["start_iter"] * one["grad_accum"]
        size, rank, world = one["global_batch"], one["rank"], one["world_size"]
        found = [list(step_items(first + i, size, rank=rank, world_size=world)) for i in range(4)]
        n = min(len(one["first_batches"]), 4)
        assert found[:n] == one["first_batches"][:n]
