"""A vocabulary learnt from text: what is in it, that it is always the same, and what is refused."""

import pytest

from glm_core.errors import UsageError
from glm_core.tokens import load_tokenizer
from glm_core.tokens.train_vocabulary import train_vocabulary

TEXTS = ["The pond froze.", "The pond thawed, and the fox drank.", "Foxes drink; ponds freeze!"] * 20


def files(folder):
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def test_words_that_are_seen_often_become_one_piece_and_text_comes_back(tmp_path):
    tokenizer = train_vocabulary(TEXTS, tmp_path / "v")
    ids = tokenizer.encode("the pond froze").ids
    assert [tokenizer.token(one) for one in ids] == ["the", "pond", "froze"]
    assert tokenizer.decode(tokenizer.encode("the fox drank").ids).strip() == "the fox drank"
    assert load_tokenizer(tmp_path / "v").fingerprint == tokenizer.fingerprint


def test_special_tokens_stand_first_as_in_bert(tmp_path):
    train_vocabulary(TEXTS, tmp_path / "v")
    lines = (tmp_path / "v/vocab.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.mark.parametrize("kind", ["bert-wordpiece", "gpt2-bpe"])
def test_the_same_texts_give_the_same_files(tmp_path, kind):
    for name in ("one", "two"):
        train_vocabulary(iter(TEXTS), tmp_path / name, kind=kind, size=320)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_bytes_leave_nothing_unknown_and_keep_capitals(tmp_path):
    tokenizer = train_vocabulary(TEXTS, tmp_path / "v", kind="gpt2-bpe", size=300)
    text = "The Fox said: «žluťoučký kůň» 🦊"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_the_masks_of_sentences_and_documents_come_when_they_are_asked_for(tmp_path):
    with_them = train_vocabulary(TEXTS, tmp_path / "a", task_mask=True)
    without = train_vocabulary(TEXTS, tmp_path / "b")
    assert None not in (with_them.special.sentence_mask, with_them.special.document_mask)
    assert (without.special.sentence_mask, without.special.document_mask) == (None, None)
    assert with_them.n_text_tokens == without.n_text_tokens


def test_capitals_are_kept_on_request(tmp_path):
    cased = train_vocabulary(TEXTS, tmp_path / "v", lowercase=False)
    assert cased.token(cased.encode("The").ids[0]) == "The"


def test_the_size_is_an_upper_bound(tmp_path):
    many = [f"word{i} " * 3 for i in range(2000)]
    assert train_vocabulary(many, tmp_path / "v", size=400).n_text_tokens <= 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bert"}, r"--kind is one of bert-wordpiece, gpt2-bpe; got 'bert'"),
        ({"size": 299}, r"--size is at least 300; got 299"),
    ],
)
def test_what_cannot_be_learnt_is_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        train_vocabulary(TEXTS, tmp_path / "v", **options)
    assert not (tmp_path / "v").exists()


def test_texts_without_a_word_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no text to learn a vocabulary from"):
        train_vocabulary([" ", "\n"], tmp_path / "v")
    assert not (tmp_path / "v").exists()
