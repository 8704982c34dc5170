"""Missing words: how they are taken out, found again, and put back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from glm_core import DataError, Example, Prediction
from glm_tasks.seq2seq import blank
from glm_tasks.seq2seq.blanks import filled, removed
from tests.shared_files import needs_shared, shared


def test_neighbours_leave_one_blank() -> None:
    class Drawn(random.Random):
        def sample(self, population, k, *, counts=None):
            assert k == 3
            return [4, 1, 2]

    text, words = blank.take_out("a b c d e f", 0.5, Drawn())
    assert (text, words) == ("a <blank> d <blank> f", ("b c", "e"))


def test_at_least_one_word_is_taken_out() -> None:
    text, words = blank.take_out("a b", 0.1, random.Random(1))
    assert text.count("<blank>") == len(words) == 1


def test_what_is_taken_out_comes_back() -> None:
    rng = random.Random(5)
    for _ in range(200):
        whole = " ".join(f"w{n}" for n in range(rng.randrange(2, 20)))
        text, words = blank.take_out(whole, rng.random(), rng)
        assert filled(text, blank.MARK, words) == whole
        assert removed(text, blank.MARK, whole) == words


def test_texts_that_do_not_fit_together_are_noticed() -> None:
    assert removed("a <blank> c", "<blank>", "a b b c") == ("b b",)
    assert removed("a <blank> c", "<blank>", "a c") is None
    assert removed("x <blank>", "<blank>", "a b") is None
    assert removed("<blank> <blank>", "<blank>", "a b c") == ("a", "b c")


def test_each_copy_of_a_training_text_is_drawn_anew_and_always_alike(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("one two three four five six seven _UNK\nlone\n")
    task = blank.TASKS[2]

    def read() -> list[Example]:
        return task.read(task.processor.open(tmp_path), "train")

    found = read()
    assert found == read()
    assert [one.uid for one in found] == ["train-0", "train-0-1", "train-0-2", "train-0-3", "train-0-4"]
    assert len({one["text"] for one in found}) > 1
    for one in found:
        assert filled(one["text"], blank.MARK, one.target or ()) == "one two three four five six seven [UNK]"


def test_a_cloze_fills_its_blanks_in_order() -> None:
    example = Example("x", {"text": "<blank> council <blank> it ."}, target=("the", "sold"))
    cloze = blank.TASKS[0].cloze(example)
    assert str(cloze) == "[MASK] council[MASK] it ."
    assert cloze.answers == ((" the", " sold"),)


def test_bleu_is_of_the_whole_text() -> None:
    pytest.importorskip("sacrebleu")
    example = Example(
        "x",
        {"text": "they <blank> go to <blank> house"},
        target=("don't", "my"),
        meta={"whole": "they don't go to my house"},
    )
    right = Prediction(example, text="don ' t … my")
    assert blank.whole_text(right) == "they don't go to my house"
    assert blank.bleu([right]) == pytest.approx(1.0)
    assert blank.bleu([Prediction(example, text="x … my")]) < 1.0
    made = dict(blank.TASKS[0].processor.write([right], blank.TASKS[0].processor.split("test")))
    assert made["blank-0.1.test.hyps"] == made["blank-0.1.test.refs"] == "they don't go to my house\n"


def test_given_blanks_belong_to_their_texts(tmp_path: Path) -> None:
    (tmp_path / "blank").mkdir()
    (tmp_path / "test.txt").write_text("a b c\nd e f\n")
    (tmp_path / "blank" / "test.maskratio0.3.blank").write_text("a <blank> c\nx <blank> f\n")
    task = blank.TASKS[2]
    with pytest.raises(DataError, match=r"blank:2: is not line 2 of test\.txt with words taken out"):
        task.read(task.processor.open(tmp_path), "test")


@needs_shared("data", "seq2seq", "blank_yahoo")
@pytest.mark.parametrize("task", blank.TASKS, ids=lambda task: task.name)
def test_the_words_of_given_blanks_are_those_of_the_file(task) -> None:
    folder = shared("data", "seq2seq", "blank_yahoo")
    ratio = task.name.rpartition("-")[2]
    found = {one.uid: one for one in task.read(task.processor.open(folder), "test")}
    lines = (folder / "blank" / f"test.maskratio{ratio}.fill").read_text(encoding="utf-8").splitlines()
    same = 0
    for number, line in enumerate(lines):
        example = found.get(f"test-{number}")
        if example is None:
            continue
        assert filled(example["text"], blank.MARK, example.target or ()) == " ".join(example.meta["whole"].split())
        same += tuple(one.strip() for one in line.split("<sep>")) == example.target
    assert same > 0.85 * len(found)  # elsewhere the same word stands on both sides of a blank
