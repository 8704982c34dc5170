"""Tasks, their processors, and how an example reads with and without a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glm_core.data import DataDir
from glm_core.errors import DataError, UsageError
from glm_core.examples import Example, Split
from glm_core.pvp import PVP, Edges
from glm_core.tasks import DataProcessor, JsonlProcessor, Task, TsvProcessor

SPLITS = (Split("train", "train", ("a.jsonl", "b.jsonl")), Split("dev", "tune", ("dev.jsonl",)))


class Reader(JsonlProcessor):
    labels = ("yes", "no")
    splits = SPLITS
    folder = "RTE"

    def examples(self, row: Any, uid: str) -> Iterator[Example]:
        yield Example(uid, {"text": row["text"], "more": row.get("more", "")}, row.get("label"))


class Table(TsvProcessor):
    splits = (Split("train", "train", ("a.tsv",)),)
    header = False
    columns = ("id", "text")

    def examples(self, row: Any, uid: str) -> Iterator[Example]:
        yield Example(uid, {"text": row["text"]}, meta={"id": int(row["id"])})


def task(**more: Any) -> Task:
    given: dict[str, Any] = {
        "name": "t",
        "processor": Reader(),
        "pvps": (PVP("it-was", "{text} [MASK]", {"yes": "Yes", "no": "No"}),),
        "metrics": {"n": len},
        "recommended": {"epochs": 3, "batch_size": 8},
        "recipes": {"small": {"epochs": 1}},
        **more,
    }
    return Task(**given)


def data_in(folder: Path, **files: str) -> DataDir:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return DataDir(folder)


def test_uids_are_the_split_and_the_row_over_all_files(tmp_path: Path) -> None:
    data = data_in(tmp_path, a__jsonl='{"text": "x"}\n\n{"text": "y"}\n', b__jsonl='{"text": "z"}\n')
    read = task().read(data, "train")
    assert [(one.uid, one["text"]) for one in read] == [("train-0", "x"), ("train-1", "y"), ("train-2", "z")]
    assert task().read(data, "train", limit=2) == read[:2] == task().read(data, SPLITS[0])[:2]


def test_tables_are_read_by_their_columns(tmp_path: Path) -> None:
    (example,) = task(processor=Table()).read(data_in(tmp_path, a__tsv="7\thello\n"), "train")
    assert example == Example("train-0", {"text": "hello"}, meta={"id": 7})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"txt": "x"}', "no field 'text' (this row has txt); did you mean 'txt'?"),
        ('{"text": "x", "label": "ja"}', "unknown label 'ja' (there are yes, no)"),
        ('{"text": "x", "label": "yess"}', "unknown label 'yess' (there are yes, no); did you mean 'yes'?"),
    ],
)
def test_a_bad_row_is_an_error_at_its_line(line: str, message: str, tmp_path: Path) -> None:
    data = data_in(tmp_path, dev__jsonl='{"text": "fine"}\n' + line)
    with pytest.raises(DataError) as caught:
        task().read(data, "dev")
    assert str(caught.value) == f"{tmp_path / 'dev.jsonl'}:2: {message}"


def test_a_row_of_another_shape_is_an_error_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tsv:1: this row does not have the expected shape \(invalid literal"):
        task(processor=Table()).read(data_in(tmp_path, a__tsv="seven\thello\n"), "train")


def test_a_uid_that_comes_twice_is_an_error(tmp_path: Path) -> None:
    class Same(Reader):
        def examples(self, row: Any, uid: str) -> Iterator[Example]:
            yield Example("same", {"text": row["text"]})

    data = data_in(tmp_path, dev__jsonl='{"text": "x"}\n{"text": "y"}\n')
    with pytest.raises(DataError, match=r"dev\.jsonl:2: uid 'same' comes twice in split 'dev'"):
        task(processor=Same()).read(data, "dev")


def test_an_unknown_label_of_any_reader_is_an_error_at_its_line(tmp_path: Path) -> None:
    class Own(DataProcessor):
        labels = ("yes", "no")
        splits = (Split("dev", "tune", ("dev.jsonl",)),)

        def read(self, data: DataDir, split: Split) -> Iterator[Example]:
            for number, row in enumerate(data.jsonl("dev.jsonl")):
                yield Example(str(number), {"text": ""}, row["label"])

    data = data_in(tmp_path, dev__jsonl='{"label": "yes"}\n{"label": "ja"}\n')
    with pytest.raises(DataError, match=r"dev\.jsonl:2: unknown label 'ja' \(there are yes, no\)"):
        task(processor=Own()).read(data, "dev")


def test_a_split_without_examples_or_name_is_an_error(tmp_path: Path) -> None:
    class Silent(Reader):
        def examples(self, row: Any, uid: str) -> Iterator[Example]:
            yield from ()

    with pytest.raises(DataError, match="split 'dev' of t has no examples"):
        task(processor=Silent()).read(data_in(tmp_path, dev__jsonl='{"text": "x"}\n'), "dev")
    with pytest.raises(UsageError, match=r"no split 'dve' \(there are train, dev\); did you mean 'dev'\?"):
        task().read(DataDir(tmp_path), "dve")


def test_the_data_sets_own_folder_inside_a_collection_is_found(tmp_path: Path) -> None:
    (tmp_path / "RTE").mkdir()
    data_in(tmp_path / "RTE", dev__jsonl='{"text": "x"}\n')
    assert len(task().read(Reader().open(str(tmp_path)), "dev")) == 1
    assert len(task().read(Reader().open(tmp_path / "RTE"), "dev")) == 1


def test_without_a_folder_the_packs_own_data_are_used_or_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--data is missing: the folder that holds a\.jsonl, b\.jsonl, dev\.jsonl"):
        Reader().open()

    class Bundled(Reader):
        bundled = str(tmp_path)

    assert Bundled().open().folders == [tmp_path]


def test_advice_lays_a_recipe_over_what_is_recommended() -> None:
    assert task().advice() == {"epochs": 3, "batch_size": 8}
    assert task().advice("small") == {"epochs": 1, "batch_size": 8}
    with pytest.raises(UsageError, match=r"task t has no recipe 'smal' \(it has small\); did you mean 'small'\?"):
        task().advice("smal")


def test_a_language_model_task_closes_no_answer() -> None:
    example = Example("e", {"text": "x"}, target="y")
    lm = task(kind="lm", pvps=(PVP("p", "{text} [gMASK]"), PVP("q", "{text} [gMASK]", edges=Edges(end="eop"))))
    assert lm.cloze(example).edges.end == "none" and lm.cloze(example, "q").edges.end == "eop"
    assert task(specials_in_text=("[UNK]",)).cloze(Example("e", {"text": "x"}, "yes")).specials == ("[UNK]",)


def test_the_plain_example_has_its_labels_for_answers() -> None:
    plain = task().plain(Example("e", {"text": "x", "more": "y"}, "no"))
    assert (plain.segments, plain.answers, plain.labels, plain.gold) == (
        (("x", "y"),),
        ("yes", "no"),
        ("yes", "no"),
        "no",
    )
    with pytest.raises(DataError, match="label 'nope' is none of yes, no"):
        task().plain(Example("e", {"text": "x"}, "nope"))


def test_a_plain_example_with_choices_has_a_row_for_each() -> None:
    choices = task(segments=lambda ex: [[ex["text"], one] for one in ex.choices])
    plain = choices.plain(Example("e", {"text": "x"}, "no", choices=("a", "b")))
    assert (plain.segments, plain.labels, plain.gold) == ((("x", "a"), ("x", "b")), ("yes", "no"), "no")
    plain = choices.plain(Example("e", {"text": "x"}, "2", choices=("a", "b", "c")))
    assert (plain.labels, plain.gold) == (("0", "1", "2"), "2")


def test_a_field_that_an_example_lacks_is_named() -> None:
    with pytest.raises(DataError, match=r"example e has no field 'txt' \(it has text\); did you mean 'text'\?"):
        _ = Example("e", {"text": "x"})["txt"]
    assert Example("e", {}).unit == "e" and Example("e", {}, group="g").unit == "g"
