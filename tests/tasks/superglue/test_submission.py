"""What is sent to the leaderboard: the lines of the original, and a check that finds every kind of mistake."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from glm_core import DataDir, DataError, Example, Prediction, Split, Task
from glm_tasks.superglue.submission import FILES, archive, check_file, check_files
from tests.shared_files import needs_shared, shared
from tests.tasks.superglue.written import DATA, TASKS, examples, predicted, put, rows

# any one answer for each file's lines
ANSWER = {
    "boolq": "true",
    "cb": "neutral",
    "copa": "1",
    "multirc": "1",
    "record": "0",
    "rte": "entailment",
    "wic": "false",
    "wsc": "True",
    "ax-b": "entailment",
    "ax-g": "entailment",
}


def written(task: str | Task, found: list[Example], labels: list[str | None]) -> tuple[str, str]:
    task = TASKS[task] if isinstance(task, str) else task
    ((name, text),) = task.processor.write(predicted(found, labels), task.processor.split("test"))
    return name, text


def submission() -> dict[str, str]:
    """A right one for the hand-written test sets."""
    files = {}
    for task, label in ANSWER.items():
        found = examples(task, "test")
        name, text = written(task, found, [label] * len(found))
        files[name] = text
    return files


def test_every_task_writes_its_official_file():
    files = submission()
    assert set(files) == set(FILES)
    assert check_files(files, DataDir(str(DATA))) == []


def test_a_line_is_what_the_leaderboard_wants():
    files = submission()
    assert files["BoolQ.jsonl"].splitlines()[0] == '{"idx": 0, "label": "true"}'
    assert files["COPA.jsonl"].splitlines()[2] == '{"idx": 2, "label": 1}'
    assert files["WSC.jsonl"].splitlines()[1] == '{"idx": 1, "label": "True"}'
    assert files["AX-b.jsonl"].splitlines()[4] == '{"idx": 4, "label": "entailment"}'
    assert files["ReCoRD.jsonl"].splitlines()[0] == '{"idx": 0, "label": "Fjord Cup"}'
    assert json.loads(files["MultiRC.jsonl"].splitlines()[0]) == {
        "idx": 0,
        "passage": {
            "questions": [
                {"idx": 0, "answers": [{"idx": 0, "label": 1}, {"idx": 1, "label": 1}]},
                {"idx": 1, "answers": [{"idx": n, "label": 1} for n in (2, 3, 4)]},
            ]
        },
    }


def test_mirrored_examples_are_not_sent():
    found = examples("copa")
    name, text = written("copa", found, ["0"] * len(found))
    assert name == "COPA.jsonl"
    assert [json.loads(line)["idx"] for line in text.splitlines()] == [0, 1, 2, 3, 4]


def test_all_three_ways_to_ask_winograd_write_the_same_file():
    for task in ("wsc", "wsc-generate", "wsc-yes-no"):
        assert written(task, examples(task, "test"), ["True", "False"]) == (
            "WSC.jsonl",
            '{"idx": 0, "label": "True"}\n{"idx": 1, "label": "False"}\n',
        )


def test_a_candidate_that_was_a_label_while_training_is_false():
    found = examples("wsc")[:2]
    assert [json.loads(line)["label"] for line in written("wsc", found, ["True", "False 2"])[1].splitlines()] == [
        "True",
        "False",
    ]


def test_stored_predictions_write_the_same_file(tmp_path: Path):
    from glm_core.runs.predictions import read_predictions, write_predictions

    for task, label in ANSWER.items():
        found = predicted(examples(task, "test"), [label] * len(examples(task, "test")))
        write_predictions(tmp_path / "test.jsonl.gz", found)
        processor = TASKS[task].processor
        stored = read_predictions(tmp_path / "test.jsonl.gz")
        split = processor.split("test")
        assert list(processor.write(stored, split)) == list(processor.write(found, split))


def test_a_prediction_without_a_label_is_an_error():
    found = examples("rte", "test")
    with pytest.raises(DataError, match="example test-1 has no predicted label"):
        written("rte", found, ["entailment", None, "entailment"])


# the text of one file, and what is wrong with it
RTE = ['{"idx": 0, "label": "entailment"}', '{"idx": 1, "label": "entailment"}', '{"idx": 2, "label": "entailment"}']
WRONG = [
    ("RTE.jsonl", [*RTE[:2], '{"idx": 2, "label": "entailmnet"}'], 'RTE.jsonl:3: label "entailmnet" is none of'),
    ("RTE.jsonl", [*RTE[:2], '{"idx": 2, "label": "entailmnet"}'], "did you mean 'entailment'?"),
    ("RTE.jsonl", [*RTE[:2], '{"idx": 2, "label"'], "RTE.jsonl:3: this line is not JSON"),
    ("RTE.jsonl", [*RTE[:2], '{"id": 2, "label": "entailment"}'], 'RTE.jsonl:3: wants {"idx": …, "label": …}'),
    ("RTE.jsonl", [*RTE[:2], '{"idx": "2", "label": "entailment"}'], 'RTE.jsonl:3: idx "2" is not a whole number'),
    ("RTE.jsonl", RTE[:2], "RTE.jsonl: 1 of 3 examples have no answer (first: 2)"),
    ("RTE.jsonl", [*RTE, RTE[0]], "RTE.jsonl: 1 examples come twice (first: 0)"),
    (
        "RTE.jsonl",
        [*RTE, '{"idx": 9, "label": "entailment"}'],
        "RTE.jsonl: 1 answers are for no example of the test set",
    ),
    ("RTE.jsonl", RTE[::-1], "RTE.jsonl: the answers are not in the order of the test set"),
    ("COPA.jsonl", ['{"idx": 0, "label": true}'], "COPA.jsonl:1: label true is none of 0, 1"),
    ("COPA.jsonl", ['{"idx": 0, "label": "1"}'], 'COPA.jsonl:1: label "1" is none of 0, 1'),
    ("WSC.jsonl", ['{"idx": 0, "label": "true"}'], 'WSC.jsonl:1: label "true" is none of "True", "False"'),
    ("ReCoRD.jsonl", ['{"idx": 0, "label": "Paris"}'], 'ReCoRD.jsonl:1: label "Paris" is none of "Fjord Cup"'),
    ("MultiRC.jsonl", ['{"idx": 0, "label": 1}'], 'MultiRC.jsonl:1: wants {"idx": …, "passage":'),
    (
        "MultiRC.jsonl",
        ['{"idx": 0, "passage": {"questions": [{"idx": 0, "answers": [{"idx": "0", "label": 1}]}]}}'],
        'MultiRC.jsonl:1: indices [0, 0, "0"] are not whole numbers',
    ),
]


@pytest.mark.parametrize(("name", "lines", "says"), WRONG)
def test_each_kind_of_mistake_is_found(name: str, lines: list[str], says: str):
    problems = check_file(name, "\n".join(lines) + "\n", DataDir(str(DATA)))
    assert any(says in problem for problem in problems), problems


def test_missing_and_foreign_files_are_named():
    files = submission()
    files["RTE.json"] = files.pop("RTE.jsonl")
    problems = check_files(files, DataDir(str(DATA)))
    assert problems == ["RTE.jsonl is missing", "RTE.json is no file of this leaderboard; did you mean 'RTE.jsonl'?"]


def test_without_the_data_the_official_number_of_examples_counts():
    problems = check_file("CB.jsonl", '{"idx": 0, "label": "neutral"}\n')
    assert problems == ["CB.jsonl: has 1 answers, the official test set has 250"]
    right = "".join(f'{{"idx": {n}, "label": "neutral"}}\n' for n in range(250))
    assert check_file("CB.jsonl", right) == []


def test_a_folder_without_this_test_set_is_as_good_as_none(tmp_path: Path):
    put(tmp_path, "RTE/test.jsonl", rows("RTE/test.jsonl"))
    assert check_file("CB.jsonl", '{"idx": 0, "label": "neutral"}\n', DataDir(str(tmp_path)))[0].endswith("has 250")


def test_of_many_problems_the_first_are_shown():
    problems = check_file("CB.jsonl", "x\n" * 300)
    assert len(problems) == 11
    assert problems[-1] == "CB.jsonl: … and 291 more"


def test_the_archive_has_the_files_at_its_top_and_is_the_same_twice():
    files = submission()
    packed = archive(files)
    assert packed == archive(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(packed)) as found:
        assert found.namelist() == sorted(FILES)
        assert found.read("RTE.jsonl").decode("utf-8") == files["RTE.jsonl"]


@needs_shared("golden", "superglue", "prediction_files.json")
def test_the_lines_are_those_of_the_original():
    recorded = json.loads(shared("golden", "superglue", "prediction_files.json").read_text(encoding="utf-8"))
    compared = 0
    for one in recorded:
        task = TASKS.get("wsc-generate" if one["task"] == "wsc" else one["task"])
        if task is None:
            continue
        folder, file = one["file"].split("/")
        split = Split("test", "final", (file,))
        data = task.processor.open(str(shared("golden", "superglue", "synth_data")))
        found = list(task.processor.read(data, split))
        labels = task.processor.labels
        said = [Prediction(ex, label=labels[n] if labels else str(n)) for ex, n in zip(found, one["pred"], strict=True)]
        assert list(task.processor.write(said, split)) == [(f"{folder}.jsonl", one["text"])]
        compared += 1
    assert compared == 10
