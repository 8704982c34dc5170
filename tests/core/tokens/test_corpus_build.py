"""From text files to shards: order, resume, broken lines, compressed files, memory."""

import bz2
import gzip
import json
import lzma
import shutil
import sys
import tracemalloc

import pytest

from glm_core.errors import DataError, UsageError
from glm_core.tokens import load_tokenizer
from glm_core.tokens.corpus import Corpus
from glm_core.tokens.shards import build_shards
from glm_core.tokens.sources import TextDocument, find_sources
from tests.core.tokens.numbers_tokenizer import TOKENIZER, Numbers
from tests.core.tokens.small_vocabularies import byte_pairs

LINES = [json.dumps({"text": " ".join([str(i + 1)] * (1 + i % 5))}) for i in range(60)]


def jsonl(folder, lines=LINES, name="a.jsonl"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return folder / name


def build(sources, out, tokenizer=TOKENIZER, **told):
    return build_shards(sources if isinstance(sources, list) else [sources], tokenizer, out, **told)


def texts(corpus):
    return [" ".join(map(str, document.ids.tolist())) for document in corpus]


def files_of(folder):
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file() and one.name != "plan.json"
    }


def title_and_text(row):
    """A reader of one's own: an empty title is no document, several texts are several."""
    return [TextDocument(text, row["title"]) for text in row["texts"] if row["title"]]


# ---- what becomes of text


def test_rows_become_documents_with_their_prompts(tmp_path):
    corpus = build(
        jsonl(tmp_path, ['{"text": "1 2", "prompt": "3"}', "", '{"text": "4", "prompt": null}']), tmp_path / "o"
    )
    assert [(document.ids.tolist(), document.n_prompt) for document in corpus] == [([3, 1, 2], 1), ([4], 0)]


def test_documents_without_a_token_are_counted_and_left_out(tmp_path):
    corpus = build(jsonl(tmp_path, ['{"text": " "}', '{"text": "1"}', '{"text": "", "prompt": "2"}']), tmp_path / "o")
    assert texts(corpus) == ["1"]
    assert json.loads((tmp_path / "o/corpus.json").read_text())["n_empty"] == 2


def test_a_reader_of_ones_own_decides_what_a_row_holds(tmp_path):
    rows = [{"title": "7", "texts": ["1", "2 2"]}, {"title": "", "texts": ["3"]}, {"title": "8", "texts": []}]
    corpus = build(jsonl(tmp_path, map(json.dumps, rows)), tmp_path / "o", reader=title_and_text)
    assert [(document.ids.tolist(), document.n_prompt) for document in corpus] == [([7, 1], 1), ([7, 2, 2], 1)]
    with pytest.raises(DataError, match=r"a\.jsonl:2: this row has no field 'title'"):
        build(jsonl(tmp_path, [json.dumps(rows[0]), '{"texts": ["1"]}']), tmp_path / "p", reader=title_and_text)


@pytest.mark.parametrize(
    ("plain", "wanted"),
    [("line", ["1 2", "3", "4"]), ("paragraph", ["1 2 3", "4"]), ("file", ["1 2 3 4"])],
)
def test_plain_text_is_documents_by_line_paragraph_or_file(tmp_path, plain, wanted):
    (tmp_path / "a.txt").write_text("\ufeff1 2\r\n3\n\n \n4", encoding="utf-8")
    assert texts(build(tmp_path / "a.txt", tmp_path / "o", plain=plain)) == wanted


def test_special_tokens_and_line_ends_in_text_are_ordinary_or_nothing(tmp_path):
    tokenizer = load_tokenizer(byte_pairs(tmp_path / "vocabulary"), kind="gpt2-bpe")
    (tmp_path / "a.txt").write_text("the [MASK]<|endoftext|>\n", encoding="utf-8")
    (document,) = build(tmp_path / "a.txt", tmp_path / "o", tokenizer)
    assert tokenizer.decode(document.ids.tolist()) == "the [MASK]<|endoftext|>"
    special = tokenizer.special
    assert not {special.mask, special.eos, special.cls} & set(document.ids.tolist())


def test_ids_beyond_sixteen_bits_are_kept(tmp_path):
    corpus = build(jsonl(tmp_path, ['{"text": "69999 1"}']), tmp_path / "o", Numbers(70_000))
    assert texts(corpus) == ["69999 1"]
    assert json.loads((tmp_path / "o/corpus.json").read_text())["dtype"] == "uint32"


@pytest.mark.parametrize(("suffix", "opener"), [(".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open)])
def test_compressed_files_are_read_and_a_cut_one_is_named(tmp_path, suffix, opener):
    file = tmp_path / f"a.jsonl{suffix}"
    with opener(file, "wb") as opened:
        opened.write(jsonl(tmp_path).read_bytes())
    assert texts(build(file, tmp_path / "o")) == texts(build(tmp_path / "a.jsonl", tmp_path / "p"))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=rf"a\.jsonl\{suffix}: cut off or damaged after line \d+"):
        build(file, tmp_path / "q")


def test_a_zst_file_is_read_or_the_missing_package_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    (tmp_path / "a.jsonl.zst").write_bytes(b"")
    with pytest.raises(UsageError, match="install it or decompress"):
        build(tmp_path / "a.jsonl.zst", tmp_path / "o")


# ---- which files


def test_folders_are_walked_in_order_hidden_and_other_files_passed_over(tmp_path):
    inside = tmp_path / "in"
    jsonl(inside, ['{"text": "2"}'], "b.jsonl")
    jsonl(inside, ["1"], "a.txt")
    jsonl(inside / "deep", ["3"], "c.text")
    jsonl(inside, ["9"], ".hidden.txt")
    jsonl(inside, ["9"], "README.md")
    assert texts(build(inside, tmp_path / "o")) == ["1", "2", "3"]
    assert texts(build([inside / "b.jsonl", inside / "a.txt"], tmp_path / "p")) == ["2", "1"]


def test_what_cannot_be_a_source_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match="no text files in this folder"):
        find_sources([tmp_path / "empty"])
    with pytest.raises(DataError, match=r"nowhere\.txt: does not exist"):
        find_sources([tmp_path / "nowhere.txt"])
    with pytest.raises(UsageError, match=r"\.json is not read here"):
        find_sources([tmp_path / "a.json"])
    with pytest.raises(UsageError, match="no text files were given"):
        find_sources([])


# ---- broken lines

BROKEN = [
    ("{", "this line is not JSON"),
    ("[1]", "wants one JSON object per line, found list"),
    ('{"txt": "1"}', r"no field 'text' \(it has txt\); did you mean 'txt'"),
    ('{"text": 5}', "the field 'text' is int, not text"),
    ('{"text": "1", "prompt": [2]}', "the field 'prompt' is list, not text"),
]


@pytest.mark.parametrize(("line", "message"), BROKEN)
def test_a_broken_line_is_named(tmp_path, line, message):
    with pytest.raises(DataError, match=rf"a\.jsonl:3: .*{message}"):
        build(jsonl(tmp_path, ['{"text": "1"}', "", line]), tmp_path / "o")


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1\n2\n\xff 3\n")
    for plain, out in (("line", "o"), ("file", "p")):
        with pytest.raises(DataError, match=r"a\.txt:3: is not UTF-8"):
            build(tmp_path / "a.txt", tmp_path / out, plain=plain)


def test_broken_lines_can_be_skipped_and_are_counted(tmp_path):
    lines = ['{"text": "1"}', *[line for line, _ in BROKEN], '{"text": "2"}']
    assert texts(build(jsonl(tmp_path, lines), tmp_path / "o", skip_broken=True)) == ["1", "2"]
    told = json.loads((tmp_path / "o/corpus.json").read_text())
    assert told["n_broken"] == 5 and "a.jsonl:2: this line is not JSON" in told["broken"][0]


def test_files_without_any_text_are_refused(tmp_path):
    with pytest.raises(DataError, match="no document in these files has a token"):
        build(jsonl(tmp_path, ["", '{"text": ""}']), tmp_path / "o")


# ---- processes, resume


@pytest.mark.parametrize("n_files", [1, 3])
def test_the_number_of_processes_changes_nothing(tmp_path, n_files):
    lines = [json.dumps({"text": " ".join([str(i % 900 + 1)] * 40), "prompt": "5"}) for i in range(1200)]
    sources = [jsonl(tmp_path, lines[i::n_files], f"{i}.jsonl") for i in range(n_files)]
    told = {"shard_tokens": 4000}
    build(sources, tmp_path / "one", **told)
    build(sources, tmp_path / "two", processes=2, **told)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_broken_line_is_named_from_another_process(tmp_path):
    with pytest.raises(DataError, match=r"a\.jsonl:61: this line is not JSON"):
        build(jsonl(tmp_path, [*LINES, "{"]), tmp_path / "o", processes=2)


class Stop(Exception):
    pass


def stop_after(n):
    seen = []

    def progress(told):
        seen.append(told)
        if len(seen) == n:
            raise Stop

    return progress


def test_a_build_broken_off_anywhere_ends_as_if_it_had_not_been(tmp_path):
    lines = [json.dumps({"text": " ".join([str(i % 900 + 1)] * 30)} if i % 9 else {"text": ""}) for i in range(3000)]
    sources = [jsonl(tmp_path, lines[:2000]), jsonl(tmp_path, lines[2000:], "b.jsonl")]
    whole = build(sources, tmp_path / "straight", shard_tokens=9000)
    assert len(whole._folders[0].shards) == 9
    for n in range(1, 7):
        out = tmp_path / f"stopped-{n}"
        with pytest.raises(Stop):
            build(sources, out, shard_tokens=9000, progress=stop_after(n))
        assert not (out / "corpus.json").exists()
        kept = {one.name: (one / "index.json").stat().st_mtime_ns for one in out.glob("0*")}
        build(sources, out, shard_tokens=9000)
        assert files_of(out) == files_of(tmp_path / "straight")
        assert all((out / name / "index.json").stat().st_mtime_ns == time for name, time in kept.items())
    assert kept


def test_a_lost_shard_is_built_again_and_those_before_it_kept(tmp_path):
    out = tmp_path / "o"
    build(jsonl(tmp_path), out, shard_tokens=40)
    before = files_of(out)
    (out / "corpus.json").unlink()
    shutil.rmtree(out / "00002")
    build(tmp_path / "a.jsonl", out, shard_tokens=40)
    assert files_of(out) == before


def test_after_a_broken_line_is_mended_the_build_goes_on(tmp_path):
    lines = [*LINES, "{", '{"text": "7"}']
    with pytest.raises(DataError):
        build(jsonl(tmp_path, lines), tmp_path / "o", shard_tokens=20)
    mended = jsonl(tmp_path, [*LINES, '{"text": "6"}', '{"text": "7"}'])
    assert texts(build(mended, tmp_path / "o", shard_tokens=20))[-2:] == ["6", "7"]


def test_a_finished_build_is_opened_and_not_done_again(tmp_path):
    build(jsonl(tmp_path), tmp_path / "o")
    seen = []
    assert len(build(tmp_path / "a.jsonl", tmp_path / "o", progress=seen.append)) == 60
    assert not seen


def test_other_files_or_settings_in_the_same_folder_are_refused(tmp_path):
    file = jsonl(tmp_path)
    build(file, tmp_path / "o")
    for told, what in (
        ({"plain": "file"}, "plain"),
        ({"shard_tokens": 7}, "shard_tokens"),
        ({"tokenizer": Numbers(2000)}, "vocabulary"),
        ({"reader": title_and_text}, "reader"),
    ):
        with pytest.raises(UsageError, match=f"another value of {what}"):
            build(file, tmp_path / "o", **told)
    with pytest.raises(UsageError, match="another value of sources"):
        build(jsonl(tmp_path, LINES[:-1]), tmp_path / "o")
    with pytest.raises(UsageError, match="not empty and holds no corpus"):
        build(file, tmp_path)


def test_progress_tells_the_place_and_what_came_of_it(tmp_path):
    seen = []
    build(jsonl(tmp_path), tmp_path / "o", shard_tokens=40, progress=seen.append)
    assert (seen[-1].file.name, seen[-1].line, seen[-1].n_documents) == ("a.jsonl", 60, 60)
    assert seen[-1].n_tokens == Corpus(tmp_path / "o").n_tokens


# ---- memory


def peak(work):
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    line = json.dumps({"text": " ".join(map(str, range(1, 200)))})
    building, reading = [], []
    for n in (1000, 6000):
        file = jsonl(tmp_path, [line] * n, f"{n}.jsonl")
        out = tmp_path / f"out-{n}"
        building.append(peak(lambda file=file, out=out: build(file, out, shard_tokens=50_000)))
        reading.append(peak(lambda out=out: sum(int(document.ids[0]) for document in Corpus(out))))
    assert building[1] < 1.2 * building[0]
    assert reading[1] < reading[0] + 100_000
