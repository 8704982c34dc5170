"""What is this pack's own: the letters of the data, the shape of a row, the submission."""

import json
from pathlib import Path

import pytest

from glm_core import DataError, Example, Prediction
from glm_pack_commonsense_qa.task import task

SAMPLES = Path(__file__).parents[1] / "src" / "glm_pack_commonsense_qa" / "samples"


def read(split: str, folder: Path = SAMPLES) -> list[Example]:
    return task.read(task.processor.open(str(folder)), split)


def test_answers_have_the_letters_of_the_data() -> None:
    example = read("train")[0]
    cloze = task.cloze(example, "listed")
    assert str(cloze).startswith(
        "oven, refrigerator, garden shed, kitchen table or bookshelf? Where would you keep milk"
    )
    assert cloze.answers[1] == " refrigerator" and cloze.labels == tuple("ABCDE") and cloze.gold == "B"


def test_a_classifier_reads_a_row_per_choice_and_keeps_the_letters() -> None:
    plain = task.plain(read("train")[0])
    assert (len(plain.segments), plain.labels, plain.gold) == (5, tuple("ABCDE"), "B")
    assert plain.segments[4] == ("Where would you keep milk so that it stays fresh for a week?", "bookshelf")


def test_the_test_file_has_no_answers() -> None:
    assert {one.label for one in read("test")} == {None}


def test_a_row_with_other_choices_is_told_with_its_line(tmp_path: Path) -> None:
    choices = [{"label": label, "text": label} for label in "ABC"]
    row = {"id": "x", "question": {"stem": "Why?", "choices": choices}, "answerKey": "A"}
    (tmp_path / "dev_rand_split.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match=r"dev_rand_split\.jsonl:1: .*its choices are A, B, C, wanted A, B, C, D, E"):
        read("dev", tmp_path)


def test_predictions_are_written_under_the_names_of_the_data() -> None:
    said = [Prediction(one, label="C") for one in read("test")]
    ((name, text),) = task.processor.write(said, task.processor.split("test"))
    assert name == "test_predictions.jsonl"
    assert json.loads(text.splitlines()[0]) == {"id": "sample-16", "answerKey": "C"}
