"""Token shards read in place: documents, parts, drawing, and what is said when a file is not what it was."""

import json
import pickle
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glm_core.errors import DataError, UsageError
from glm_core.tokens.corpus import Corpus, same_vocabulary, vocabulary_card
from glm_core.tokens.shards import build_shards
from tests.core.tokens.numbers_tokenizer import TOKENIZER, Numbers
from tests.core.tokens.small_vocabularies import byte_pairs

TEXTS = [" ".join(str(i + 1) for _ in range(1 + i % 7)) for i in range(100)]
"""A hundred documents of one to seven tokens; those of document i are all i + 1."""


def write(folder, texts, **told):
    folder.mkdir(exist_ok=True)
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return build_shards([folder / "a.jsonl"], TOKENIZER, folder / "out", shard_tokens=50, **told)


@pytest.fixture
def corpus(tmp_path):
    return write(tmp_path, TEXTS)


def ids(document):
    return document.ids.tolist()


def test_documents_come_back_in_order_and_by_number(corpus):
    wanted = [list(map(int, text.split())) for text in TEXTS]
    assert [ids(document) for document in corpus] == wanted
    assert [ids(corpus[i]) for i in range(100)] == wanted
    assert (len(corpus), corpus.n_tokens) == (100, sum(map(len, wanted)))
    with pytest.raises(IndexError):
        corpus[100]


def test_a_corpus_is_several_shards_of_the_told_size(corpus, tmp_path):
    told = json.loads((tmp_path / "out" / "corpus.json").read_text())
    sizes = [shard["n_tokens"] for shard in told["shards"]]
    assert len(sizes) == 8 and all(50 <= size < 57 for size in sizes[:-1])
    assert told["dtype"] == "uint16" and (tmp_path / "out/00000/tokens.bin").stat().st_size == 2 * sizes[0]


def test_documents_are_drawn_in_proportion_to_their_tokens(corpus):
    rng = random.Random(5)
    drawn = Counter(ids(corpus.draw(rng))[0] - 1 for _ in range(20_000))
    for length in range(1, 8):
        share = sum(n for i, n in drawn.items() if 1 + i % 7 == length) / 20_000
        wanted = length * sum(1 for i in range(100) if 1 + i % 7 == length) / corpus.n_tokens
        assert share == pytest.approx(wanted, abs=0.015)


def test_weights_say_how_often_each_corpus_is_drawn_from(tmp_path):
    write(tmp_path / "one", ["1"] * 5)
    write(tmp_path / "two", ["2 2 2"] * 50)
    both = Corpus(tmp_path / "one" / "out", tmp_path / "two" / "out", weights=[3, 1])
    drawn = Counter(ids(both.draw(random.Random(i)))[0] for i in range(2000))
    assert drawn[1] == pytest.approx(1500, abs=80)
    plain = Corpus(tmp_path / "one" / "out", tmp_path / "two" / "out")
    drawn = Counter(ids(plain.draw(random.Random(i)))[0] for i in range(2000))
    assert drawn[1] == pytest.approx(2000 * 5 / 155, abs=40)
    none = Corpus(tmp_path / "one" / "out", tmp_path / "two" / "out", weights=[1, 0])
    assert {ids(none.draw(random.Random(i)))[0] for i in range(200)} == {1}
    assert len(both) == 55 and ids(both[54]) == [2, 2, 2]


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [-1, 2], [0, 0], [float("nan"), 1]])
def test_impossible_weights_are_refused(tmp_path, weights):
    write(tmp_path, ["1"])
    with pytest.raises(UsageError, match="weights"):
        Corpus(tmp_path / "out", tmp_path / "out", weights=weights)


# ---- two parts


def test_parts_share_no_document_and_miss_none(corpus):
    train, dev = corpus.split(0.1)
    assert (len(train), len(dev)) == (90, 10)
    first = [ids(train[i])[0] for i in range(90)]
    second = [ids(dev[i])[0] for i in range(10)]
    assert sorted(first + second) == list(range(1, 101))
    assert sorted(first) == [ids(document)[0] for document in train]
    assert sorted(second) == [ids(document)[0] for document in dev]
    assert {ids(dev.draw(random.Random(i)))[0] for i in range(300)} == set(second)
    assert not {ids(train.draw(random.Random(i)))[0] for i in range(300)} & set(second)


def test_the_split_is_always_the_same_and_spread_over_the_corpus(corpus, tmp_path):
    _, dev = corpus.split(0.1)
    numbers = sorted(ids(document)[0] - 1 for document in dev)
    again = Corpus(tmp_path / "out").split(0.1)[1]
    assert numbers == sorted(ids(document)[0] - 1 for document in again)
    gaps = np.diff([*numbers, numbers[0] + 100])
    assert gaps.min() >= 5 and gaps.max() <= 20


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 60), st.floats(0.001, 0.999))
def test_both_parts_have_a_document_however_small_the_corpus(tmp_path_factory, n, share):
    folder = tmp_path_factory.mktemp("small")
    train, dev = write(folder, [str(i + 1) for i in range(n)]).split(share)
    assert len(train) >= 1 and len(dev) >= 1 and len(train) + len(dev) == n
    assert len({ids(document)[0] for part in (train, dev) for document in part}) == n
    assert ids(dev.draw(random.Random(1)))[0] in {ids(document)[0] for document in dev}


def test_a_part_too_small_to_be_hit_is_drawn_from_all_the_same(tmp_path):
    corpus = write(tmp_path, ["7", *[" ".join(["1"] * 5000)] * 30])
    _, dev = corpus.split(0.03)
    assert [ids(document) for document in dev] == [[7]]
    assert ids(dev.draw(random.Random(1))) == [7]


def test_what_cannot_be_split_is_refused(corpus, tmp_path):
    for share in (0, 1, -0.5):
        with pytest.raises(UsageError, match="between 0 and 1"):
            corpus.split(share)
    with pytest.raises(UsageError, match="a part already"):
        corpus.split(0.5)[0].split(0.5)
    with pytest.raises(UsageError, match="one document only"):
        write(tmp_path / "one", ["1 2 3"]).split(0.5)


def test_a_corpus_travels_to_other_processes(corpus):
    train, _ = corpus.split(0.2)
    copy = pickle.loads(pickle.dumps(train))
    assert [ids(copy[i]) for i in range(80)] == [ids(train[i]) for i in range(80)]
    assert len(pickle.dumps(train)) < 10_000


def test_more_shards_than_may_be_mapped_at_once_are_read_all_the_same(tmp_path):
    texts = [" ".join([str(i % 900 + 1)] * 50) for i in range(70)]
    corpus = write(tmp_path, texts)
    rng = random.Random(2)
    for _ in range(300):
        i = rng.randrange(70)
        assert ids(corpus[i]) == [i % 900 + 1] * 50
    assert len(corpus._folders[0].shards) == 70 and len(corpus._folders[0]._mapped) <= 64


# ---- damage


def test_a_shard_that_was_cut_off_is_noticed_when_opened(corpus, tmp_path):
    file = tmp_path / "out/00001/tokens.bin"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(DataError, match=r"00001/tokens\.bin: has \d+ bytes, and \d+ were written"):
        Corpus(tmp_path / "out")


def test_a_shard_that_was_cut_off_later_is_noticed_when_read(corpus, tmp_path):
    file = tmp_path / "out/00001/documents.bin"
    file.write_bytes(b"")
    with pytest.raises(DataError, match=r"documents\.bin: has 0 bytes"):
        list(corpus)


def test_a_missing_shard_is_named(corpus, tmp_path):
    (tmp_path / "out/00002/tokens.bin").unlink()
    with pytest.raises(DataError, match=r"00002/tokens\.bin: is missing"):
        Corpus(tmp_path / "out")


@pytest.mark.parametrize("name", ["tokens.bin", "documents.bin"])
def test_a_changed_shard_is_named_when_verified(corpus, tmp_path, name):
    corpus.verify()
    file = tmp_path / "out/00003" / name
    content = bytearray(file.read_bytes())
    content[5] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"00003/{name}: is not as it was written"):
        corpus.verify()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": "glm-core corpus 1", "shards"', "perhaps cut off"),
        ('{"format": "something else"}', "this version reads"),
        ("[]", "this version reads"),
        ('{"format": "glm-core corpus 1"}', "lacks something"),
    ],
)
def test_a_broken_index_is_named(corpus, tmp_path, content, message):
    (tmp_path / "out/corpus.json").write_text(content)
    with pytest.raises(DataError, match=rf"corpus\.json: .*{message}"):
        Corpus(tmp_path / "out")


def test_a_folder_without_a_corpus_says_what_to_do(tmp_path, corpus):
    with pytest.raises(DataError, match="build it first"):
        Corpus(tmp_path)
    (tmp_path / "out/corpus.json").unlink()
    with pytest.raises(DataError, match="run the same build again"):
        Corpus(tmp_path / "out")
    with pytest.raises(UsageError, match="no corpus was given"):
        Corpus()


# ---- vocabularies


def test_another_vocabulary_is_refused(corpus, tmp_path):
    corpus.check(Numbers())
    with pytest.raises(UsageError, match=r"another vocabulary \(numbers of 1000 tokens"):
        corpus.check(Numbers(2000))
    (tmp_path / "b.txt").write_text("1 2\n")
    build_shards([tmp_path / "b.txt"], Numbers(2000), tmp_path / "other")
    with pytest.raises(UsageError, match="made with different vocabularies"):
        Corpus(tmp_path / "out", tmp_path / "other")


def test_special_tokens_do_not_matter_to_a_corpus_made_from_vocabulary_files(tmp_path):
    from glm_core.tokens import load_tokenizer

    folder = byte_pairs(tmp_path / "vocabulary")
    one, other = (load_tokenizer(folder, kind="gpt2-bpe", decoder_mask=mask) for mask in (False, True))
    assert one.fingerprint != other.fingerprint
    assert same_vocabulary(vocabulary_card(one), vocabulary_card(other))
    more = load_tokenizer(byte_pairs(tmp_path / "more", merges=("Ġ t", "h e")), kind="gpt2-bpe")
    assert not same_vocabulary(vocabulary_card(one), vocabulary_card(more))
