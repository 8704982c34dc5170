"""Rows by number: the same on any number of processes and from any step on."""

import json
import pickle
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import numpy as np
import pytest

from glm_core.errors import UsageError
from glm_core.pretrain_config import PretrainConfig
from glm_core.tokens.blanks import reconstruct
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.pretraining import RowMaker, item_rng, pretrain_rows, step_items
from glm_core.tokens.shards import build_shards
from tests.core.tokens.numbers_tokenizer import TOKENIZER, Numbers

CONFIG = PretrainConfig(sample_length=128, short_share=0.2, decoder_mask_ratio=0.1, single_span_share=0.1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(0)
    with (folder / "a.jsonl").open("w") as file:
        for i in range(200):
            text = " ".join(str(rng.randrange(1, 1000)) for _ in range(rng.choice([3, 20, 70, 300])))
            file.write(json.dumps({"text": text, "prompt": "5 6 7" if i % 5 == 0 else ""}) + "\n")
    return build_shards([folder / "a.jsonl"], TOKENIZER, folder / "out", shard_tokens=5000)


def facts(row):
    return [getattr(row, name).tolist() for name in ("ids", "positions", "branch", "segment", "targets", "target_mask")]


def rows_of(maker, indices):
    return [facts(maker[index]) for index in indices]


def test_a_row_is_a_function_of_seed_epoch_and_number(corpus):
    maker = RowMaker(corpus, CONFIG, TOKENIZER, seed=3)
    forward = rows_of(maker, range(40))
    fresh = RowMaker(corpus, CONFIG, TOKENIZER, seed=3)
    assert rows_of(fresh, reversed(range(40))) == forward[::-1]
    assert rows_of(RowMaker(corpus, CONFIG, TOKENIZER, seed=4), range(40)) != forward
    assert rows_of(RowMaker(corpus, CONFIG, TOKENIZER, seed=3, epoch=1), range(40)) != forward


def test_the_generator_of_a_row_is_what_it_always_was():
    assert item_rng(1, 0, 7).random() == random.Random("glm-core row 1 0 7").random()
    assert [item_rng(1, 0, 7).randrange(10**6), item_rng(1, 1, 7).randrange(10**6)] == [514203, 496895]


def test_a_maker_gives_the_same_rows_in_other_processes(corpus):
    maker = RowMaker(corpus, CONFIG, TOKENIZER, seed=3)
    here = rows_of(maker, range(24))
    for n in (1, 2):
        shares = [range(start, 24, n) for start in range(n)]
        with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as executor:
            parts = list(executor.map(rows_of, [maker] * n, shares))
        assert [parts[i % n][i // n] for i in range(24)] == here
    assert rows_of(pickle.loads(pickle.dumps(maker)), range(24)) == here


def test_a_resumed_run_goes_on_with_the_same_rows(corpus):
    told = {"seed": 3, "batch_size": 4}
    straight = [[facts(row) for row in step] for step in islice(pretrain_rows(corpus, CONFIG, TOKENIZER, **told), 6)]
    later = pretrain_rows(corpus, CONFIG, TOKENIZER, start_step=4, **told)
    assert [[facts(row) for row in step] for step in islice(later, 2)] == straight[4:]


def test_processes_share_the_rows_of_a_step(corpus):
    whole = next(pretrain_rows(corpus, CONFIG, TOKENIZER, seed=3, batch_size=4, start_step=2))
    found = []
    for rank in range(2):
        told = {"seed": 3, "batch_size": 4, "start_step": 2, "rank": rank, "world_size": 2}
        found += next(pretrain_rows(corpus, CONFIG, TOKENIZER, **told))
    assert [facts(row) for row in found] == [facts(row) for row in whole]


def test_every_step_takes_the_next_rows():
    taken = [i for step in range(5) for rank in range(3) for i in step_items(step, 6, rank=rank, world_size=3)]
    assert taken == list(range(30))


def test_a_batch_that_processes_cannot_share_is_refused(corpus):
    with pytest.raises(UsageError, match="batch of 4 cannot be shared by 3"):
        pretrain_rows(corpus, CONFIG, TOKENIZER, seed=1, batch_size=4, world_size=3)


def test_every_row_can_be_reconstructed_and_has_something_to_learn(corpus):
    maker = RowMaker(corpus, CONFIG, TOKENIZER, seed=9)
    shared = 0
    for index in range(150):
        row = maker[index]
        assert row.target_mask.any()
        n_segments = int(row.segment.max()) + 1
        shared += n_segments > 1
        for segment in range(n_segments):
            assert 2 <= len(reconstruct(row, TOKENIZER.special, segment=segment)) <= 128
    assert 5 < shared < 60


def test_levels_are_told_with_their_rows(corpus):
    maker = RowMaker(corpus, PretrainConfig(sample_length=64), TOKENIZER, seed=9)
    masks = {
        "token": TOKENIZER.special.mask,
        "sentence": TOKENIZER.special.sentence_mask,
        "document": TOKENIZER.special.document_mask,
    }
    seen = set()
    for index in range(40):
        level, row = maker.leveled(index)
        seen.add(level)
        assert masks[level] in row.ids and facts(row) == facts(maker[index])
    assert seen == set(masks)


def test_a_corpus_of_prompts_gives_rows_that_learn_nothing_rather_than_none(tmp_path):
    row = json.dumps({"prompt": " ".join(map(str, range(1, 400))), "text": "7"})
    (tmp_path / "a.jsonl").write_text(row + "\n")
    corpus = build_shards([tmp_path / "a.jsonl"], TOKENIZER, tmp_path / "out")
    config = PretrainConfig(sample_length=16, token_share=0, sentence_share=0, continuation_share=1, hard_start_share=1)
    for index in range(5):
        assert len(RowMaker(corpus, config, TOKENIZER, seed=1)[index]) > 2


def test_another_vocabulary_is_refused(corpus):
    with pytest.raises(UsageError, match="another vocabulary"):
        RowMaker(corpus, CONFIG, Numbers(2000), seed=1)


def test_development_rows_come_from_documents_that_training_never_sees(corpus):
    train, dev = corpus.split(0.1)
    texts = {tuple(document.ids.tolist()) for document in dev}
    for index in range(100):
        drawn = tuple(train.draw(item_rng(0, 0, index)).ids.tolist())
        assert drawn not in texts or len(drawn) < 10
    assert isinstance(RowMaker(dev, CONFIG, TOKENIZER, seed=1)[0].ids, np.ndarray)
    assert isinstance(dev, Corpus) and len(dev) == 20
