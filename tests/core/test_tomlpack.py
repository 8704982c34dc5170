"""A task in TOML reads its data as a task in Python would: the same clozes, and so the same predictions."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from glm_core import PVP, Edges, Example, JsonlProcessor, Split, Task, metrics
from glm_core.errors import DataError
from glm_core.tasks import DataProcessor
from glm_core.toml_file import quoted
from glm_core.toml_processor import TomlProcessor
from glm_core.toml_schema import known_metrics
from glm_core.tomlpack import read_tasks

EMOTION = """
[task.emotion]
summary = "Two emotions in short messages"
revision = 3
languages = ["en", "de"]
labels = ["joy", "anger"]
metrics = ["accuracy", "f1_macro"]
fields = { uid = "idx", text = "message", speaker = "who", label = "emotion", group = "talk" }
combine = "max"
license = "CC0-1.0"
citation = "Nobody, 2024"
edges = { eos = "never" }

[task.emotion.splits]
train = { role = "train", files = ["train.jsonl"] }
dev = { role = "tune", files = ["dev.jsonl"] }
test = { role = "final", files = ["test.jsonl"], labelled = false }

[task.emotion.label_names]
"0" = "joy"
"1" = "anger"

[task.emotion.words]
anger = ["anger", "rage"]
joy = "joy"

[task.emotion.patterns]
felt = "{text|strip_punct} I felt [MASK]."
says = '{speaker|keep|default="Somebody"} says: {text}{split} It is [MASK].'

[task.emotion.words_for.says]
joy = "happy"
anger = "angry"

[task.emotion.recommended]
max_length = 64

[task.emotion.recipes.quick]
epochs = 2
"""


class Emotion(JsonlProcessor):
    """The same in Python."""

    labels = ("joy", "anger")
    splits = (
        Split("train", "train", ("train.jsonl",)),
        Split("dev", "tune", ("dev.jsonl",)),
        Split("test", "final", ("test.jsonl",), labelled=False),
    )

    def examples(self, row: Mapping[str, Any], uid: str) -> Iterator[Example]:
        yield Example(
            str(row["idx"]),
            {"text": row["message"], "speaker": row.get("who") or ""},
            label={0: "joy", 1: "anger"}[row["emotion"]] if "emotion" in row else None,
            group=row["talk"],
        )


def python_twin() -> Task:
    return Task(
        "emotion",
        Emotion(),
        (
            PVP(
                "felt",
                "{text|strip_punct} I felt [MASK].",
                {"joy": "joy", "anger": ["anger", "rage"]},
                combine="max",
                edges=Edges(eos="never"),
            ),
            PVP(
                "says",
                '{speaker|keep|default="Somebody"} says: {text}{split} It is [MASK].',
                {"joy": "happy", "anger": "angry"},
                combine="max",
                edges=Edges(eos="never"),
            ),
        ),
        {"accuracy": metrics.accuracy, "f1_macro": metrics.f1_macro},
        summary="Two emotions in short messages",
        revision=3,
        languages=("en", "de"),
        recommended={"max_length": 64},
        recipes={"quick": {"epochs": 2}},
        citation="Nobody, 2024",
        license="CC0-1.0",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, first, labelled in (("train", 0, True), ("dev", 10, True), ("test", 20, False)):
        rows = []
        for number in range(first, first + 6):
            row = {"idx": number, "message": f"what a {'day' if number % 2 else 'mess'}, {{no}} [MASK] {number}!!"}
            row |= {"talk": f"t{number // 2}"} | ({"who": "Ann"} if number % 3 else {"who": None} if number % 2 else {})
            rows.append(json.dumps(row | ({"emotion": number % 2} if labelled else {})) + "\n")
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    return tmp_path


def read(text: str) -> Task:
    (task,) = read_tasks(text, "pack.toml")
    return task


# ---- a task and its twin


@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize("pattern", ["felt", "says"])
def test_toml_and_python_make_the_same_clozes(folder: Path, split: str, pattern: str) -> None:
    ours, twin = read(EMOTION), python_twin()
    examples = ours.read(ours.processor.open(folder), split)
    assert examples == twin.read(twin.processor.open(folder), split)
    assert [ours.cloze(one, pattern) for one in examples] == [twin.cloze(one, pattern) for one in examples]


def test_toml_and_python_say_the_same_about_a_task() -> None:
    ours, twin = read(EMOTION), python_twin()
    for name in vars(twin):
        if name not in ("processor", "pvps"):
            assert getattr(ours, name) == getattr(twin, name), name
    assert ours.processor.splits == twin.processor.splits
    assert ours.processor.labels == twin.processor.labels


def test_a_fake_backbone_predicts_the_same(folder: Path) -> None:
    from glm_core.runs.evaluate import evaluate
    from glm_core.runs.health import measure
    from tests.core.runs.fakes import ToyBackbone

    found = []
    for task in (read(EMOTION), python_twin()):
        examples = task.read(task.processor.open(folder), "dev")
        found.append(evaluate(task, ToyBackbone(3), examples, pattern="says"))
        assert set(measure(task, found[-1])) == {"accuracy", "f1_macro"}
    assert found[0] == found[1]


def test_a_task_goes_to_another_process_and_comes_back_the_same(folder: Path) -> None:
    task = read(EMOTION)
    again = pickle.loads(pickle.dumps(task))
    assert again == task and isinstance(task.processor, TomlProcessor)
    assert again.read(again.processor.open(folder), "dev") == task.read(task.processor.open(folder), "dev")


# ---- the ways of writing it

PLAIN = """
[task.mood]
labels = ["good", "bad"]
metrics = ["accuracy"]
FORMAT
fields = { text = "text", label = "label" }
splits = { train = { role = "train", files = ["FILE"] } }
words = { good = "great", bad = "terrible" }
patterns = { it-was = "{text} It was [MASK]." }
"""


def mood(file: str, format: str = "") -> Task:
    return read(PLAIN.replace("FORMAT", format).replace("FILE", file))


FIELD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20)
CELLS = st.lists(st.tuples(FIELD, st.sampled_from(["good", "bad"])), min_size=1, max_size=4)


@given(CELLS)
def test_the_three_formats_read_alike(tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("formats")
    rows = [{"text": text, "label": label} for text, label in cells]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "a.jsonl").write_text(lines, encoding="utf-8")
    (folder / "a.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in [("text", "label"), *cells]), encoding="utf-8")
    table = io.StringIO()
    csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([(label, text) for text, label in cells])
    (folder / "a.csv").write_text(table.getvalue(), encoding="utf-8")
    tasks = [
        mood("a.jsonl"),
        mood("a.tsv", 'format = "tsv"'),
        mood("a.csv", 'format = "csv"\nheader = false\ncolumns = ["label", "text"]'),
    ]
    found = [task.read(task.processor.open(folder), "train") for task in tasks]
    assert found[0] == found[1] == found[2]
    assert [(one["text"], one.label) for one in found[0]] == cells


def test_uids_count_the_rows_of_all_files_of_a_split(tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv"):
        (tmp_path / name).write_text("text\tlabel\nfine\tgood\nno\tbad\n")
    task = mood('a.tsv", "b.tsv', 'format = "tsv"')
    assert [one.uid for one in task.read(task.processor.open(tmp_path), "train")] == [f"train-{n}" for n in range(4)]


@given(st.dictionaries(FIELD, st.sampled_from(["good", "bad"]), max_size=6), st.data())
def test_label_names_are_what_files_say_and_are_applied_once(names: dict[str, str], data: st.DataObject) -> None:
    said = data.draw(st.sampled_from([*names, "good", "bad"]))
    table = "".join(f"{quoted(name)} = {quoted(label)}\n" for name, label in names.items())
    processor = read(PLAIN.replace("FORMAT", "") + f"[task.mood.label_names]\n{table}").processor
    assert isinstance(processor, TomlProcessor)
    row = {"text": "x", "label": said}
    assert processor.example(row, "u", processor.open(".")).label == names.get(said, said)


@pytest.mark.parametrize(("said", "label"), [(1, "1"), (True, "true"), (0.5, "0.5"), ("1", "1"), (None, None)])
def test_labels_that_are_no_text_read_as_json_spells_them(said: Any, label: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": 3, "label": said}) + "\n")
    text = PLAIN.replace("FILE", "a.jsonl").replace("FORMAT", "")
    text = text.replace('["good", "bad"]', '["1", "true", "0.5"]').replace(
        'good = "great", bad = "terrible"', '1 = "one", true = "yes", "0.5" = "half"'
    )
    task = read(text)
    (example,) = task.read(task.processor.open(tmp_path), "train")
    assert (example.label, example["text"]) == (label, "3")


def test_a_field_may_be_missing_where_every_pattern_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"label": "good"}\n')
    text = PLAIN.replace("FILE", "a.jsonl").replace("FORMAT", "")
    task = read(text.replace("{text}", '{text|default=\\"nothing\\"}'))
    (example,) = task.read(task.processor.open(tmp_path), "train")
    assert str(task.cloze(example)) == "nothing It was[MASK]."
    with pytest.raises(DataError, match=r"a\.jsonl:1: no field 'text' \(this row has label\)"):
        mood("a.jsonl").read(DataProcessor.open(task.processor, tmp_path), "train")


def test_data_beside_the_file_are_found_without_being_told(tmp_path: Path) -> None:
    text = PLAIN.replace("FILE", "in/a.tsv").replace("FORMAT", 'format = "tsv"')
    (bare,) = read_tasks(text, "pack.toml", tmp_path)
    with pytest.raises(DataError, match=r"--data is missing: the folder that holds in/a\.tsv"):
        bare.processor.open()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.tsv").write_text("text\tlabel\nfine\tgood\n")
    (task,) = read_tasks(text, "pack.toml", tmp_path)
    assert len(task.read(task.processor.open(), "train")) == 1
    assert task == bare


# ---- choices, targets, ranges

CAUSE = """
[task.cause]
metrics = ["accuracy"]
fields = { premise = "premise", choices = CHOICES, label = "label" }
splits = { train = { role = "train", files = ["a.jsonl"] } }
patterns = { so = "{premise}, so [MASK]." }
label_names = { A = "0", B = "1" }
"""


@pytest.mark.parametrize("column", [True, False])
def test_choices_stand_in_columns_or_in_a_list(column: bool, tmp_path: Path) -> None:
    answers = {"c1": "it was cold", "c2": "it rained", "all": ["it was cold", "it rained"]}
    (tmp_path / "a.jsonl").write_text(json.dumps({"premise": "The pond froze", **answers, "label": "B"}) + "\n")
    task = read(CAUSE.replace("CHOICES", '["c1", "c2"]' if column else '"all"'))
    (example,) = task.read(task.processor.open(tmp_path), "train")
    cloze = task.cloze(example)
    assert (cloze.answers, cloze.labels, cloze.gold) == ((" it was cold", " it rained"), ("0", "1"), "1")
    assert task.plain(example).segments == (("The pond froze", "it was cold"), ("The pond froze", "it rained"))


def test_a_task_that_writes_has_a_target_and_several_blanks_have_several(tmp_path: Path) -> None:
    text = """
        [task.fill]
        kind = "generation"
        metrics = ["exact_match"]
        fields = { text = "text", target = ["first", "second"] }
        splits = { train = { role = "train", files = ["a.jsonl"] } }
        patterns = { in = "{text} [MASK] and [MASK]" }
        recommended = { beams = 4 }
    """
    row = {"text": "bread", "first": "butter", "second": "jam", "list": ["oil", "salt"], "one": "tea"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    for given_fields, target in (
        ('["first", "second"]', ("butter", "jam")),
        ('"list"', ("oil", "salt")),
        ('"one"', "tea"),
    ):
        task = read(text.replace('["first", "second"]', given_fields))
        (example,) = task.read(task.processor.open(tmp_path), "train")
        assert example.target == target and example.label is None
    assert task.recommended == {"beams": 4}


def test_labels_of_a_range_are_numbers_and_the_words_stand_for_its_ends(tmp_path: Path) -> None:
    text = """
        [task.alike]
        value_range = [0, 5]
        metrics = ["pearson"]
        fields = { a = "a", label = "score" }
        splits = { train = { role = "train", files = ["a.jsonl"] } }
        words = { 5 = "yes", 0 = "no" }
        patterns = { same = "{a} [MASK]" }
    """
    task = read(text)
    assert task.value_range == (0.0, 5.0) and task.processor.labels == ()
    assert task.pvps[0].verbalizer == {"0": ("no",), "5": ("yes",)}
    (tmp_path / "a.jsonl").write_text('{"a": "x", "score": 2.5}\n{"a": "x", "score": 7}\n')
    data = task.processor.open(tmp_path)
    assert task.read(data, "train", limit=1)[0].label == "2.5"
    with pytest.raises(DataError, match=r"a\.jsonl:2: label '7' is no number from 0 to 5"):
        task.read(data, "train")


# ---- rows that do not fit


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "x", "label": "god"}, "unknown label 'god' (there are good, bad); did you mean 'good'?"),
        ({"text": "x", "label": ""}, "unknown label '' (there are good, bad)"),
        ({"txt": "x", "label": "good"}, "no field 'text' (this row has txt, label); did you mean 'text'?"),
        ({"text": "x", "lable": "good"}, "no label: there is no column 'label' (this row has text, lable); "
            "did you mean 'label'?"),
        ({"text": "x"}, "no label: there is no column 'label' (this row has text); say labelled = false for a split "
            "without labels"),
        ({"text": ["x"], "label": "good"}, "column 'text' holds a list, wants text"),
        ({"text": "x", "label": {}}, "column 'label' holds a table, wants text"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_told_with_file_and_line(row: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "y", "label": "bad"}\n\n' + json.dumps(row) + "\n")
    task = mood("a.jsonl")
    with pytest.raises(DataError) as caught:
        task.read(task.processor.open(tmp_path), "train")
    message = message.replace("did you mean 'text'?", "did you mean 'txt'?").replace("'label'?", "'lable'?")
    assert str(caught.value) == f"{tmp_path / 'a.jsonl'}:3: {message}"


def test_an_unknown_label_is_told_with_what_the_files_may_say(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "y", "label": "2"}\n')
    text = PLAIN.replace("FILE", "a.jsonl").replace("FORMAT", 'label_names = { "0" = "bad", "1" = "good" }')
    task = read(text)
    with pytest.raises(DataError, match=r"unknown label '2' \(there are good, bad; in the files also 0, 1\)"):
        task.read(task.processor.open(tmp_path), "train")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"all": "it rained", "label": "0"}, "column 'all' wants a list of choices, and at least one"),
        ({"all": [], "label": "0"}, "column 'all' wants a list of choices, and at least one"),
        ({"all": [["a"]], "label": "0"}, "column 'all' holds a list, wants text"),
        ({"al": [], "label": "0"}, "no field 'all'"),
        ({"all": ["a", "b"], "label": 2}, "unknown label '2' (there are 0, 1; in the files also A, B)"),
    ],
)
def test_a_row_whose_choices_do_not_fit_is_told_with_its_line(row: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"premise": "p", **row}) + "\n")
    task = read(CAUSE.replace("CHOICES", '"all"'))
    with pytest.raises(DataError) as caught:
        task.read(task.processor.open(tmp_path), "train")
    assert f"a.jsonl:1: {message}" in str(caught.value)


@pytest.mark.parametrize(("column", "value"), [("idx", ""), ("talk", None)])
def test_a_uid_or_a_group_is_never_empty(column: str, value: str | None, tmp_path: Path) -> None:
    row = {"idx": 1, "message": "x", "emotion": 0, "talk": "t"} | {column: value}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n")
    task = read(EMOTION)
    with pytest.raises(DataError, match=rf"dev\.jsonl:1: column '{column}' is empty here; it wants a value in every"):
        task.read(task.processor.open(tmp_path), "dev")


def test_metrics_by_name_are_those_that_take_predictions() -> None:
    known = known_metrics()
    assert {"accuracy", "f1", "f1_macro", "matthews", "exact_match"} <= set(known)
    assert not {"F1", "normalize_answer", "token_f1", "references"} & set(known)
    assert all(isinstance(one([]), float) for one in known.values())
