import hashlib
import json
import re

import pytest

from glm_core.errors import DataError, UsageError
from glm_core.tokens import load_tokenizer
from glm_core.tokens.libraries import byte_symbols
from glm_core.tokens.vocabulary import check_pieces, read_wordpiece
from tests.core.tokens.small_vocabularies import MERGES, WORDS, byte_pairs, sentencepiece, wordpiece
from tests.shared_files import needs_shared, shared

ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def refused(where, *said, error=UsageError, **options):
    with pytest.raises(error) as caught:
        load_tokenizer(where, **options)
    message = str(caught.value)
    assert "\n" not in message
    for one in said:
        assert one in message, message
    return caught.value


# ---- what lies there


def test_each_kind_is_recognised_by_its_files(tmp_path):
    assert load_tokenizer(wordpiece(tmp_path / "a")).kind == "bert-wordpiece"
    assert load_tokenizer(wordpiece(tmp_path / "b", name="bert-base-uncased-vocab.txt")).kind == "bert-wordpiece"
    assert load_tokenizer(byte_pairs(tmp_path / "c")).kind == "gpt2-bpe"
    assert load_tokenizer(byte_pairs(tmp_path / "d", prefix="gpt2-")).kind == "gpt2-bpe"
    assert load_tokenizer(byte_pairs(tmp_path / "e", extra=ROBERTA)).kind == "roberta-bpe"
    assert load_tokenizer(byte_pairs(tmp_path / "f", extra=ROBERTA, prefix="roberta-")).kind == "roberta-bpe"
    assert load_tokenizer(sentencepiece(tmp_path / "g")).kind == "chinese-sp"


def test_a_file_may_be_named_instead_of_its_folder(tmp_path):
    wordpiece(tmp_path)
    byte_pairs(tmp_path)
    sentencepiece(tmp_path, "spiece.model")
    assert load_tokenizer(tmp_path / "vocab.txt").kind == "bert-wordpiece"
    assert load_tokenizer(tmp_path / "vocab.json").kind == "gpt2-bpe"
    assert load_tokenizer(str(tmp_path / "merges.txt")).kind == "gpt2-bpe"
    assert load_tokenizer(tmp_path / "spiece.model").kind == "chinese-sp"


def test_defaults_are_those_of_the_published_checkpoints(tmp_path):
    bert = load_tokenizer(wordpiece(tmp_path / "bert"))
    roberta = load_tokenizer(byte_pairs(tmp_path / "roberta", extra=ROBERTA))
    assert bert.special.document_mask is roberta.special.document_mask is None
    assert load_tokenizer(byte_pairs(tmp_path / "gpt2")).special.document_mask == 267
    chinese = load_tokenizer(sentencepiece(tmp_path / "chinese"))
    assert chinese.special.document_mask == 39 and not chinese.special.collisions()


def test_robertas_ids_come_from_its_own_entries(tmp_path):
    mine = load_tokenizer(byte_pairs(tmp_path, extra=ROBERTA), task_mask=True, decoder_mask=True)
    special = mine.special
    assert (special.cls, special.pad, special.eos, special.sep, special.unk, special.mask) == (
        260,
        262,
        262,
        262,
        263,
        264,
    )
    assert (special.sop, special.eop, special.document_mask, special.sentence_mask) == (265, 266, 267, 268)
    assert special.decoder_block == 269
    assert special.collisions() == [(262, ("eos", "pad", "sep"))]
    assert mine.decode([262]) == "[SEP]"
    assert not {261, 264} & set(mine.encode("<pad> <mask>").ids)


def test_a_folder_with_several_kinds_says_what_to_pass(tmp_path):
    byte_pairs(wordpiece(tmp_path))
    refused(tmp_path, "several vocabularies", "vocab.txt (bert-wordpiece)", "kind=, one of bert-wordpiece, gpt2-bpe")
    assert load_tokenizer(tmp_path, kind="gpt2-bpe").kind == "gpt2-bpe"
    refused(tmp_path, "no vocabulary of kind chinese-sp there, only vocab.txt", kind="chinese-sp")
    refused(tmp_path, "unknown kind", "did you mean 'gpt2-bpe'?", kind="gpt-bpe")


def test_two_equal_files_are_one_vocabulary_and_two_different_ones_are_not(tmp_path):
    wordpiece(tmp_path, name="bert-base-uncased-vocab.txt")
    wordpiece(tmp_path, name="bert-large-uncased-vocab.txt")
    assert load_tokenizer(tmp_path).n_text_tokens == len(WORDS)
    wordpiece(tmp_path, [*WORDS, "x"], name="vocab.txt")
    refused(tmp_path, "pass the file", "vocab.txt")
    assert load_tokenizer(tmp_path / "vocab.txt").n_text_tokens == len(WORDS) + 1


def test_missing_files_are_named(tmp_path):
    refused(tmp_path / "nowhere", "no such file or folder", "cog-pretrain.model")
    refused(tmp_path, "no vocabulary there; wanted is vocab.txt")
    (byte_pairs(tmp_path, prefix="gpt2-") / "gpt2-merges.txt").unlink()
    refused(tmp_path, "gpt2-merges.txt: no such file")
    (byte_pairs(tmp_path / "other") / "vocab.json").unlink()
    refused(tmp_path / "other", "vocab.json: no such file")


def test_half_a_vocabulary_of_another_kind_does_not_disturb(tmp_path):
    (byte_pairs(wordpiece(tmp_path)) / "merges.txt").unlink()
    assert load_tokenizer(tmp_path, kind="bert-wordpiece").kind == "bert-wordpiece"


# ---- what is broken


def broken(path, content, *said, line=None):
    path.write_bytes(content)
    error = refused(path, *said, error=DataError)
    assert error.file == str(path) and error.line == line


def test_a_broken_wordpiece_file_is_refused_with_its_line(tmp_path):
    path = wordpiece(tmp_path) / "vocab.txt"
    broken(path, b"[PAD]\nthe\n\npond\n", "an empty line", line=3)
    broken(path, b"[PAD]\nthe\n[UNK]\nthe\n", "'the' is there already, in line 2", line=4)
    broken(path, b"[PAD]\nthe\n[UNK]\n[CLS]\n", "has no entry [SEP] [MASK]")
    broken(path, b"", "an empty line", line=1)
    broken(path, b"[PAD]\n\xff\xfe\n", "not UTF-8")


def test_a_published_wordpiece_file_that_is_cut_off_is_refused(tmp_path):
    whole = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*whole, *(f"w{i}" for i in range(30522 - len(whole)))]
    content = "".join(f"{word}\n" for word in words).encode()
    assert len(read_wordpiece(tmp_path, content)) == 30522
    broken(
        tmp_path / "vocab.txt",
        content[: len(content) // 2],
        "cut off",
        "lines of a published vocabulary of at least 30522",
    )
    broken(tmp_path / "vocab.txt", content[:-9], "cut off: 30521 lines")


def test_broken_entries_are_refused(tmp_path):
    path = byte_pairs(tmp_path) / "vocab.json"
    whole = path.read_bytes()
    broken(path, whole[:900], "not JSON, perhaps cut off", line=1)
    broken(path, b"[]", "one JSON object")
    broken(path, b'{"a": "b"}', "one JSON object")
    broken(path, b'{"a": 0, "b": 2}', "not 0 to 1")
    broken(path, b'{"a": 0, "b": 1}', "has no entry")
    named = byte_pairs(tmp_path / "named", prefix="roberta-") / "roberta-vocab.json"
    broken(named, named.read_bytes(), "has no entry <s> </s> <unk> <mask>")


def test_broken_merges_are_refused_with_their_line(tmp_path):
    byte_pairs(tmp_path)
    path = tmp_path / "merges.txt"
    broken(path, "#version: 0.2\nĠ t\nhe\n".encode(), "two pieces with a space between", line=3)
    broken(path, "#version: 0.2\nĠ x\n".encode(), "'Ġ x' uses a piece that is not in vocab.json", line=2)


def test_merges_that_are_cut_off_are_refused(tmp_path):
    merges = [f"{a} {b}" for a in "abcdefghij" for b in "abcdefghij"]
    load_tokenizer(byte_pairs(tmp_path, merges=merges))
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    broken(tmp_path / "merges.txt", "".join(lines[:20]).encode(), "cut off: its 19 merges leave 82 entries")


def test_a_sentencepiece_file_that_is_none_is_refused(tmp_path):
    path = sentencepiece(tmp_path) / "small.model"
    broken(path, b"not a model", "not a sentencepiece model, or cut off")
    with pytest.raises(DataError, match="49000 pieces instead of 50000"):
        check_pieces(tmp_path / "cog-pretrain.model", 49000)


@needs_shared("vocab", "cog-pretrain.model")
def test_the_published_chinese_model_cut_off_anywhere_is_refused(tmp_path):
    whole = shared("vocab", "cog-pretrain.model").read_bytes()
    for length in range(1000, len(whole), len(whole) // 7):
        (tmp_path / "cog-pretrain.model").write_bytes(whole[:length])
        refused(tmp_path, "cog-pretrain.model", error=DataError)


@needs_shared("vocab")
def test_the_published_files_together_ask_for_a_kind():
    refused(shared("vocab"), "several vocabularies", "bert-wordpiece, chinese-sp, gpt2-bpe, roberta-bpe")


# ---- saved and loaded


@pytest.mark.parametrize("make", [wordpiece, byte_pairs, sentencepiece])
def test_a_saved_tokenizer_is_the_same_when_loaded(tmp_path, make):
    first = load_tokenizer(make(tmp_path / "made"), task_mask=True, decoder_mask=True)
    first.save(tmp_path / "saved")
    again = load_tokenizer(tmp_path / "saved")
    assert again.fingerprint == first.fingerprint
    assert (again.kind, again.table, again.options, again.files) == (
        first.kind,
        first.table,
        first.options,
        first.files,
    )
    again.save(tmp_path / "twice")
    for path in (tmp_path / "saved").iterdir():
        assert (tmp_path / "twice" / path.name).read_bytes() == path.read_bytes()


def test_what_is_saved_can_be_read_by_people(tmp_path):
    load_tokenizer(wordpiece(tmp_path / "made"), sentinels=3, lowercase=False).save(tmp_path)
    told = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    sha256 = hashlib.sha256((tmp_path / "made" / "vocab.txt").read_bytes()).hexdigest()
    assert told["kind"] == "bert-wordpiece" and told["files"] == {"vocab.txt": sha256}
    assert told["options"] == {
        "task_mask": False,
        "decoder_mask": False,
        "fix_command_token": True,
        "sentinels": 3,
        "lowercase": False,
    }


def test_options_that_contradict_what_was_saved_are_refused(tmp_path):
    load_tokenizer(wordpiece(tmp_path / "made"), task_mask=True).save(tmp_path)
    assert load_tokenizer(tmp_path, task_mask=True, kind="bert-wordpiece").special.document_mask == 17
    refused(tmp_path, "was saved with task_mask=True, and task_mask=False would give other ids", task_mask=False)
    refused(tmp_path, "was saved with kind=bert-wordpiece", kind="gpt2-bpe")


def test_a_file_that_changed_after_saving_is_refused(tmp_path):
    load_tokenizer(wordpiece(tmp_path / "made")).save(tmp_path)
    with (tmp_path / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("more\n")
    refused(tmp_path, "vocab.txt: is not the file that was saved", error=DataError)
    (tmp_path / "vocab.txt").unlink()
    refused(tmp_path, "vocab.txt: cannot be read", error=DataError)


def test_a_broken_or_foreign_config_is_told_apart(tmp_path):
    load_tokenizer(wordpiece(tmp_path / "made")).save(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    told = json.loads(config.read_text(encoding="utf-8"))

    def rewritten(text, *said):
        config.write_text(text, encoding="utf-8")
        refused(tmp_path, "tokenizer_config.json", *said, error=DataError)

    rewritten('{"format": "glm-', "not JSON")
    rewritten(json.dumps({**told, "format": "glm-core tokenizer 9"}), "this version reads 'glm-core tokenizer 1'")
    rewritten(json.dumps({**told, "options": {"colour": "red"}}), "colour")
    rewritten(json.dumps({key: told[key] for key in told if key != "kind"}), "'kind'")
    rewritten(json.dumps({**told, "options": {**told["options"], "task_mask": True}}), "gives other ids")
    config.write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")  # another program's
    assert load_tokenizer(tmp_path).n_text_tokens == len(WORDS)


def test_files_cannot_be_smuggled_in_from_elsewhere(tmp_path):
    load_tokenizer(wordpiece(tmp_path / "made")).save(tmp_path / "saved")
    config = tmp_path / "saved" / "tokenizer_config.json"
    config.write_text(
        config.read_text(encoding="utf-8").replace('"vocab.txt"', '"../made/vocab.txt"'), encoding="utf-8"
    )
    refused(tmp_path / "saved", "tokenizer_config.json", error=DataError)


def test_the_alphabet_of_bytes_is_gpt2s():
    symbols = byte_symbols()
    assert sorted(symbols.values()) == list(range(256))
    assert (symbols["!"], symbols["é"], symbols["Ġ"], symbols["Ċ"], symbols["Ń"]) == (33, 233, 32, 10, 173)
    assert all(len(re.findall(r"\S", symbol)) == 1 for symbol in symbols)
    assert len(MERGES) == 4
