"""The readers of summaries, answers and pairs of lines: by hand, against the record, and on the real files."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from glm_core import DataDir, DataError, Example, Prediction, get_task
from glm_core.tasks import Task
from glm_tasks.seq2seq import cmrc, detokenize, extraction, files, gigaword, questions, squad, xsum
from tests.shared_files import needs_shared, shared
from tests.tasks.seq2seq.recorded import TASKS, case_names, encoding_cases, write_files


def written(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def read(task: Task, folder: Path, split: str) -> list[Example]:
    return task.read(task.processor.open(folder), split)


# ---- pairs of lines


def test_pairs_of_lines_are_cleaned_and_numbered(tmp_path: Path) -> None:
    written(tmp_path, train_source="  he -lrb- UNK -rrb- ’s\nb\n", train_target="“x” &amp; y\nc\n")
    found = read(gigaword.task, tmp_path, "train")
    assert [(one.uid, one["source"], one.target) for one in found] == [
        ("train-0", "he ( [UNK] ) 's", '"x" & y'),
        ("train-1", "b", "c"),
    ]


def test_a_test_set_may_have_no_references(tmp_path: Path) -> None:
    written(tmp_path, test_source="a\nb\n")
    assert [one.target for one in read(files.task, tmp_path, "test")] == [None, None]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a\nb\n", "x\n", "test.source:2: has no line of its own in test.target, which ends after 1"),
        ("a\n", "x\ny\n", "test.source:1: is the last line, and test.target has 2"),
    ],
)
def test_lines_that_do_not_pair_are_told_with_their_place(source, target, message, tmp_path: Path) -> None:
    written(tmp_path, test_source=source, test_target=target)
    with pytest.raises(DataError, match=message.replace(".", r"\.")):
        read(files.task, tmp_path, "test")


def test_what_is_written_has_a_line_per_example() -> None:
    example = Example("test-0", {"source": "s"}, target="a\nb")
    made = dict(files.task.processor.write([Prediction(example, text="c  d\ne")], files.task.processor.split("test")))
    assert made == {"files.test.hyps": "c d e\n", "files.test.refs": "a b\n"}


def test_the_source_of_ones_own_pairs_keeps_its_end() -> None:
    cloze = files.task.cloze(Example("x", {"source": "a b"}, target="c"))
    assert str(cloze) == "a b[sMASK]"
    assert cloze.answers == (" c",)
    assert cloze.parts[0].cut == "head"  # type: ignore[union-attr]


# ---- XSum


def test_a_summary_file_is_read_by_sections() -> None:
    text = "[SN]URL[SN]\nhttp://x\n\n[SN]RESTBODY[SN]\nOne.\n\n Two. \n[SN]FIRST-SENTENCE[SN]\nZero.\n"
    assert xsum.sections_of(text) == {"URL": "http://x", "RESTBODY": "One. Two.", "FIRST-SENTENCE": "Zero."}


def test_a_summary_file_without_a_section_is_named(tmp_path: Path) -> None:
    (tmp_path / xsum.LIST).write_text('{"test": ["7"]}')
    (tmp_path / "7.summary").write_text("[SN]RESTBODY[SN]\nx\n")
    with pytest.raises(DataError, match=r"7\.summary: has no text under \[SN\]FIRST-SENTENCE\[SN\]"):
        read(xsum.task, tmp_path, "test")


# ---- SQuAD


def squad_file(folder: Path, name: str, context: str, *asked: tuple[str, list[tuple[str, int]]]) -> Path:
    qas = [
        {"id": f"q{n}", "question": question, "answers": [{"text": text, "answer_start": at} for text, at in answers]}
        for n, (question, answers) in enumerate(asked)
    ]
    (folder / name).write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}))
    return folder


def test_a_question_about_a_long_paragraph_is_asked_in_windows(tmp_path: Path) -> None:
    squad_file(tmp_path, "dev-v2.0.json", "a b c d e", (" Which? ", [("d", 6), ("d", 6), ("e", 8)]), ("Why?", []))
    processor = squad.SquadAnswers("v2.0", skip=False, words=3, step=2)
    found = list(processor.read(DataDir(tmp_path), processor.split("dev")))
    assert [(one.uid, one["question"], one["context"], one.target) for one in found] == [
        ("dev-0", "Which?", "a b c", "N/A"),
        ("dev-1", "Which?", "c d e", "d"),
        ("dev-2", "Why?", "a b c", "N/A"),
        ("dev-3", "Why?", "c d e", "N/A"),
    ]
    assert found[1].meta == {"question": "q0", "window": 1, "answers": ("d", "e")}
    assert found[2].meta["answers"] == ("N/A",)


def test_a_window_without_an_answer_teaches_nothing_where_all_have_one(tmp_path: Path) -> None:
    squad_file(tmp_path, "train-v1.1.json", "a b c d e", ("Which?", [("d", 6)]))
    squad_file(tmp_path, "dev-v1.1.json", "a b c d e", ("Which?", [("d", 6)]))
    processor = squad.SquadAnswers("v1.1", skip=True, words=3, step=2)
    assert len(list(processor.read(DataDir(tmp_path), processor.split("train")))) == 1
    assert len(list(processor.read(DataDir(tmp_path), processor.split("dev")))) == 2


def test_windows_end_with_the_text() -> None:
    assert list(squad.windows("one two three", 3, 1)) == [(0, 13)]
    assert list(squad.windows("one two three four", 3, 2)) == [(0, 13), (8, 18)]
    assert list(squad.windows("", 3, 2)) == [(0, 0)]


def test_an_answer_is_looked_for_where_the_file_is_wrong_about_its_place(tmp_path: Path) -> None:
    squad_file(tmp_path, "dev-v1.1.json", "a b c", ("Which?", [("b", 9)]))
    assert read(squad.v1, tmp_path, "dev")[0].target == "b"


def test_the_first_window_that_answers_speaks_for_the_question(tmp_path: Path) -> None:
    squad_file(tmp_path, "dev-v2.0.json", "The Café opened in 1997", ("Where?", [("Café", 4)]), ("Why?", []))
    examples = read(squad.task, tmp_path, "dev")
    predictions = [Prediction(examples[0], text="cafe"), Prediction(examples[1], text="n / a")]
    made = dict(squad.task.processor.write(predictions, squad.task.processor.split("dev")))
    assert json.loads(made["squad-v2.0.dev.json"]) == {"q0": "Café", "q1": ""}
    assert [json.loads(line)["gold"] for line in made["squad-v2.0.dev.refs"].splitlines()] == [["Café"], ["N/A"]]
    assert squad.exact_match(predictions) == squad.f1(predictions) == 1.0


def test_a_file_of_another_form_is_told(tmp_path: Path) -> None:
    (tmp_path / "dev-v1.1.json").write_text('{"data": [{"paragraphs": [{"qas": [{}]}]}]}')
    with pytest.raises(
        DataError, match=r"dev-v1\.1\.json: is not in the form of SQuAD's files \(KeyError\('(context|question)'\)\)"
    ):
        read(squad.v1, tmp_path, "dev")


def test_a_question_is_asked_about_the_first_answer(tmp_path: Path) -> None:
    squad_file(tmp_path, "dev-v1.1.json", "One. Two three. ", ("Which?", [("Two", 5)]), ("Nothing?", []))
    (found,) = read(questions.task, tmp_path, "dev")
    assert (found.target, found["answer"], found["context"]) == ("Which?", "Two", "One. Two three.")
    cloze = questions.task.cloze(found)
    assert str(cloze) == "One. Two three. Question:[sMASK] Answer: Two"
    assert [getattr(part, "cut", None) for part in cloze.parts] == ["head", None, "tail", None, None, None]


def test_chinese_questions_keep_all_their_answers(tmp_path: Path) -> None:
    squad_file(tmp_path, "dev.json", "长江注入东海。", ("哪里？", [("东海", 4), ("东海", 4), ("海", 5)]))
    (found,) = read(cmrc.task, tmp_path, "dev")
    assert (found.target, found.meta["answers"]) == ("东海", ("东海", "海"))
    assert str(cmrc.task.cloze(found)) == "问题：哪里？答案：[MASK]长江注入东海。"
    made = dict(cmrc.task.processor.write([Prediction(found, text="东海")], cmrc.task.processor.split("dev")))
    assert json.loads(made["cmrc2018.dev.json"]) == {"q0": "东海"}


# ---- several facts


def test_facts_are_separated_by_bars(tmp_path: Path) -> None:
    written(tmp_path, train_source="name [MASK], place [MASK]\n", train_target="Ann|a small town\n")
    (found,) = read(extraction.task, tmp_path, "train")
    assert found.target == ("Ann", "a small town")
    cloze = extraction.task.cloze(found)
    assert cloze.answers == ((" Ann", " a small town"),)
    made = dict(
        extraction.task.processor.write([Prediction(found, text="Ann … x")], extraction.task.processor.splits[0])
    )
    assert made == {"extraction.train.hyps": "Ann|x\n"}


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("no blank\n", "x\n", r"train\.source:1: has no \[MASK\]"),
        ("[MASK] and [MASK]\n", "x\n", r"has 2 \[MASK\], and the target's line 'x' 1 answers"),
        ("[MASK]\n", "|\n", r"has 1 \[MASK\], and the target's line '\|' 2 answers"),
    ],
)
def test_facts_that_do_not_fit_are_told(source, target, message, tmp_path: Path) -> None:
    written(tmp_path, train_source=source, train_target=target)
    with pytest.raises(DataError, match=message):
        read(extraction.task, tmp_path, "train")


# ---- the record


@needs_shared("golden", "pretrain", "text_processing.json")
def test_texts_are_cleaned_as_in_the_original() -> None:
    rows = json.loads(shared("golden", "pretrain", "text_processing.json").read_text(encoding="utf-8"))["detokenize"]
    for row in rows:
        assert detokenize.gigaword(row["input"]) == row["gigaword"]
        assert detokenize.cnn_dm_source(row["input"]) == row["cnndm_source"]
        assert detokenize.cnn_dm_target(row["input"]) == row["cnndm_target"]
        assert detokenize.unknown(row["input"]).replace("<blank>", "[MASK]") == row["blank"]


@needs_shared("golden", "pretrain", "seq2seq_encoding.json")
@pytest.mark.parametrize("name", [one for one in case_names() if "squad" not in one and "blank" not in one])
def test_examples_are_those_of_the_original(name: str, tmp_path: Path) -> None:
    case = encoding_cases()[case_names().index(name)]
    task = TASKS.get(case["name"], extraction.task)
    found = list(task.processor.read(DataDir(write_files(case, tmp_path)), task.processor.split(case["split"])))
    for mine, told in zip(found, case["examples"], strict=True):
        assert mine.uid == told["guid"]
        if case["name"] == "cmrc":
            assert (mine["context"], mine["question"]) == (told["text_a"], told["meta"]["question"])
            assert mine.target == told["meta"]["answer"] or case["split"] == "test"
        elif case["name"] == "extraction":
            assert (mine["text"], "|".join(mine.target or ())) == (told["text_a"], told["text_b"])
        else:
            assert (mine["source"], mine.target) == (told["text_a"], told["text_b"])


# ---- real files


@pytest.mark.parametrize(
    ("name", "folder", "split", "n"),
    [
        ("seq2seq/gigaword", ("seq2seq", "gigaword"), "train", 22207),
        ("seq2seq/gigaword", ("seq2seq", "gigaword"), "dev", 3986),
        ("seq2seq/gigaword", ("seq2seq", "gigaword"), "test", 1951),
        ("seq2seq/xsum", ("seq2seq", "xsum"), "train", 600),
        ("seq2seq/xsum", ("seq2seq", "xsum"), "test", 250),
        ("seq2seq/squad-questions", ("squad",), "dev", 10570),
        ("seq2seq/squad-questions", ("squad",), "train", 4373),
        ("seq2seq/cmrc", ("chinese", "cmrc2018"), "dev", 3219),
        ("seq2seq/cmrc", ("chinese", "cmrc2018"), "trial", 1002),
        ("seq2seq/blank-0.3", ("seq2seq", "blank_yahoo"), "dev", 300),
        ("seq2seq/blank-0.3", ("seq2seq", "blank_yahoo"), "test", 500),
    ],
)
@needs_shared("data")
def test_real_files_have_as_many_examples_as_they_should(name, folder, split, n) -> None:
    found = read(get_task(name), shared("data", *folder), split)
    assert len(found) == n
    assert all(one.target for one in found)


@needs_shared("data", "squad")
def test_every_answer_of_squad_lies_in_a_window() -> None:
    found = read(squad.v1, shared("data", "squad"), "dev")
    first = [one for one in found if one.meta["window"] == 0]
    assert len(first) == 10570
    answered = {one.meta["question"] for one in found if one.target != "N/A"}
    assert len(answered) == 10570
    assert len(found) < 10570 * 1.1  # few paragraphs are longer than a window
    assert len(read(squad.v1, shared("data", "squad"), "train")) >= 4373


@needs_shared("data", "seq2seq", "xsum", "bbc-summary-data.tar.xz")
def test_the_published_folder_of_xsum_is_its_pairs_of_lines(tmp_path: Path) -> None:
    with tarfile.open(shared("data", "seq2seq", "xsum", "bbc-summary-data.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")

    def words(example: Example) -> tuple[str, str]:
        return " ".join(example["source"].split()), " ".join(str(example.target).split())

    found = {words(one) for one in read(xsum.task, tmp_path, "test")}
    lines = {words(one) for one in read(xsum.task, shared("data", "seq2seq", "xsum"), "test")}
    assert len(found) == len(lines) == 250
    assert len(found & lines) > 200  # the lines' spelling is standardized here and there
