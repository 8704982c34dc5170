"""Classes of old become packs: templates that read the same, and Python that asks the original where none does."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HERE, ROWS, Port, glm, pet

from glm_core import PVP, Example, Text
from glm_core.checks.run import check_pack
from glm_core.parts import SPLIT, Soft
from glm_core.testing.kit import toy_model
from glm_pack_legacy.examples import to_example, to_original
from glm_pack_legacy.runtime import LegacyPattern

OLD = ("pet_reviews.py", "glm_claims.py", "glm_causes.py")
DATA = {"pet_reviews.py": "reviews", "glm_claims.py": "claims", "glm_causes.py": "causes"}


def test_four_patterns_of_pet_become_templates_and_the_reader_a_toml_file(port: Port) -> None:
    done = port("pet_reviews.py", data="reviews")
    assert done.code == 0 and done.report["form"] == "toml"
    assert done.templates == {
        0: "It was [MASK] . {review}",
        1: "{review} All in all, it was [MASK] .",
        2: "Just [MASK] !{split} {review|strip_punct} ,",
        3: "About {film|keep} : {review|lower}{split} In short: [MASK]",
    }
    assert done.report["fields"] == {"text_a": "review", "text_b": "film"}
    assert done.report["splits"] == {"train": 8, "dev": 2, "unlabeled": 3}
    assert {one["same_parts"] for one in done.report["patterns"]} == {13}
    words = done.patterns[0]["words"]
    assert words == {"neg": ["terrible", "bad"], "pos": ["great", "good"]}


def test_the_toml_pack_reads_what_the_original_read(port: Port) -> None:
    done = port("pet_reviews.py", data="reviews")
    task = done.task
    data = task.processor.open(HERE / "data" / "reviews")
    first, second, *_ = task.read(data, "train")
    assert first.fields == {"review": "A warm, funny film about two brothers.", "film": "Lighthouse"}
    assert (first.label, second.label) == ("pos", "neg")
    assert [one.label for one in task.read(data, "unlabeled")] == [None] * 3
    assert {one.name: one.role for one in task.processor.splits} == {
        "train": "train",
        "dev": "tune",
        "unlabeled": "unlabeled",
    }


def test_patterns_of_glm_become_those_that_were_written_by_hand(port: Port) -> None:
    done = port("glm_claims.py", data="claims")
    assert done.templates == {  # 0 to 2: as glm-core has RTE's 0, 1 and 4
        0: '{soft}"{text_b|strip_punct}" ?{split}{soft} [MASK],{soft} "{text_a}"',
        1: "{soft}{text_b|strip_punct}?{split}{soft} [MASK],{soft} {text_a}",
        2: "{soft}{text_a}{soft} question: {text_b|strip_punct} True or False?{soft} answer: [MASK]",
        4: "{text_a}- [ [MASK]] {text_b|strip_punct|keep}",
    }
    assert done.patterns[0]["words"] == {"entailment": ["Yes"], "not_entailment": ["No"]}
    assert done.patterns[2]["combine"] == "first"


def test_where_no_template_renders_the_same_the_pack_asks_the_original_and_says_on_which_sample(port: Port) -> None:
    done = port("glm_claims.py", data="claims")
    (one,) = [one for one in done.report["patterns"] if one["how"] == "python"]
    assert (one["id"], one["template"]) == (3, "{text_a} Is it so that {text_b|strip_punct}?{split} [MASK].")
    assert one["same_tokens"] == {"WordPiece": 9, "byte-level BPE": 0}
    assert one["difference"]["uid"] == "train-0" and one["difference"]["where"] == "tokens in byte-level BPE"
    assert done.report["form"] == "python" and "pattern-3 asks it" in done.report["why_python"]
    assert "LegacyPattern(ORIGINAL, 3)" in done.file("*/task.py")
    assert done.file("*/original/glm_claims.py") == (HERE / "old" / "glm_claims.py").read_text("utf-8")
    assert '"glm-pack-legacy>=1.0,<2"' in done.file("pyproject.toml")


def test_a_vocabulary_that_is_named_decides(port: Port) -> None:
    done = port("glm_claims.py", data="claims", more=("--model", "tiny", "--pattern-ids", "3"))
    assert done.templates == {3: "{text_a} Is it so that {text_b|strip_punct}?{split} [MASK]."}
    assert done.patterns[3]["same_tokens"] == {"tiny": 9} and done.patterns[3]["same_parts"] == 0


def test_answers_of_every_examples_own_become_choices(port: Port) -> None:
    done = port("glm_causes.py", data="causes")
    assert done.templates == {
        1: "{choice1|strip_punct|lower|keep} or {choice2|strip_punct|lower|keep}? "
        "{text_a|strip_punct} What is the {question|keep}? [MASK]",
        2: "Which one? {text_a|strip_punct} [MASK].",
    }
    assert done.patterns[0]["difference"]["uid"] == "train-1"  # the first effect: ", so" for " because"
    task = done.task
    example = task.read(task.processor.open(HERE / "data" / "causes"), "train")[0]
    assert example.choices == (" it was cold", " it rained") and example.label == "0"
    for pvp in task.pvps:
        cloze = pvp.cloze(example)
        assert (cloze.answers, cloze.labels, cloze.gold) == ((" it was cold", " it rained"), ("0", "1"), "0")
    assert str(task.cloze(example, "pattern-0")) == '"it was cold" or "it rained"? The pond froze because[MASK].'


def test_the_originals_own_examples_come_with_their_uids_and_mirrored_ones_too(port: Port) -> None:
    task = port("glm_causes.py", data="causes").task
    data = task.processor.open(HERE / "data" / "causes")
    examples = task.read(data, "train")
    assert [one.uid for one in examples] == [f"train-{n}{m}" for m in ("", "m") for n in range(4)]
    assert (examples[0].choices[0], examples[4].choices[1], examples[4].label) == (" it was cold", " it was cold", "1")
    assert any(name.endswith("train.jsonl") for name in data.hashes)
    assert [one.label for one in task.read(data, "test")] == [None]


@pytest.mark.parametrize("file", OLD)
def test_a_ported_pack_loads_and_every_check_is_content(file: str, port: Port) -> None:
    done = port(file, data=DATA[file])
    report = check_pack(done.pack, model=toy_model())
    assert not report.errors and not report.of("error"), [str(one) for one in report.findings]
    assert {one.level for one in report.findings} <= {"information", "warning"}


@pytest.mark.parametrize("file", OLD)
def test_a_ported_pack_gives_the_clozes_of_the_original(file: str, port: Port) -> None:
    from glm_pack_legacy.importing import name_of
    from glm_pack_legacy.original import Original

    done = port(file, data=DATA[file])
    place = HERE / "old" / file
    classes = Original("", ((name_of(place), str(place)),)).load()
    task, data = done.task, HERE / "data" / DATA[file]
    for split in task.processor.splits:
        examples = task.read(task.processor.open(data), split)
        originals = classes.read(split.name, data)
        for example, one in zip(examples, originals, strict=True):
            label = None if split.role == "unlabeled" or one.label is None else str(one.label)
            assert example.label == label
            for id, pattern in done.patterns.items():
                before = PVP("shim", LegacyPattern(classes.original, id), {"x": "y"}).cloze(
                    replace(to_example(one, labelled=True), label=None)
                )
                after = task.cloze(example, pattern["name"])
                assert str(after) == str(before) and _facts(after.parts) == _facts(before.parts)


def test_a_task_that_asks_the_original_can_be_sent_to_another_process(port: Port) -> None:
    task = port("glm_causes.py", data="causes").task
    again = pickle.loads(pickle.dumps(task))
    data = HERE / "data" / "causes"
    example = again.read(again.processor.open(data), "dev")[0]
    assert again.cloze(example, 0) == task.cloze(example, 0)


def test_new_texts_without_anything_but_fields_are_asked_about_too(port: Port) -> None:
    task = port("glm_causes.py", data="causes").task
    fields = {"text_a": "The cup fell.", "choice1": "It broke.", "choice2": "It sang.", "question": "effect"}
    cloze = task.cloze(Example("new", fields), 0)
    assert str(cloze) == '"it broke" or "it sang"? The cup fell, so[MASK].'
    assert cloze.answers == (" it broke", " it sang")


def test_a_pattern_may_write_into_the_example_it_is_given(port: Port) -> None:
    body = """
    example.meta["c1"] = example.meta["c1"].upper()
    return [example.meta["c1"], "?", self.shortenable(example.text_a), self.mask], []
    """
    rows = [{**row, "c1": name} for row, name in zip(ROWS, ("one", "two", "three", "four"), strict=True)]
    done = port(pet(body), data={"train.jsonl": rows})
    assert done.patterns[0]["how"] == "python"
    task = done.task
    examples = task.read(task.processor.open(done.folder / "src" / done.pack.module / "samples"), "train")
    kept = copy.deepcopy(examples[0].meta)
    assert str(task.cloze(examples[0])) == str(task.cloze(examples[0])) == "ONE ? The pond froze in May.[MASK]"
    assert examples[0].meta == kept


def test_masks_in_a_row_are_one_blank_and_its_answers_lie_in_meta(port: Port) -> None:
    body = """
    words = [self.remove_final_punc(example.meta[key]) for key in ("choice1", "choice2")]
    example.meta["choice1"], example.meta["choice2"] = words
    longest = max(len(get_verbalization_ids(one, self.wrapper.tokenizer, force_single_token=False)) for one in words)
    return [self.shortenable(example.text_a), "because", self.mask * longest, "."], []
    """
    rows = [{**row, "choice1": "it was cold.", "choice2": "it rained hard!"} for row in ROWS]
    source = pet(body, words="[]", head="from pet.utils import get_verbalization_ids")
    done = port(source, data={"train.jsonl": rows})
    assert done.templates == {0: "{text_a} because [MASK] ."}
    task = done.task
    example = task.read(task.processor.open(done.folder / "src" / done.pack.module / "samples"), "train")[1]
    cloze = task.cloze(example)
    assert (cloze.answers, cloze.labels, cloze.gold) == ((" it was cold", " it rained hard"), ("neg", "pos"), "neg")


def test_choices_that_are_columns_need_no_python(port: Port) -> None:
    body = "return [self.shortenable(example.text_a), [self.mask]], []"
    rest = "    def get_answers(self, example):\n        return [' ' + one for one in example.meta['options']]"
    rows = [{"a": row["a"], "options": ["yes, it is", "no"], "label": n % 2} for n, row in enumerate(ROWS)]
    done = port(glm(body, rest=rest, labels="[0, 1]", words="[]"), data={"train.jsonl": rows})
    assert done.report["form"] == "toml" and 'choices = ["options"]' in done.file("*/pack.toml")
    task = done.task
    example = task.read(task.processor.open(done.folder / "src" / done.pack.module / "samples"), "train")[1]
    assert task.cloze(example).answers == (" yes, it is", " no") and example.label == "1"


def test_a_mask_inside_a_text_stays_where_it_is(port: Port) -> None:
    body = 'return [self.shortenable(example.text_a), " - " + example.text_b.replace("@here", self.mask)], []'
    rows = [{**row, "b": f"I say @here, {n}"} for n, row in enumerate(ROWS)]
    done = port(pet(body), data={"train.jsonl": rows})
    assert done.patterns[0]["how"] == "python"  # what stands before and after it is no field
    assert done.patterns[0]["difference"]["uid"] == "train-1"
    task = done.task
    example = task.read(task.processor.open(done.folder / "src" / done.pack.module / "samples"), "train")[0]
    assert str(task.cloze(example)) == "The pond froze in May. - I say[MASK], 0"


def test_flags_of_p_tuning_become_soft_places_with_the_words_they_start_from(port: Port) -> None:
    body = """
    a = [self.shortenable(example.text_a), example.text_b, "?", "the true", " answer: ", self.mask]
    return a, [], [0, 0, 0, 1, 0, 0], []
    """
    done = port(pet(body), data={"train.jsonl": ROWS})
    assert (
        done.templates == {0: '{text_a} {text_b|keep} ?{soft:2="the true"} answer: [MASK]'}
        or done.report["form"] == "toml"
    )
    task = done.task
    parts = task.cloze(Example("x", {"a": "One.", "b": "Two"})).parts
    assert Soft(2, "the true") in parts


def test_a_number_among_the_parts_is_how_many_soft_tokens_stand_there(port: Port) -> None:
    done = port(glm("return [2, self.shortenable(example.text_a), 0, [self.mask]], []"), data={"train.jsonl": ROWS})
    assert done.templates == {0: "{soft:2}{a} [MASK]"}


def test_the_names_of_pets_own_examples_are_known(port: Port) -> None:
    source = pet(
        "return [self.mask, 'News:', self.shortenable(example.text_a)], ['(', self.shortenable(example.text_b), ')']",
        pvp="from pvp import PVP\nfrom preprocessor import PVPS\nfrom task_helpers import MultiMaskTaskHelper",
        tasks="from tasks import DataProcessor, PROCESSORS, TASK_HELPERS",
        head="from utils import InputExample\nimport pandas as pd\nfrom tqdm import tqdm\n",
        meta="dict(tqdm([]))",
        rest="PVPS['news'] = MyPVP\nPROCESSORS['news'] = MyProcessor\nTASK_HELPERS['news'] = MultiMaskTaskHelper\n",
    )
    assert port(source, data={"train.jsonl": ROWS}).templates == {0: "[MASK] News: {a}{split} ( {b} )"}


def test_columns_of_a_file_without_a_header_get_names(port: Port) -> None:
    rows = "".join(f'{n % 2 + 1},"Title {n}, and more","Body ""{n}"" of it."\n' for n in range(6))
    source = pet(
        "return [self.mask, ':', self.shortenable(example.text_a), self.shortenable(example.text_b)], []",
        words="{'1': ['World'], '2': ['Sports']}[label]",
        labels="['1', '2']",
        head="import csv",
    )
    before, _, after = source.partition("        with open")
    _, _, after = after.partition("    def get_labels")
    source = (
        f"{before}        with open(os.path.join(data_dir, 'train.csv'), newline='') as f:\n"
        "            rows = list(csv.reader(f))\n"
        "        return [InputExample(f'train-{i}', row[1], row[2], row[0]) for i, row in enumerate(rows)]\n\n"
        f"    def get_labels{after}"
    )
    done = port(source, data={"train.csv": rows})
    text = done.file("*/pack.toml")
    assert 'columns = ["label", "text_a", "text_b"]' in text and 'format = "csv"\nheader = false' in text
    assert done.templates == {0: "[MASK] : {text_a} {text_b}"}
    task = done.task
    example = task.read(task.processor.open(done.folder / "src" / done.pack.module / "samples"), "train")[1]
    assert (example.fields["text_b"], example.label) == ('Body "1" of it.', "2")


def test_files_that_call_labels_otherwise_say_so_in_the_toml_file(port: Port) -> None:
    source = pet("return [self.shortenable(example.text_a), self.mask], []")
    source = source.replace('row.get("label")', '{0: "neg", 1: "pos"}[row["stars"]]')
    rows = [{"a": row["a"], "b": row["b"], "stars": n % 2} for n, row in enumerate(ROWS)]
    done = port(source, data={"train.jsonl": rows})
    assert '[task.NAME.label_names]\n0 = "neg"\n1 = "pos"'.replace("NAME", done.name) in done.file("*/pack.toml")
    task = done.task
    data = task.processor.open(done.folder / "src" / done.pack.module / "samples")
    assert [one.label for one in task.read(data, "train")] == ["neg", "pos", "neg", "pos"]


def test_a_reader_that_does_more_than_to_take_columns_stays(port: Port) -> None:
    source = pet("return [self.shortenable(example.text_a), self.mask], []").replace('row["a"]', 'row["a"].upper()')
    done = port(source, data={"train.jsonl": ROWS})
    assert done.report["form"] == "python"
    assert done.report["why_python"] == "no column is the same as 'text_a' in every row"
    assert done.templates == {0: "{text_a} [MASK]"} and "LegacyPattern" not in done.file("*/task.py")


def test_the_first_row_may_be_taken_for_a_header_and_the_reason_is_told_all_the_same(port: Port) -> None:
    source = pet("return [self.shortenable(example.text_a), self.mask], []", head="import csv")
    source = source.replace("train.jsonl", "train.csv").replace(
        "json.loads(line) for line in f", "row for row in csv.reader(f)"
    )
    source = (
        source.replace('row["a"]', "row[0].title()")
        .replace('row.get("b")', "None")
        .replace('row.get("label")', "row[1]")
    )
    source = source.replace("{key: row[key] for key in row if key not in ('a', 'b', 'label')}", "None")
    done = port(source, data={"train.csv": "it was good,pos\nit was not,neg\nit went on,neg\n"})
    assert done.report["why_python"] == "no column is the same as 'text_a' in every row"


def test_words_of_a_class_are_words_though_its_base_has_answers_too(port: Port) -> None:
    rest = (
        "    def get_answers(self, example):\n        return [self.verbalize(label)[0] for label in self.label_list]\n"
    )
    for more in ("", "    is_multi_token = True\n"):
        done = port(
            glm("return [self.shortenable(example.text_a), [self.mask]], []", rest=rest + more),
            data={"train.jsonl": ROWS},
        )
        assert done.patterns[0]["words"] == {"neg": ["bad"], "pos": ["good"]}


def test_the_two_lists_of_parts_are_two_segments(port: Port) -> None:
    done = port(pet('return [self.mask, ":"], [self.shortenable(example.text_a)]'), data={"train.jsonl": ROWS})
    assert done.templates == {0: "[MASK] :{split} {a}"}
    assert SPLIT in done.task.cloze(Example("x", {"a": "One."})).parts


def test_spaces_are_as_the_base_class_has_them_unless_one_says_otherwise(port: Port) -> None:
    body = 'return [self.shortenable(example.text_a), "?", self.mask], []'
    source = pet(body)
    assert port(source, data={"train.jsonl": ROWS}).templates == {0: "{a} ? [MASK]"}
    done = port(source, data={"train.jsonl": ROWS}, more=("--spaces", "as-written"))
    assert done.templates == {0: "{a}?[MASK]"}
    assert done.patterns[0]["words"] == {"neg": ["bad"], "pos": ["good"]}


def test_two_files_that_import_each_other_are_named_together(port: Port, tmp_path: Path) -> None:
    folder = tmp_path / "pet"
    folder.mkdir()
    text = pet(
        "return [self.shortenable(example.text_a), TAIL, self.mask], []", head="from pet.pvp import Shared, TAIL"
    )
    text = text.replace("class MyPVP(PVP)", "class MyPVP(Shared)").replace("from pet.pvp import PVP", "")
    (folder / "pvp.py").write_text(
        "TAIL = 'in all'\n\n\nclass Shared:\n"
        "    def __init__(self, wrapper, pattern_id=0):\n        self.wrapper, self.pattern_id = wrapper, pattern_id\n\n"
        "    @property\n    def mask(self):\n        return self.wrapper.tokenizer.mask_token\n\n"
        "    def shortenable(self, s):\n        return s, True\n",
        encoding="utf-8",
    )
    done = port(text, folder / "pvp.py", data={"train.jsonl": ROWS})
    assert done.templates == {0: "{a} in all [MASK]"}
    assert done.report["spaces"] == "each-part"


def test_the_report_is_a_page_of_the_pack_and_a_few_lines_on_the_terminal(port: Port) -> None:
    done = port("glm_claims.py", data="claims", plain=True)
    page = done.file("PORT.md")
    assert "4 as a template, 1 through the original" in page
    assert "differs on train-0, tokens in byte-level BPE" in page
    assert "## pattern-3: a Python pattern that asks the original" in page
    assert "verified on 9 samples" in done.text and "pattern-3: a Python pattern that asks the original" in done.text
    assert "glm check" in done.text


def test_chinese_classes_keep_what_they_have_written(port: Port) -> None:
    rows = [{"a": "今年下雪了", "label": "pos"}, {"a": "票价上涨", "label": "neg"}, {"a": "球队赢了！", "label": "pos"}]
    body = 'return ["标题：", self.shortenable(example.text_a), "类别：", [self.mask]], []'
    done = port(glm(body, words='{"neg": ["金融"], "pos": ["体育"]}[label]'), data={"train.jsonl": rows})
    assert done.templates == {0: "标题：{a}类别：[MASK]"}
    assert 'languages = ["zh"]' in done.file("*/pack.toml")


def _facts(parts: tuple[object, ...]) -> list[object]:
    """Text by text what may be cut; adjacent fixed words are one."""
    found: list[object] = []
    for one in parts:
        if isinstance(one, Text):
            if one.cut is None and found and isinstance(found[-1], str):
                found[-1] += one.text
            else:
                found.append(one.text if one.cut is None else (one.text, one.cut))
        else:
            found.append(one)
    return found


def test_an_example_of_old_and_ours_hold_the_same(port: Port) -> None:
    from glm_pack_legacy.stand_ins.data import InputExample

    old = InputExample(
        "dev-1", "A text.", None, 1, meta={"question_idx": 3, "choices": ["a", "b"], "word": "w"}, idx=[1, 2]
    )
    ours = to_example(old, labelled=True)
    assert ours.fields == {"text_a": "A text.", "question_idx": "3", "word": "w"}
    assert (ours.label, ours.group, ours.meta["idx"]) == ("1", "3", [1, 2])
    again = to_original(ours, 1)
    assert (again.guid, again.text_a, again.text_b, again.label, again.idx) == ("dev-1", "A text.", None, 1, [1, 2])
    assert again.meta == old.meta and again.meta is not old.meta
