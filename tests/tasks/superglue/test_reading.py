"""What the readers make of hand-written rows, and what they say about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm_core import DataError, Split
from glm_tasks.superglue import few
from tests.tasks.superglue.written import DATA, TASKS, examples, put, rows

PLAIN = ("boolq", "cb", "copa", "multirc", "record", "rte", "wic", "wsc", "wsc-generate", "wsc-yes-no", "ax-b", "ax-g")


@pytest.mark.parametrize("name", PLAIN)
def test_two_readings_give_the_same_examples(name: str):
    for split in TASKS[name].processor.splits:
        assert examples(name, split.name) == examples(name, split.name) != []


@pytest.mark.parametrize("name", PLAIN)
def test_every_pattern_has_one_blank_and_something_that_may_be_cut(name: str):
    task = TASKS[name]
    for split in task.processor.splits:
        for example in examples(name, split.name):
            for index in range(len(task.pvps)):
                cloze = task.cloze(example, index)
                for parts in cloze.texts or (cloze.parts,):
                    assert sum(type(one).__name__ == "Blank" for one in parts) == 1
                    assert any(getattr(one, "cut", None) for one in parts)
                if example.label is not None and cloze.otherwise != example.label:
                    assert cloze.gold in cloze.labels


@pytest.mark.parametrize("name", PLAIN)
def test_a_test_split_without_labels_has_none(name: str):
    for split in TASKS[name].processor.splits:
        assert split.labelled == all(one.label is not None for one in examples(name, split.name))


@pytest.mark.parametrize("name", PLAIN)
def test_a_classifier_gets_its_texts(name: str):
    task = TASKS[name]
    for example in examples(name, "dev"):
        plain = task.plain(example)
        assert all(len(row) == 2 and all(row) for row in plain.segments)


def test_a_classifier_reads_what_the_original_gives_it():
    assert TASKS["wic"].plain(examples("wic")[0]).segments == (
        ("branch: A bird sat on the branch.", "The branch broke in the storm."),
    )
    assert TASKS["copa"].plain(examples("copa")[2]).segments == (
        ("The dog's paw was sore! because", "It ran on gravel."),
        ("The dog's paw was sore! because", "It slept."),
    )
    assert TASKS["multirc"].plain(examples("multirc")[0]).segments[0][1] == "When did the museum open? answer: In 1931"
    assert TASKS["wsc-yes-no"].plain(examples("wsc-yes-no")[1]).segments == (
        ("Nora thanked Edith for the soup that *she* had cooked.", "Edith"),
    )


def test_quotes_and_dashes_are_straightened_but_not_in_copa():
    assert examples("rte")[1]["premise"] == "Ivo's bakery closes on Mondays - and on holidays."
    assert examples("copa")[2]["premise"] == "The dog’s paw was sore!"


def test_copa_comes_a_second_time_with_its_choices_swapped():
    found = examples("copa")
    assert [one.uid for one in found] == [*(f"train-{n}" for n in range(5)), *(f"train-{n}m" for n in range(5))]
    for one, mirrored in zip(found[:5], found[5:], strict=True):
        assert mirrored.choices == one.choices[::-1]
        assert {one.label, mirrored.label} == {"0", "1"}
        assert mirrored.meta["idx"] == -1
    assert len(examples("copa", "dev")) == 3


def test_copa_reversed_is_one_text_per_choice_with_the_same_answer():
    task = TASKS["copa"]
    cause, effect = (task.cloze(example, "reversed") for example in examples("copa")[:2])
    assert str(cause).splitlines() == [
        '"it was cold" or "it rained"?The pond froze[MASK] it was cold',
        '"it was cold" or "it rained"?The pond froze[MASK] it rained',
    ]
    assert cause.answers == (" because", " because")
    assert effect.answers == (" so", " so")
    assert (cause.labels, cause.gold) == (("0", "1"), "0")


def test_answers_to_one_question_are_a_group():
    found = examples("multirc")
    assert [one.group for one in found[:5]] == ["p0-q0", "p0-q0", "p0-q1", "p0-q1", "p0-q1"]
    assert [one.label for one in found[:5]] == ["1", "0", "1", "1", "0"]


def test_a_diagnostic_learns_from_rte():
    assert [one["premise"] for one in examples("ax-b")] == [one["premise"] for one in examples("rte")]
    assert examples("ax-b", "test")[1].meta == {"idx": 1}  # its file has "1"


def test_winogender_examples_are_paired():
    assert [one.group for one in examples("ax-g", "test")] == ["pair-0", "pair-0", "pair-1", "pair-1"]
    assert {one.group for one in examples("ax-g", "dev")} == {None}


def test_record_trains_on_each_answer_against_at_most_nine_others():
    found = examples("record")
    assert [one.uid for one in found] == [
        *("train-p0-q0-a0", "train-p0-q1-a0", "train-p1-q2-a0", "train-p2-q3-a0", "train-p2-q4-a0"),
        *("train-p3-q5-a0", "train-p3-q5-a1", "train-p4-q6-a0"),
    ]
    assert found[0].choices == ("Grete Dahl", "Fjord Cup", "Nils Berg", "Oslo")
    assert found[2].choices[0] == "Turin"
    assert len(found[2].choices) == 10
    # both answers are right, so neither is a wrong choice for the other
    assert found[5].choices == ("Maria Lund", "Bergen", "Kelp Foods")
    assert found[6].choices == ("Lund", "Bergen", "Kelp Foods")


def test_record_draws_its_wrong_choices_by_one_generator_per_file(tmp_path: Path):
    crowded = rows("ReCoRD/train.jsonl")[1]
    again = {**crowded, "idx": 7}
    put(tmp_path, "ReCoRD/train.jsonl", [crowded, again])
    first, second = examples("record", folder=tmp_path)
    assert set(first.choices[1:]) <= {"Ana Ruiz", "Ben Cole", "Cy Dunn", "Di Eno", "Ed Fox", "Flo Gill"} | {
        "Gus Hay",
        "Hal Ito",
        "Ida Jay",
        "Jo Kerr",
        "Kit Low",
    }
    assert first.choices != second.choices  # the generator went on
    assert examples("record", folder=tmp_path)[0] == first


def test_record_is_evaluated_against_all_entities():
    found = examples("record", "dev")
    assert found[0].choices == ("Fjord Cup", "Grete Dahl", "Nils Berg", "Oslo")
    assert found[0].label == "1"
    assert found[3].meta["answers"] == ("Suva",)
    assert "@highlight" not in found[0]["passage"]
    assert "\n- Dahl wins" in found[0]["passage"]


def test_record_finds_the_likest_entity_where_none_is_an_answer(tmp_path: Path):
    row = rows("ReCoRD/val.jsonl")[0]
    row["qas"][0]["answers"] = [{"text": "Dahl, Grete"}]
    put(tmp_path, "ReCoRD/val.jsonl", [row])
    assert examples("record", "dev", folder=tmp_path)[0].label == "1"


def test_unlabelled_rows_are_numbered_because_a_published_file_repeats_an_index(tmp_path: Path):
    row = rows("WiC/test.jsonl")[0]
    put(tmp_path, "WiC/unlabeled.jsonl", [row, row])
    found = examples(next(one for one in few.TASKS if one.name == "few-wic"), "unlabeled", folder=tmp_path)
    assert [one.uid for one in found] == ["unlabeled-0", "unlabeled-1"]
    assert [one.label for one in found] == [None, None]


def test_few_shot_tasks_read_their_own_splits(tmp_path: Path):
    put(tmp_path, "COPA/unlabeled.jsonl", rows("COPA/test.jsonl"))
    put(tmp_path, "COPA/dev32.jsonl", rows("COPA/val.jsonl"))
    task = TASKS["few-copa"]
    data = task.processor.open(str(tmp_path), str(DATA))
    assert {one.name: one.role for one in task.processor.splits} == {
        "train": "train",
        "dev32": "tune",
        "val": "final",
        "unlabeled": "unlabeled",
    }
    assert [len(task.read(data, name)) for name in ("train", "dev32", "val", "unlabeled")] == [10, 3, 3, 6]
    assert {one.label for one in task.read(data, "unlabeled")} == {None}


# one bad row each: what is wrong with a good row, and what the message has to say
BAD = [
    ("rte", "RTE", {"premise": None}, "field 'premise' is null, wants text"),
    ("rte", "RTE", {"premise": 3}, "field 'premise' is a whole number, wants text"),
    (
        "rte",
        "RTE",
        {"label": "entailmnet"},
        "unknown label 'entailmnet' (there are entailment, not_entailment); did you",
    ),
    ("rte", "RTE", {"label": ["entailment"]}, "field 'label' is [\"entailment\"], wants one of entailment"),
    ("rte", "RTE", {"idx": 1.5}, "field 'idx' is float, wants a whole number"),
    ("cb", "CB", {"label": "neutrl"}, "did you mean 'neutral'?"),
    ("boolq", "BoolQ", {"label": "maybe"}, "unknown label 'maybe' (there are false, true)"),
    (
        "copa",
        "COPA",
        {"question": "couse"},
        "unknown question 'couse' (there are cause, effect); did you mean 'cause'?",
    ),
    ("copa", "COPA", {"label": 2}, "unknown label '2'"),
    ("wic", "WiC", {"word": []}, "field 'word' is a list, wants text"),
    ("multirc", "MultiRC", {"passage": "text"}, "field 'passage' is text, wants an object"),
    (
        "multirc",
        "MultiRC",
        {"passage": {"text": "t", "questions": [3]}},
        "passage.questions[0] is a whole number, wants",
    ),
    (
        "multirc",
        "MultiRC",
        {"passage": {"text": "t", "questions": [{"idx": 0, "question": "q", "answer": []}]}},
        "no field 'passage.questions[0].answers' ('passage.questions[0]' has idx, question, answer); did you mean 'answers'",
    ),
    ("record", "ReCoRD", {"qas": [{"idx": 0, "query": "none", "answers": []}]}, "query 0 has 0 times @placeholder"),
    (
        "record",
        "ReCoRD",
        {"qas": [{"idx": 4, "query": "@placeholder and @placeholder", "answers": []}]},
        "query 4 has 2 times @placeholder, wants it once",
    ),
    ("record", "ReCoRD", {"qas": [{"idx": 4, "query": "@placeholder", "answers": []}]}, "query 4 has no answers"),
    ("record", "ReCoRD", {"passage": {"text": "t", "entities": [{"start": 0, "end": 9}]}}, "entity 0 to 9 is outside"),
    ("record", "ReCoRD", {"passage": {"text": "t", "entities": []}}, "the passage has no entities"),
    ("wsc", "WSC", {"target": {"span1_text": "x"}}, "no field 'target.span2_text'"),
    ("wsc", "WSC", {"label": "yes"}, "unknown label 'yes' (there are False, True)"),
]


@pytest.mark.parametrize(("name", "folder", "change", "says"), BAD)
def test_a_bad_row_is_an_error_that_says_where_and_what(
    tmp_path: Path, name: str, folder: str, change: dict, says: str
):
    good = rows(f"{folder}/train.jsonl")
    put(tmp_path, f"{folder}/train.jsonl", [good[0], {**good[1], **change}])
    with pytest.raises(DataError) as error:
        examples(name, folder=tmp_path)
    says = says.replace("did you mean 'answers'", "did you mean 'answer'")
    assert f"{folder}/train.jsonl:2: " in str(error.value)
    assert says in str(error.value)


def test_a_missing_field_is_named_with_a_near_one(tmp_path: Path):
    row = rows("BoolQ/train.jsonl")[0]
    row["passages"] = row.pop("passage")
    put(tmp_path, "BoolQ/train.jsonl", [row])
    with pytest.raises(DataError, match=r"train\.jsonl:1: no field 'passage' .* did you mean 'passages'\?"):
        examples("boolq", folder=tmp_path)


@pytest.mark.parametrize("name", ["boolq", "cb", "copa", "rte", "wic", "wsc", "multirc"])
def test_a_labelled_split_needs_a_label_in_every_row(tmp_path: Path, name: str):
    folder = TASKS[name].processor.folder
    put(tmp_path, f"{folder}/train.jsonl", rows(f"{folder}/test.jsonl"))
    with pytest.raises(DataError, match="label'"):
        examples(name, folder=tmp_path)


def test_a_row_that_is_cut_off_or_not_utf8_is_an_error_with_its_line(tmp_path: Path):
    file = tmp_path / "CB" / "train.jsonl"
    put(tmp_path, "CB/train.jsonl", rows("CB/train.jsonl"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    with pytest.raises(DataError, match=r"train\.jsonl:5: this line is not JSON"):
        examples("cb", folder=tmp_path)
    file.write_bytes(whole.replace(b"boat", b"bo\xe4t", 1))
    with pytest.raises(DataError, match=r"train\.jsonl:1: byte \d+ is not UTF-8"):
        examples("cb", folder=tmp_path)


def test_an_index_that_is_text_and_no_number_is_the_number_of_the_row():
    processor = TASKS["rte"].processor
    data = processor.open(str(DATA))
    row = rows("RTE/train.jsonl")[0]
    from glm_tasks.superglue.rows import Row

    (found,) = processor.examples(Row({**row, "idx": "x-7"}, data), Split("train", "train"), 41)
    assert found.meta["idx"] == 41
