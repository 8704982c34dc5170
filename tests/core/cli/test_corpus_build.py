"""`glm corpus build` and `glm corpus info`."""

import json

import pytest

from glm_core.cli.main import main
from glm_core.tokens.corpus import Corpus
from tests.core.runs.small_corpus import sentences, write_texts
from tests.core.tokens.small_vocabularies import wordpiece


@pytest.fixture
def built(tmp_path):
    """Text, a vocabulary, and the words of a command that builds a corpus from them."""
    write_texts(tmp_path / "a.jsonl", 30)
    wordpiece(tmp_path / "v", ("[UNK]", "[SEP]", "[CLS]", "[PAD]", "[MASK]", ".", "the", "fox", "saw", "moon"))
    return ["corpus", "build", str(tmp_path / "a.jsonl"), "--vocab", str(tmp_path / "v"), "--out", str(tmp_path / "c")]


def test_text_becomes_a_corpus_and_its_facts_are_told(built, tmp_path, capsys):
    assert main(built) == 0
    said = capsys.readouterr().out
    corpus = Corpus(tmp_path / "c")
    assert len(corpus) == 30
    assert f"{corpus.n_tokens:,} in 1 shards" in said and "a.jsonl" in said
    assert "glm pretrain" in said


def test_the_same_command_again_finds_it_done(built, tmp_path):
    assert main(built) == 0
    before = (tmp_path / "c/00000/tokens.bin").stat().st_mtime_ns
    assert main(built) == 0
    assert (tmp_path / "c/00000/tokens.bin").stat().st_mtime_ns == before


def test_info_is_a_table_or_json_and_verifies_on_request(built, tmp_path, capsys):
    assert main(built) == 0
    capsys.readouterr()
    assert main(["corpus", "info", str(tmp_path / "c"), "--verify", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["documents"], told["sources"], told["broken"], told["verified"]) == (30, ["a.jsonl"], 0, True)
    tokens = tmp_path / "c/00000/tokens.bin"
    content = bytearray(tokens.read_bytes())
    content[0] ^= 1
    tokens.write_bytes(content)
    assert main(["corpus", "info", str(tmp_path / "c")]) == 0
    assert main(["corpus", "info", str(tmp_path / "c"), "--verify"]) == 2
    assert "is not as it was written" in capsys.readouterr().err


def test_broken_lines_end_the_build_or_are_named(built, tmp_path, capsys):
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("not json\n")
    assert main(built) == 2
    assert "a.jsonl:31: this line is not JSON" in capsys.readouterr().err
    assert main([*built, "--skip-broken"]) == 0
    said = capsys.readouterr().out
    assert "1 lines were passed over" in said and "a.jsonl:31" in said


def test_plain_text_is_cut_as_asked(built, tmp_path, capsys):
    (tmp_path / "b.txt").write_text("\n".join(sentences(3, 1)) + "\n\n" + sentences(1, 2)[0] + "\n")
    for plain, n in (("line", 4), ("paragraph", 2), ("file", 1)):
        out = tmp_path / plain
        assert main(["corpus", "build", str(tmp_path / "b.txt"), *built[3:5], "--out", str(out), "--plain", plain]) == 0
        assert len(Corpus(out)) == n


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "a.jsonl", "--out", "c"], "which vocabulary? give its folder with --vocab"),
        (["build", "a.jsonl", "--vocab", "v"], "--out is missing"),
        (["info", "c", "--out", "d"], "glm corpus info takes folders and --verify only"),
        (["info", "nowhere"], "no corpus lies here"),
        (["show", "c"], "invalid choice: 'show'"),
    ],
)
def test_what_is_missing_is_told_in_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["corpus", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
