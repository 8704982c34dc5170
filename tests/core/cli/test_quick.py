"""`glm quick`: a file of one's own, a pattern and words; measured, trained, and written down as a pack."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from glm_core import get_task
from glm_core.cli.quick import words_from
from glm_core.errors import UsageError
from glm_core.runs.draft import draft, hold_out
from glm_core.tomlpack import read_tasks
from tests.house.test_dry import heavy_after

WORDS = ("--words", "good=great,fine", "--words", "bad=terrible")
MODEL = ("--model", "./model", "--backbone", "toy")
IT_WAS = ("--pattern", "{text} It was [MASK].")
LEARN = ("--train", "--epochs", "4", "--batch-size", "4", "--learning-rate", "0.02", "--eval-every", "0")


def write(name: str, rows: list[tuple[str, str]], columns: tuple[str, str] = ("text", "label")) -> str:
    """A file of two columns in the format that its name tells."""
    path = Path(name)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
    else:
        path.write_text("".join("\t".join(row) + "\n" for row in [columns, *rows]))
    return name


def here() -> list[str]:
    """What lies in the working folder."""
    return sorted(one.name for one in Path().iterdir())


def reviews(n: int = 20) -> list[tuple[str, str]]:
    """Rows whose label follows from one word."""
    words = {"good": ("lovely", "bright", "moving", "fresh"), "bad": ("dull", "awful", "boring", "weak")}
    labels = ("good", "bad")
    return [(f"a {words[labels[k % 2]][k // 2 % 4]} film, no. {k}", labels[k % 2]) for k in range(n)]


@pytest.fixture
def quick(glm):
    """`quick("reviews.tsv", …)` with a toy model and the usual pattern and words."""

    def call(*words: str):
        return glm("quick", *words, *MODEL)

    return call


# ---- measured, trained


@pytest.mark.parametrize("name", ["reviews.tsv", "reviews.csv", "reviews.jsonl"])
def test_a_table_says_what_the_model_makes_of_the_file(quick, name: str) -> None:
    told = quick(write(name, reviews()), *IT_WAS, *WORDS)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == f"{name} · model ./model · seed 1 · train 16, dev 4"
    assert lines[2].startswith("reads    a ") and lines[2].endswith(" It was [MASK].")
    assert lines[3] == "words    good: great, fine · bad: terrible"
    assert lines[4] == "labels   good 10, bad 10"
    assert lines[6].split() == ["split", "examples", "metric", "majority", "model"]
    assert lines[7].split()[:4] == ["dev", "4", "accuracy", "0.5000"]
    assert "next     --train learns from the other rows; --save FILE.toml keeps the task as a pack" in told.out
    assert here() == ["data", "model", name]


def test_training_is_measured_before_and_after_on_rows_that_were_held_out(quick) -> None:
    write("test.tsv", reviews(40)[30:])
    told = quick(write("reviews.tsv", reviews(30)), *IT_WAS, *WORDS, *LEARN, "--test", "test.tsv", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["rows"] == {
        "train": {"good": 12, "bad": 12},
        "dev": {"good": 3, "bad": 3},
        "test": {"good": 5, "bad": 5},
    }
    dev, test = found["results"]
    assert (dev["split"], dev["n"], test["split"], test["n"]) == ("dev", 6, "test", 10)
    assert dev["majority"]["accuracy"] == 0.5
    assert dev["after"]["accuracy"] > max(dev["before"]["accuracy"], 0.5)
    assert test["after"]["accuracy"] > 0.9
    assert (dev["health"]["steps"], found["trained"], found["saved"], found["run"]) == (24, True, None, None)
    assert here() == ["data", "model", "reviews.tsv", "test.tsv"]


def test_the_same_command_gives_the_same_numbers_and_another_seed_holds_out_others(quick) -> None:
    write("reviews.tsv", reviews())
    told = [quick("reviews.tsv", *IT_WAS, *WORDS, *LEARN, "--json", "--seed", seed).out for seed in "112"]
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_when_little_is_learnt_there_is_a_hint(quick) -> None:
    told = quick(write("reviews.tsv", reviews()), *IT_WAS, *WORDS, "--train", "--steps", "1", "--learning-rate", "0")
    assert told.code == 0, told.err
    assert "hint     little was learnt" in told.out


# ---- kept as a pack


def test_what_is_saved_is_the_same_task(quick, glm) -> None:
    told = quick(write("reviews.tsv", reviews()), *IT_WAS, *WORDS, *LEARN, "--save", "mine/films.toml", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["saved"] == "mine/films.toml"
    task = get_task("mine/films.toml")
    assert task.processor.labels == ("good", "bad")
    assert task.pvps[0].pattern == "{text} It was [MASK]."
    assert task.pvps[0].verbalizer == {"good": ("great", "fine"), "bad": ("terrible",)}
    assert task.recommended == {"epochs": 4.0, "batch_size": 4, "learning_rate": 0.02, "eval_every": 0.0}
    told = glm("finetune", "mine/films.toml", *MODEL, "--out", "run", "--json")
    assert told.code == 0, told.err
    again, dev = json.loads(told.out), found["results"][0]
    assert (again["before"], again["metrics"]) == (dev["before"], dev["after"])


def test_saving_the_same_again_is_nothing_and_something_else_is_refused(quick) -> None:
    write("reviews.tsv", reviews())
    assert quick("reviews.tsv", *IT_WAS, *WORDS, "--save", "films.toml").code == 0
    times = {path: path.stat().st_mtime_ns for path in Path().rglob("films*")}
    assert quick("reviews.tsv", *IT_WAS, *WORDS, "--save", "films.toml").code == 0
    assert times == {path: path.stat().st_mtime_ns for path in Path().rglob("films*")}
    told = quick("reviews.tsv", *IT_WAS, *WORDS, "--save", "films.toml", "--seed", "2")
    assert (told.code, told.err) == (
        2,
        f"glm: error: {Path('films-data/train.tsv')}: is there already and says something else; choose another --save\n",
    )


def test_a_run_that_is_kept_says_where_its_task_came_from(quick, glm) -> None:
    write("reviews.tsv", reviews())
    told = quick("reviews.tsv", *IT_WAS, *WORDS, *LEARN, "--save", "mine.toml", "--out", "run")
    assert told.code == 0, told.err
    assert "next     glm --pack mine.toml predict run FILE" in told.out
    command = json.loads(Path("run/run.json").read_text())["command"]
    assert command[:4] == ["glm", "--pack", "mine.toml", "finetune"] and command[4] == "mine/reviews"
    told = glm("predict", "run", "reviews.tsv")
    assert told.code == 2
    assert told.err.endswith("It came from mine.toml: say --pack mine.toml\n")


def test_what_is_saved_is_named_as_the_next_step(quick) -> None:
    told = quick(write("reviews.tsv", reviews()), *IT_WAS, *WORDS, "--save", "films.toml")
    assert told.out.splitlines()[-2:] == ["saved    films.toml", "next     glm finetune ./films.toml --model ./model"]


@pytest.mark.parametrize(
    ("save", "message"),
    [
        ("films.json", "--save films.json: wants the name of a .toml file"),
        ("My films.toml", "My films.toml: 'My films' cannot name a pack"),
    ],
)
def test_a_name_that_no_pack_can_have_is_refused_before_anything_is_written(quick, save: str, message: str) -> None:
    told = quick(write("reviews.tsv", reviews()), *IT_WAS, *WORDS, "--save", save)
    assert told.code == 2 and message in told.err
    assert here() == ["data", "model", "reviews.tsv"]


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=9)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, st.sampled_from(["good", "bad", 'a "b" \\'])), min_size=4, max_size=12),
    column=st.sampled_from(["text", "Review Text"]),
    kind=st.sampled_from(["tsv", "csv", "jsonl"]),
    seed=st.integers(0, 99),
)
def test_what_is_written_reads_as_what_was_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], column: str, kind: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("draft")
    before = Path.cwd()
    os.chdir(folder)
    try:
        rows = [*rows, rows[0]]  # so that a label has two rows
        write(f"r.{kind}", rows, (column, "label"))
        words = dict.fromkeys(("good", "bad", 'a "b" \\'), ("w",))
        made = draft(f"r.{kind}", f"{{{column.replace(' ', '_')}}} [MASK]", words, seed=seed)
        made.write(Path("p.toml"))
        (task,) = read_tasks(Path("p.toml").read_bytes(), "p.toml", Path.cwd())
        data = task.processor.open()
        found = {split: task.read(data, split) for split in ("train", "dev")}
    finally:
        os.chdir(before)
    together = Counter((next(iter(one.fields.values())), one.label) for some in found.values() for one in some)
    assert together == Counter(rows)
    assert {split: sum(counts.values()) for split, counts in made.counts.items()} == {
        split: len(some) for split, some in found.items()
    }


# ---- the rows that are held out


@given(st.lists(st.sampled_from("abc"), max_size=40), st.floats(0.01, 0.99), st.integers(0, 9))
def test_of_every_label_with_two_rows_at_least_one_is_held_out_and_one_is_not(
    labels: list[str], share: float, seed: int
) -> None:
    chosen = hold_out(labels, share, seed)
    assert chosen == hold_out(labels, share, seed)
    for label, n in Counter(labels).items():
        held = sum(labels[index] == label for index in chosen)
        assert 1 <= held <= n - 1 if n > 1 else held == 0
        assert abs(held - share * n) <= 1


# ---- what is wrong


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("a.tsv", "--pattern", "{text|strp} [MASK]"),
            "pattern 'given', column 7: unknown filter 'strp'; did you mean 'strip'?\n"
            "    {text|strp} [MASK]\n          ^^^^\n"),
        (("a.tsv", "--pattern", "{txt} [MASK]"),
            "pattern 'given', column 2: a.tsv has no column 'txt' (it has text, label); did you mean 'text'?\n"
            "    {txt} [MASK]\n     ^^^\n"),
        (("a.tsv", "--pattern", "{label} [MASK]"),
            "pattern 'given', column 2: column 'label' holds the labels, which are asked for\n    {label} [MASK]\n"),
        (("a.tsv", "--pattern", "It was good."), "pattern 'given': a cloze pattern needs a blank; write [MASK]\n"),
        (("a.tsv", "--pattern", "{text} [MASK] [MASK]"),
            "pattern 'given', column 15: a cloze has one blank; this is the second\n"),
        (("a.tsv", "--pattern", "It was [MASK]."),
            "--pattern 'It was [MASK].' reads no column of a.tsv; write {text} where text goes\n"),
        (("a.tsv", "--label-column", "lable"),
            "a.tsv: no column 'lable' (its first row, which names the columns, has text, label); did you mean 'label'?\n"),
        (("a.tsv", "--label-column", "x"), "has text, label); name the one with the labels: --label-column NAME\n"),
        (("group.tsv", "--pattern", "{group} [MASK]"),
            "pattern 'given', column 2: 'group' has a meaning of its own in packs; give the column another name\n"),
        (("odd.tsv",), "odd.tsv:4: label 'godo' has no words (--words gives good, bad); did you mean 'good'?\n"),
        (("other.tsv",), "other.tsv:4: label 'meh' has no words (--words gives good, bad); "
            "add --words meh=…, or remove the row\n"),
        (("bare.tsv",), "bare.tsv:4: column 'label' is empty here; give the row a label, or remove it\n"),
        (("a.tsv", "--test", "other.tsv"), "other.tsv:4: label 'meh' has no words"),
        (("a.tsv", "--test", "a.jsonl"), "--test a.jsonl: wants a .tsv file, as a.tsv is\n"),
        (("a.tsv", "--test", "header.tsv"), "header.tsv: has no rows below its header\n"),
        (("a.jsonl",), "a.jsonl:3: no field 'text' (this row has txt, label); did you mean 'txt'?\n"),
        (("short.tsv",), "short.tsv:3: has 1 columns, wants 2 (text, label)\n"),
        (("header.tsv",), "header.tsv: has no rows below its header\n"),
        (("empty.tsv",), "empty.tsv: the file is empty\n"),
        (("once.tsv",), "once.tsv: has no label with two rows, so none can be held out to choose on; give more rows\n"),
        (("none.tsv",), "none.tsv: there is no such file\n"),
        (("no/none.tsv",), "no/none.tsv: there is no such file\n"),
        (("data.tsv",), "data.tsv: is a folder; give a file\n"),
        (("a.txt",), "a.txt: give a .tsv or .csv with a header row, or a .jsonl\n"),
        (("a.tsv", "--dev-share", "1"), "--dev-share is a share of the rows, above 0 and below 1; got 1\n"),
        (("a.tsv", "--out", "run"), "--out keeps a run of a task that stays: add --train, and --save FILE.toml\n"),
        (("a.tsv", "--words", "meh"), "--words meh: write LABEL=WORD, as in --words pos=great or --words pos=great,good\n"),
        (("a.tsv", "--batch-size", "0"), "--batch-size is at least 1; got 0\n"),
        (("a.tsv", "--epoch", "2"), "unknown argument '--epoch'; did you mean '--epochs'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_nothing_is_written(glm, changed: tuple[str, ...], message: str) -> None:
    for name, rows in {
        "a.tsv": reviews(4),
        "odd.tsv": [*reviews(2), ("x", "godo")],
        "other.tsv": [*reviews(2), ("x", "meh")],
        "bare.tsv": [*reviews(2), ("x", "")],
        "once.tsv": reviews(2),
        "header.tsv": [],
    }.items():
        write(name, rows)
    write("group.tsv", reviews(4), ("group", "label"))
    Path("a.jsonl").write_text('{"text": "x", "label": "good"}\n\n{"txt": "x", "label": "good"}\n')
    Path("short.tsv").write_text("text\tlabel\nx\tgood\ny\n")
    Path("empty.tsv").write_text("\n")
    Path("data.tsv").mkdir()
    before = here()
    words = () if "--pattern" in changed else IT_WAS
    told = glm("quick", *changed, *words, *WORDS, "--model", "./no-such-model")
    assert told.code == 2
    assert told.err.startswith("glm: error: ") and message in told.err
    assert here() == before


def test_what_was_typed_is_judged_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("text\tlabel\nx\tgood\nx\tgood\nx\tbad\n")
    words = [
        "quick",
        str(tmp_path / "a.tsv"),
        "--words",
        "good=great",
        "--words",
        "bad=terrible",
        "--pattern",
        "{x} [MASK]",
    ]
    heavy = heavy_after(f"from glm_core.cli.main import main\nassert main({words!r}) == 2")
    assert not {"torch", "numpy"} & set(heavy)


def test_one_label_is_no_choice(glm) -> None:
    told = glm("quick", write("a.tsv", reviews()), *IT_WAS, "--words", "good=great")
    assert told.code == 2
    assert "--words: give at least two labels, as in --words pos=great --words neg=terrible" in told.err


def test_words_of_a_label_add_up() -> None:
    assert words_from(["pos=great,good", "neg=bad", "pos=fine,good", "x=a=b"]) == {
        "pos": ("great", "good", "fine"),
        "neg": ("bad",),
        "x": ("a=b",),
    }
    for wrong in ("great", "=great", "pos=", "pos=,"):
        with pytest.raises(UsageError, match="write LABEL=WORD"):
            words_from([wrong])


def test_labels_that_are_numbers_in_json_are_named_as_json_spells_them(quick) -> None:
    Path("a.jsonl").write_text("".join(json.dumps({"text": f"t{k}", "label": k % 2 == 0}) + "\n" for k in range(6)))
    told = quick("a.jsonl", *IT_WAS, "--words", "true=great", "--words", "false=terrible", "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["rows"] == {"train": {"true": 2, "false": 2}, "dev": {"true": 1, "false": 1}}
