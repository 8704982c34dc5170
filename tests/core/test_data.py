"""A data set's files: every error has its line, every file read has its hash."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from pathlib import Path

import pytest

from glm_core.data import DataDir, require
from glm_core.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fails(read, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(read)
    assert str(caught.value) == message


# ---- where files lie


def test_the_first_folder_that_has_a_file_wins_and_subfolders_are_looked_into(folder: Path) -> None:
    put(folder, "a/x.txt", "first")
    put(folder, "b/x.txt", "second")
    put(folder, "b/RTE/y.txt", "inner")
    data = DataDir(folder / "a", folder / "b", subfolders=("RTE", "CB"))
    assert data.text("x.txt") == "first" and data.text("y.txt") == "inner"
    assert data.has("x.txt") and not data.has("z.txt")


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_compressed_file_is_read_under_its_official_name(suffix, pack, folder: Path) -> None:
    put(folder, "a.jsonl" + suffix, pack(b'{"x": 1}\n'))
    data = DataDir(folder)
    assert list(data.jsonl("a.jsonl")) == [{"x": 1}] and data.has("a.jsonl")
    assert data.hashes[str(folder / ("a.jsonl" + suffix))] == hashlib.sha256(b'{"x": 1}\n').hexdigest()


def test_many_files_come_in_the_order_of_their_numbers(folder: Path) -> None:
    for name in ("train/high/10.txt", "train/high/9.txt", "train/middle/1.txt", "dev/high/1.txt", "train/high/x.json"):
        put(folder, name, "text")
    (folder / "train/high/11.txt").mkdir()
    data = DataDir(folder)
    assert data.has("train/*/*.txt") and not data.has("train/*/*.tsv")
    assert data.glob("train/*/*.txt") == ["train/high/9.txt", "train/high/10.txt", "train/middle/1.txt"]
    with pytest.raises(DataError) as caught:
        data.glob("test/*/*.txt")
    assert str(caught.value) == f"no files test/*/*.txt in {folder}"


def test_a_missing_file_is_told_with_what_is_there(folder: Path) -> None:
    put(folder, "train.json", "{}")
    with pytest.raises(DataError) as caught:
        DataDir(folder).find("train.jsonl")
    assert str(caught.value) == f"no file train.jsonl in {folder} (there: train.json); did you mean 'train.json'?"


@pytest.mark.parametrize(("name", "what"), [("gone", "does not exist"), ("file", "is a file, not a folder")])
def test_a_data_folder_has_to_be_one(name: str, what: str, folder: Path) -> None:
    put(folder, "file", "")
    with pytest.raises(DataError, match=what):
        DataDir(folder / name)


# ---- what is read


def test_rows_of_jsonl_pass_over_blank_lines_and_keep_unusual_line_ends_inside_strings(folder: Path) -> None:
    put(folder, "a.jsonl", '{"x": "a\u2028b"}\r\n\n  \n{"x": "\\ud83d\\ude42"}')
    assert list(DataDir(folder).jsonl("a.jsonl")) == [{"x": "a\u2028b"}, {"x": "🙂"}]


def test_a_byte_order_mark_is_not_text(folder: Path) -> None:
    put(folder, "a.txt", b"\xef\xbb\xbfhello")
    assert DataDir(folder).text("a.txt") == "hello"


def test_tsv_rows_are_mappings_and_quotes_are_ordinary(folder: Path) -> None:
    put(folder, "a.tsv", 'id\ttext\n1\t"open\n2\tb\tmore\n')
    assert list(DataDir(folder).tsv("a.tsv")) == [{"id": "1", "text": '"open'}, {"id": "2", "text": "b"}]
    put(folder, "b.tsv", "1\ta\n")
    assert list(DataDir(folder).tsv("b.tsv", header=False, columns=("id", "text"))) == [{"id": "1", "text": "a"}]
    assert list(DataDir(folder).tsv("b.tsv", header=False)) == [{"0": "1", "1": "a"}]


def test_csv_has_the_usual_quoting(folder: Path) -> None:
    put(folder, "a.csv", 'id,text\n1,"a, ""b"""\n')
    assert list(DataDir(folder).csv("a.csv")) == [{"id": "1", "text": 'a, "b"'}]


def test_json_lines_and_hashes(folder: Path) -> None:
    put(folder, "a.json", '{"x": [1]}')
    put(folder, "a.txt", "one\ntwo\n")
    data = DataDir(folder)
    assert data.json("a.json") == {"x": [1]} and list(data.lines("a.txt")) == ["one", "two"]
    assert set(data.hashes) == {str(folder / "a.json"), str(folder / "a.txt")}
    assert data.hashes[str(folder / "a.txt")] == hashlib.sha256(b"one\ntwo\n").hexdigest()


# ---- errors


def test_errors_name_file_and_line(folder: Path) -> None:
    data = DataDir(folder)
    bad = put(folder, "bad.jsonl", '{"x": 1}\n\n{"x": \n')
    with pytest.raises(DataError, match=rf"{bad}:3: this line is not JSON \(.*\); mend or remove it"):
        list(data.jsonl("bad.jsonl"))
    row = put(folder, "list.jsonl", "[1]\n")
    fails(data.jsonl("list.jsonl"), f"{row}:1: wants one JSON object per line, found list")
    short = put(folder, "short.tsv", "a\tb\n1\n")
    fails(data.tsv("short.tsv"), f"{short}:2: has 1 columns, wants 2 (a, b)")
    empty = put(folder, "empty.jsonl", " \n")
    fails(data.jsonl("empty.jsonl"), f"{empty}: the file is empty")
    latin = put(folder, "latin.txt", "ok\ncaf\xe9".encode("latin-1"))
    fails(data.lines("latin.txt"), f"{latin}:2: byte 6 is not UTF-8; save the file as UTF-8")
    cut = put(folder, "cut.txt.xz", lzma.compress(b"x" * 100)[:30])
    with pytest.raises(DataError, match=f"{cut}: cannot be read"):
        data.text("cut.txt")
    torn = put(folder, "torn.json", "{")
    with pytest.raises(DataError, match=rf"{torn}: not JSON .*the file may be cut off"):
        data.json("torn.json")


def test_a_reader_raises_at_the_row_that_was_read_last(folder: Path) -> None:
    path = put(folder, "a.jsonl", '{"x": 1}\n{"txt": 2}\n')
    data = DataDir(folder)
    rows = data.jsonl("a.jsonl")
    next(rows)
    row = next(rows)
    assert str(data.error("no good")) == f"{path}:2: no good"
    with pytest.raises(DataError) as caught:
        require(row, ["text"], data)
    assert str(caught.value) == f"{path}:2: no field 'text' (this row has txt); did you mean 'txt'?"
    assert (caught.value.file, caught.value.line) == (str(path), 2)
