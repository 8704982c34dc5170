"""`glm tokenizer train`: from text files to a vocabulary."""

import json
import lzma

from glm_core.cli.main import main
from glm_core.tokens import load_tokenizer
from tests.core.runs.small_corpus import sentences, write_texts


def test_text_becomes_a_vocabulary_with_the_masks_of_all_blanks(tmp_path, capsys):
    write_texts(tmp_path / "a.jsonl")
    assert main(["tokenizer", "train", str(tmp_path / "a.jsonl"), "--size", "300", "--out", str(tmp_path / "v")]) == 0
    said = capsys.readouterr().out
    assert "bert-wordpiece" in said and f"glm corpus build {tmp_path / 'a.jsonl'} --vocab" in said
    tokenizer = load_tokenizer(tmp_path / "v")
    assert [tokenizer.token(one) for one in tokenizer.encode("The fox").ids] == ["the", "fox"]
    assert tokenizer.special.document_mask is not None


def test_plain_and_compressed_text_and_prompts_are_read(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    with lzma.open(tmp_path / "in/a.txt.xz", "wt", encoding="utf-8") as file:
        file.write("\n".join(sentences(50, 1)))
    (tmp_path / "in/b.jsonl").write_text(json.dumps({"text": "zebra " * 9, "prompt": "quagga " * 9}) + "\n")
    words = ["tokenizer", "train", str(tmp_path / "in"), "--size", "300", "--out", str(tmp_path / "v"), "--json"]
    assert main([*words, "--cased", "--no-task-masks"]) == 0
    told = json.loads(capsys.readouterr().out)
    tokenizer = load_tokenizer(tmp_path / "v")
    assert told["fingerprint"] == tokenizer.fingerprint and told["tokens"] == tokenizer.n_tokens
    for word in ("zebra", "quagga", "moon"):
        assert len(tokenizer.encode(word).ids) == 1
    assert not tokenizer.options.lowercase and tokenizer.special.document_mask is None


def test_the_first_documents_are_enough_on_request(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("the pond froze\n" * 9 + "zebra\n" * 9)
    words = ["tokenizer", "train", str(tmp_path / "a.txt"), "--size", "300", "--out", str(tmp_path / "v")]
    assert main([*words, "--limit", "9"]) == 0
    tokenizer = load_tokenizer(tmp_path / "v")
    assert len(tokenizer.encode("froze").ids) == 1
    assert [tokenizer.token(one) for one in tokenizer.encode("zebra").ids] == ["[UNK]"]


def test_what_stands_in_the_way_is_told_in_one_line(tmp_path, capsys):
    write_texts(tmp_path / "a.jsonl", 5)
    words = ["tokenizer", "train", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "v")]
    (tmp_path / "v").mkdir()
    (tmp_path / "v/mine.txt").write_text("mine")
    for more, message in (
        ([], "is there already; choose another folder, or --overwrite to replace it"),
        (["--overwrite", "--size", "10"], "--size is at least 300; got 10"),
        (["--overwrite", "--limit", "0"], "--limit is at least 1; got 0"),
    ):
        assert main([*words, *more]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert (tmp_path / "v/mine.txt").read_text() == "mine"
