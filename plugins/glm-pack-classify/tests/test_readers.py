"""What the readers of this pack do besides reading: hold rows out, choose a language, fill gaps, ask for one answer."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from glm_core import DataDir, DataError, Example, Prediction, Split
from glm_pack_classify import mnli, race, squad, stance, yahoo, yelp

SAMPLES = Path(__file__).parents[1] / "src" / "glm_pack_classify" / "samples"


def read(task, split: str, folder: Path = SAMPLES) -> list[Example]:
    return task.read(task.processor.open(str(folder)), split)


# ---- Yahoo and Yelp


def test_every_tenth_of_the_first_twenty_thousand_rows_is_held_out(tmp_path: Path) -> None:
    with (tmp_path / "train.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((number % 2 + 1, f"review {number}") for number in range(20_025))
    train, dev = (read(yelp.polarity, split, tmp_path) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (18_025, 2_000)
    assert [one.uid for one in dev[:2]] == ["dev-9", "dev-19"] and dev[-1]["review"] == "review 19999"
    assert train[-1].uid == "train-20024" and train[8].uid == "train-8" and train[9].uid == "train-10"


def test_the_test_file_is_read_whole() -> None:
    assert [one.uid for one in read(yelp.full, "test")] == [f"test-{number}" for number in range(5)]


def test_backslashes_and_escaped_newlines_are_spaces_and_quotes_are_straight(tmp_path: Path) -> None:
    row = r'"3","Who said “hi”\nto me?","in \ May","Obi – the clerk, ""he"" said"'
    (tmp_path / "test.csv").write_text(row + "\n", encoding="utf-8")
    (example,) = read(yahoo.task, "test", tmp_path)
    assert example.fields == {"question": 'Who said "hi" to me? in   May', "answer": 'Obi - the clerk, "he" said'}
    assert example.label == "3"


def test_an_unknown_topic_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text('"1","a","b","c"\n"11","a","b","c"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.csv:2: unknown label '11'"):
        read(yahoo.task, "test", tmp_path)


def test_the_training_texts_are_there_without_their_labels() -> None:
    train, unlabeled = (read(yahoo.task, split) for split in ("train", "unlabeled"))
    assert [one.fields for one in unlabeled] == [one.fields for one in train]
    assert {one.label for one in unlabeled} == {None}


# ---- MNLI and X-Stance


def test_the_two_mnli_tasks_differ_in_what_they_are_measured_on() -> None:
    assert read(mnli.matched, "train") == read(mnli.mismatched, "train")
    assert read(mnli.matched, "dev")[0]["premise"] != read(mnli.mismatched, "dev")[0]["premise"]
    assert {one.label for one in read(mnli.matched, "test")} == {None}


def test_a_language_of_x_stance_is_a_task() -> None:
    both, german, french = (read(task, "train") for task in stance.TASKS)
    assert len(both) == len(german) + len(french) and {one.meta["language"] for one in french} == {"fr"}
    assert [one.uid for one in both] == list("12345678")


# ---- RACE


def test_a_gap_is_filled_and_a_question_answered() -> None:
    gap, question = read(race.task, "train")[:2]
    first = race.task.cloze(gap)
    assert str(first).endswith("Gloves should be worn . A seed crystal is tied to[MASK] .")
    assert first.answers[1] == " a thread" and (first.gold, first.label_names) == ("B", tuple("ABCD"))
    assert str(race.task.cloze(question)).endswith(
        "worn . Question: Why do teachers like the experiment? Answer:[MASK]"
    )
    asked = " Based on the previous passage,"
    assert str(race.task.cloze(gap, 1)).endswith(f".{asked} A seed crystal is tied to[MASK] .")
    assert str(race.task.cloze(question, 1)).endswith(f"{asked} Why do teachers like the experiment?[MASK]")


def test_a_gap_may_stand_first_or_without_a_space() -> None:
    made = Example("e", {"article": "A.", "question": "_ fell, they called it_."}, choices=("Rain", "b", "c", "d"))
    cloze = race.task.cloze(made)
    assert str(cloze) == "A.[MASK] fell, they called it_." and cloze.answers[0] == " Rain"
    made = Example("e", {"article": "A.", "question": "It is called_."}, choices=("Rain", "b", "c", "d"))
    assert (str(race.task.cloze(made)), race.task.cloze(made).answers[0]) == ("A. It is called[MASK].", " Rain")


def test_files_come_by_level_and_number_and_one_level_is_enough(tmp_path: Path) -> None:
    groups = list(dict.fromkeys(one.group for one in read(race.task, "train")))
    assert groups == ["pmiddle1.txt", "pmiddle2.txt", "phigh10.txt"]
    (tmp_path / "train" / "high").mkdir(parents=True)
    row = {"id": "high7.txt", "article": "A.", "questions": ["Q?"], "options": [list("abcd")], "answers": ["D"]}
    (tmp_path / "train" / "high" / "7.txt").write_text(json.dumps(row), encoding="utf-8")
    assert [(one.uid, one.meta) for one in read(race.task, "train", tmp_path)] == [
        ("train-phigh7.txt-q0", {"level": "high"})
    ]
    with pytest.raises(DataError, match=r"no files dev/middle/\*\.txt in"):
        read(race.task, "dev", tmp_path)


def test_passages_that_want_answers_need_none(tmp_path: Path) -> None:
    row = {"id": "new", "article": "A.", "questions": ["Q?", "R _ ."], "options": [list("abcd")] * 2}
    (tmp_path / "new.txt").write_text(json.dumps(row), encoding="utf-8")
    found = race.task.read(DataDir(tmp_path), Split("predict", "final", ("new.txt",), labelled=False))
    assert [(one.uid, one.label) for one in found] == [("predict-pnew-q0", None), ("predict-pnew-q1", None)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": [list("abc")]}, r"7\.txt:1: question 0 has 3 options, wants 4"),
        ({"answers": []}, r"7\.txt:1: wants id, article, questions, options and answers of one length"),
    ],
)
def test_a_bad_passage_is_told_with_its_file(change: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "train" / "high").mkdir(parents=True)
    row = {"id": "high7.txt", "article": "A.", "questions": ["Q?"], "options": [list("abcd")], "answers": ["D"]}
    (tmp_path / "train" / "high" / "7.txt").write_text(json.dumps({**row, **change}), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(race.task, "train", tmp_path)


def test_accuracy_is_told_by_level() -> None:
    examples = read(race.task, "dev")
    said = [Prediction(one, label=one.label if one.meta["level"] == "high" else "B") for one in examples]
    assert race.middle_and_high(said) == {"high": 1.0, "middle": 0.0}
    assert race.middle_and_high([]) == {"middle": 0.0, "high": 0.0}


# ---- SQuAD


def test_a_question_has_one_answer_which_may_be_that_there_is_none() -> None:
    examples = read(squad.task, "dev")
    assert [one.choices for one in examples] == [("seven",), ("Lekki",), ("N/A",)]
    assert examples[0].meta["answers"] == ("seven", "at seven") and len({one.group for one in examples}) == 1
    cloze = squad.task.cloze(examples[0])
    assert str(cloze).endswith("from Lekki. When does the café open?[MASK].")
    assert (cloze.answers, cloze.gold, cloze.otherwise) == ((" seven",), "right", "other")


def test_a_file_of_another_form_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "dev-v2.0.json").write_text('{"data": [{"title": "T"}]}', encoding="utf-8")
    with pytest.raises(
        DataError, match=r"dev-v2\.0\.json: is not in the form of SQuAD's files \(KeyError\('paragraphs'\)"
    ):
        read(squad.task, "dev", tmp_path)
