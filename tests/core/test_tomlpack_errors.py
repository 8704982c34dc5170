"""Every mistake in a pack.toml is one line with file, line and what to write instead; a pattern's comes with a caret."""

from __future__ import annotations

import pytest

from glm_core.toml_file import TomlError
from glm_core.tomlpack import read_tasks

WHOLE = """\
[task.emotion]
kind = "cloze"
summary = "Two emotions"
revision = 2
languages = ["en"]
labels = ["joy", "anger"]
metrics = ["accuracy", "f1_macro"]
format = "tsv"
header = false
columns = ["idx", "message", "emotion", "who"]
fields = { uid = "idx", text = "message", label = "emotion", speaker = "who" }
combine = "max"
license = "CC0-1.0"
citation = "Nobody, 2024"
edges = { end = "eop", eos = "never", pad_to = 64 }

[task.emotion.splits]
train = { role = "train", files = ["train.tsv"] }
dev = { role = "tune", files = ["dev.tsv"] }
test = { role = "final", files = ["test.tsv"], labelled = false }
rest = { role = "unlabeled", files = ["a.tsv",
  "b.tsv"] }

[task.emotion.label_names]
"0" = "joy"

[task.emotion.words]
joy = ["joy", "happiness"]
anger = "anger"

[task.emotion.patterns]
felt = "{text} I felt [MASK]."
says = "{speaker|keep}: {text} [MASK]"

[task.emotion.words_for.says]
anger = ["angry"]
joy = ["happy"]

[task.emotion.recommended]
learning_rate = 1e-5
pattern = "says"

[task.emotion.recipes.quick]
epochs = 2
"""

LM = """\
[task.last]
kind = "lm"
metrics = ["exact_match"]
fields = { context = "text", target = "word" }
[task.last.splits]
test = { role = "final", files = ["test.jsonl"] }
[task.last.patterns]
end = "{context} [gMASK]"
"""

CHOICES = """\
[task.cause]
metrics = ["accuracy"]
fields = { premise = "premise", choices = ["choice1", "choice2"], label = "label" }
[task.cause.splits]
train = { role = "train", files = ["train.jsonl"] }
[task.cause.patterns]
so = "{premise} so [MASK]."
"""


def said_about(text: str, old: str = "", new: str = "") -> str:
    """The error of a file in which something was replaced."""
    assert old in text
    with pytest.raises(TomlError) as caught:
        read_tasks(text.replace(old, new, 1), "pack.toml")
    return str(caught.value)


def test_the_whole_file_is_sound() -> None:
    for text in (WHOLE, LM, CHOICES):
        assert len(read_tasks(text, "pack.toml")) == 1


MISTAKES = {
    # ---- keys
    "unknown-key": (
        'labels = ["joy"', 'lables = ["joy"',
        "6: unknown key 'lables' in task.emotion; did you mean 'labels'?",
    ),
    "unknown-key-of-a-split": ("labelled = false", "labeled = false",
        "20: unknown key 'labeled' in task.emotion.splits.test; did you mean 'labelled'?"),
    "unknown-edge": ("pad_to", "padding", "15: unknown key 'padding' in task.emotion.edges; there are end, eos, pad_to"),
    # ---- kinds of values
    "text-for-list": ('["accuracy", "f1_macro"]', '"accuracy"',
        "7: task.emotion.metrics is the text 'accuracy', wants a list of texts; write metrics = [\"accuracy\"]"),
    "number-for-text": ('"Two emotions"', "2", '3: task.emotion.summary is the number 2, wants text; write summary = "2"'),
    "text-for-number": ("revision = 2", 'revision = "2"',
        "4: task.emotion.revision is the text '2', wants a whole number, as in revision = 1"),
    "truth-for-number": ("revision = 2", "revision = true",
        "4: task.emotion.revision is true, wants a whole number, as in revision = 1"),
    "text-for-truth": ("labelled = false", 'labelled = "no"',
        "20: task.emotion.splits.test.labelled is the text 'no', wants true or false; write labelled = false"),
    "text-for-table": ('train = { role = "train", files = ["train.tsv"] }', 'train = "train.tsv"',
        "18: task.emotion.splits.train is the text 'train.tsv', wants a table; begin it with [task.emotion.splits.train]"),
    "numbers-for-labels": ('["joy", "anger"]', "[0, 1]",
        '6: task.emotion.labels holds the number 0, wants texts; write labels = ["0", "1"]'),
    "list-in-list": ('"b.tsv"]', '["b.tsv"]]',
        '22: task.emotion.splits.rest.files holds a list, wants texts; write files = ["a.tsv", "…"]'),
    "date-for-text": ('"CC0-1.0"', "2024-01-01", "13: task.emotion.license is the date 2024-01-01, wants text"),
    "table-for-pattern": ('felt = "{text} I felt [MASK]."', "felt = {}",
        '32: task.emotion.patterns.felt is a table, wants text; write felt = "…"'),
    # ---- the task
    "kind": ('"cloze"', '"choice"', "2: task.emotion.kind is 'choice', wants one of cloze, generation, lm"),
    "revision": ("revision = 2", "revision = 0", "4: revision is 0, wants a whole number from 1 on"),
    "combine": ('"max"', '"sum"', "12: task.emotion.combine is 'sum', wants one of mean, max, logsumexp, first"),
    "edge": ('"never"', '"nevr"', "15: task.emotion.edges.eos is 'nevr', wants one of auto, always, never; "
        "did you mean 'never'?"),
    "edge-number": ("64", '"64"', "15: task.emotion.edges.pad_to is the text '64', wants a whole number, as in pad_to = 1"),
    # ---- labels and words
    "no-labels": ('labels = ["joy", "anger"]\n', "",
        '1: task.emotion has no labels; write labels = ["…", "…"], or fields.choices for answers of its own'),
    "empty-labels": ('["joy", "anger"]', "[]",
        '6: task.emotion has no labels; write labels = ["…", "…"], or fields.choices for answers of its own'),
    "label-twice": ('["joy", "anger"]', '["joy",\n"anger", "joy"]', "7: task.emotion.labels holds 'joy' twice; keep one"),
    "label-without-words": ('anger = "anger"\n', "",
        "27: label 'anger' has no words in task.emotion.words; write anger = [\"…\"]"),
    "label-with-no-words": ('anger = "anger"', "anger = []",
        "29: label 'anger' has no words in task.emotion.words; write anger = [\"…\"]"),
    "label-with-an-empty-word": ('anger = "anger"', 'anger = ["anger", ""]',
        "29: label 'anger' has no words in task.emotion.words; write anger = [\"…\"]"),
    "words-for-no-label": ('anger = "anger"', 'anger = "anger"\nfear = "fear"',
        "30: words for 'fear', which is no label (there are joy, anger)"),
    "words-for-a-near-label": ('anger = "anger"', 'angr = "anger"',
        "29: words for 'angr', which is no label (there are joy, anger); did you mean 'anger'?"),
    "words-for-no-pattern": ("words_for.says", "words_for.say",
        "35: words for pattern 'say', which is not there; did you mean 'says'?"),
    "own-words-lack-a-label": ('anger = ["angry"]\n', "",
        "35: label 'anger' has no words in task.emotion.words_for.says; write anger = [\"…\"]"),
    "no-words": ('[task.emotion.words]\njoy = ["joy", "happiness"]\nanger = "anger"\n', "",
        "1: pattern 'felt' has no words; add [task.emotion.words] with joy = [\"…\"] and so on"),
    "name-for-no-label": ('"0" = "joy"', '"0" = "happy"', "25: 'happy' is no label (there are joy, anger)"),
    "name-for-a-near-label": ('"0" = "joy"', '"0" = "angr"',
        "25: 'angr' is no label (there are joy, anger); did you mean 'anger'?"),
    "name-for-a-number": ('"0" = "joy"', '"0" = 0',
        '25: task.emotion.label_names.0 is the number 0, wants text; write 0 = "0"'),
    "both-labels-and-range": ('metrics = ["accuracy"', 'value_range = [0, 5]\nmetrics = ["accuracy"',
        "6: labels and value_range exclude each other: the labels are numbers"),
    # ---- patterns
    "no-patterns": (WHOLE[WHOLE.index("[task.emotion.patterns]"):WHOLE.index("[task.emotion.words_for")], "",
        '1: task.emotion has no pattern; add [task.emotion.patterns] with it-was = "{text} It was [MASK]."'),
    "filter": ("{speaker|keep}", "{speaker|kep}",
        "33: pattern 'says', column 10: unknown filter 'kep'; did you mean 'keep'?\n"
        "    {speaker|kep}: {text} [MASK]\n"
        "             ^^^"),
    "open-brace": ("{text} I felt", "{text I felt",
        "32: pattern 'felt', column 1: this brace is never closed; write {{ for a brace itself\n"
        "    {text I felt [MASK].\n"
        "    ^"),
    "no-blank": ("I felt [MASK].", "I felt.",
        "32: pattern 'felt': a cloze pattern needs a blank; write [MASK]\n    {text} I felt."),
    "two-blanks": ("I felt [MASK].", "I felt [MASK], [MASK].",
        "32: pattern 'felt', column 23: a cloze has one blank; this is the second\n"
        "    {text} I felt [MASK], [MASK].\n"
        "                          ^^^^^^"),
    "field-of-no-column": ("felt = \"{text}", "felt = \"{txt}",
        "32: pattern 'felt', column 2: no field 'txt' (fields has text, speaker); did you mean 'text'?\n"
        "    {txt} I felt [MASK].\n"
        "     ^^^"),
    "label-in-the-pattern": ("felt = \"{text}", "felt = \"{label}",
        "32: pattern 'felt', column 2: no field 'label' (fields has text, speaker); fields.label is no text of the "
        "example, give its column a second name\n"
        "    {label} I felt [MASK].\n"
        "     ^^^^^"),
    # ---- data
    "format": ('"tsv"', '"json"', "8: task.emotion.format is 'json', wants one of jsonl, tsv, csv; did you mean 'jsonl'?"),
    "header-of-jsonl": ('format = "tsv"\n', "",
        "8: 'header' is for tsv and csv; rows of jsonl name their own columns"),
    "columns-and-header": ("header = false\n", "",
        "9: columns are for files without a header row; write header = false as well"),
    "no-columns": ('columns = ["idx", "message", "emotion", "who"]\n', "",
        '9: a file without a header row wants its columns named; write columns = ["…", "…"]'),
    "no-such-column": ('text = "message"', 'text = "massage"',
        "11: no column 'massage' (columns are idx, message, emotion, who); did you mean 'message'?"),
    "no-fields": ('fields = { uid = "idx", text = "message", label = "emotion", speaker = "who" }\n', "",
        '1: task.emotion has no fields; write fields = { text = "…", label = "…" }: our names = its columns'),
    "no-label-field": ('label = "emotion", ', "",
        "11: fields has no 'label', so nothing can be learnt or measured; add label = \"…\", the column it stands in, "
        "or say labelled = false for every split"),
    "field-without-a-column": ('uid = "idx"', 'uid = ""', "11: fields.uid names no column"),
    "field-name": ("speaker = ", '"the speaker" = ',
        "11: 'the speaker' cannot name a field; use letters, digits and _, and not soft or split"),
    "field-named-split": ("speaker = ", "split = ",
        "11: 'split' cannot name a field; use letters, digits and _, and not soft or split"),
    "target-of-a-cloze": ("speaker = ", "target = ",
        "11: fields.target is for kinds generation and lm; a cloze has a label"),
    "choices-in-one-column": ('label = "emotion", ', 'label = "emotion", choices = "who", ',
        "6: 'labels' and fields.choices exclude each other: the choices are the answers"),
    "no-splits": (WHOLE[WHOLE.index("[task.emotion.splits]"):WHOLE.index("[task.emotion.label_names]")], "",
        '1: task.emotion has no splits; add [task.emotion.splits] with train = '
        '{ role = "train", files = ["train.jsonl"] }'),
    "role": ('role = "tune"', 'role = "dev"',
        "19: task.emotion.splits.dev.role is 'dev', wants one of train, tune, final, unlabeled"),
    "no-role": ('role = "tune", ', "",
        '19: split \'dev\' has no role; add role = "train", "tune", "final" or "unlabeled"'),
    "no-files": (', files = ["dev.tsv"]', "", "19: split 'dev' has no files; add files = [\"…\"], relative to --data"),
    "absolute-file": ('["dev.tsv"]', '["/data/dev.tsv"]',
        "19: '/data/dev.tsv' is no file below --data; write it relative"),
    "absolute-file-elsewhere": ('"b.tsv"', "'C:\\b.tsv'", "22: 'C:\\\\b.tsv' is no file below --data; write it relative"),
    # ---- metrics and options
    "no-metrics": ('metrics = ["accuracy", "f1_macro"]\n', "",
        '1: task.emotion has no metrics; write metrics = ["accuracy"]'),
    "metric": ('"f1_macro"', '"f1_makro"', "7: unknown metric 'f1_makro'; did you mean 'f1_macro'?"),
    "what-is-no-metric": ('"f1_macro"', '"normalize_answer"', "7: unknown metric 'normalize_answer'"),
    "f1-of-another-label": ('"f1_macro"', '"f1"',
        "7: metric 'f1' is about the label '1', which labels does not have; use f1_macro"),
    "option": ("learning_rate = 1e-5", "learning-rate = 1e-5",
        "40: unknown key 'learning-rate' in task.emotion.recommended; did you mean 'learning_rate'?"),
    "option-value": ("1e-5", '"fast"', "40: learning-rate is a number; got 'fast'"),
    "option-range": ("1e-5", "-1", "40: learning-rate is not negative; got -1"),
    "recommended-pattern": ('pattern = "says"', 'pattern = "said"',
        "41: task.emotion.recommended.pattern is 'said', wants one of felt, says"),
    "recipe": ("epochs = 2", "epoch = 2", "44: unknown key 'epoch' in task.emotion.recipes.quick; did you mean 'epochs'?"),
    "recipe-value": ("[task.emotion.recipes.quick]\nepochs = 2", "[task.emotion.recipes]\nquick = 2",
        "44: task.emotion.recipes.quick is the number 2, wants a table; begin it with [task.emotion.recipes.quick]"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line(name: str) -> None:
    old, new, message = MISTAKES[name]
    said = said_about(WHOLE, old, new)
    assert said.startswith(f"pack.toml:{message}")
    assert len(said.partition("\n")[0]) < 400  # the names of all metrics are the longest list


def test_a_key_below_the_head_of_a_table_is_told_where_it_belongs() -> None:
    for table in ("splits", "words", "patterns", "label_names"):
        head = f"[task.emotion.{table}]"
        without = WHOLE.replace('license = "CC0-1.0"\n', "")
        line = without.splitlines().index(head) + 2
        assert said_about(without, head, f'{head}\nlicense = "MIT"') == (
            f"pack.toml:{line}: 'license' stands in task.emotion.{table}; move it up, above {head}"
        )


def test_patterns_and_labels_may_have_the_name_of_a_key() -> None:
    text = CHOICES.replace("so = ", "summary = ")
    assert [one.name for one in read_tasks(text, "pack.toml")[0].pvps] == ["summary"]
    text = WHOLE.replace("joy", "fields")
    assert read_tasks(text, "pack.toml")[0].processor.labels == ("fields", "anger")


def test_what_stands_outside_of_a_task_is_told_where_it_belongs() -> None:
    said = "there is no task; begin one with [task.NAME]"
    assert said_about("") == f"pack.toml: {said}"
    assert said_about("# nothing\n[task]\n") == f"pack.toml:2: {said}"
    assert said_about('[tasks.a]\nkind = "cloze"\n') == "pack.toml:1: unknown key 'tasks'; did you mean 'task'?"
    assert said_about('name = "a"\n[task.a]\n') == "pack.toml:1: unknown key 'name'; there are task"
    assert said_about('[task]\nkind = "cloze"\n') == (
        "pack.toml:2: 'kind' stands outside of any task; write [task.NAME], and kind below it"
    )
    assert said_about('[task.words]\njoy = "joy"\n') == (
        "pack.toml:1: 'words' stands outside of any task; write [task.NAME.words]"
    )
    assert said_about("task = 3\n").startswith("pack.toml:1: task is the number 3, wants a table; begin it with [task]")
    assert said_about("[task]\nemotion = 3\n").startswith("pack.toml:2: task.emotion is the number 3, wants a table")
    assert said_about("[task.Emotion]\n") == (
        "pack.toml:1: 'Emotion' is not a task name; use small letters, digits, . and -"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metrics", 'labels = ["a"]\nmetrics', "3: 'labels' is for cloze tasks; kind lm fills its blank with the target"),
        ("metrics", 'combine = "max"\nmetrics', "3: 'combine' is for cloze tasks; kind lm fills its blank with the target"),
        (', target = "word"', "", "4: fields has no 'target', so nothing can be learnt or measured; add target = \"…\""),
        ("target", "label", "4: fields has no 'target', so nothing can be learnt or measured"),
        ('"word"', '"word", label = "word"', "4: fields.label is for cloze tasks; kind lm has a target"),
        ("[gMASK]", "[MASK] [gMASK]", "8: pattern 'end', column 18: lm has one blank; this is the second"),
    ],
)  # fmt: skip
def test_a_task_that_weighs_has_a_target_and_no_labels(old: str, new: str, message: str) -> None:
    assert said_about(LM, old, new).startswith(f"pack.toml:{message}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["accuracy"]', '["accuracy"]\nwords = { a = "b" }',
            "3: 'words' and fields.choices exclude each other: the choices are the answers"),
        ('["choice1", "choice2"]', "3", "3: task.cause.fields.choices is the number 3, wants a list of texts"),
        ('["choice1", "choice2"]', "[]", "3: fields.choices names no column"),
        ('["accuracy"]', '["accuracy"]\nlabel_names = { A = "first" }',
            "3: 'first' is no label; choices are labelled \"0\", \"1\", … in their order"),
        ('["accuracy"]\nfields = { premise = "premise", choices = ["choice1", "choice2"]',
            '["accuracy"]\nformat = "csv"\nfields = { premise = "premise", choices = "choices"',
            '4: a column of csv holds one text; write choices = ["…", "…"]'),
    ],
)  # fmt: skip
def test_a_task_with_choices_has_no_labels_of_its_own(old: str, new: str, message: str) -> None:
    assert said_about(CHOICES, old, new).startswith(f"pack.toml:{message}")


@pytest.mark.parametrize("given", ["[5, 0]", "[0]", "[0, 1, 2]"])
def test_a_range_is_two_numbers_the_lower_one_first(given: str) -> None:
    said = said_about(CHOICES, "metrics", f"value_range = {given}\nmetrics")
    assert said.startswith("pack.toml:2: value_range wants two numbers, the lower one first, as in [0, 5]")


def test_a_range_holds_numbers() -> None:
    said = said_about(CHOICES, "metrics", 'value_range = ["low", 5]\nmetrics')
    assert said == "pack.toml:2: task.cause.value_range holds the text 'low', wants numbers"
    said = said_about(CHOICES, "metrics", 'value_range = "0-5"\nmetrics')
    assert said.startswith("pack.toml:2: task.cause.value_range is the text '0-5', wants a list of numbers, as in")


def test_a_long_text_is_not_repeated_whole_in_a_message() -> None:
    said = said_about(WHOLE, "revision = 2", f'revision = "{"x" * 1000}"')
    assert len(said) < 200
