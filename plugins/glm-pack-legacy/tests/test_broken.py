"""What is wrong with a class is one line that says where, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import HERE, ROWS, Port, glm, pet

from glm_core.cli.main import main
from glm_core.errors import UsageError
from glm_pack_legacy.errors import PortError

TRAIN = {"train.jsonl": ROWS}
GOOD = "return [self.shortenable(example.text_a), self.mask], []"


def why(port: Port, source: str, **more: object) -> str:
    """Why the only pattern was not ported; nothing is written then, and the command ends with 1."""
    done = port(source, data=TRAIN, **more)  # type: ignore[arg-type]
    assert done.code == 1 and not done.folder.exists()
    assert [one["how"] for one in done.report["patterns"]] == ["not"]
    return done.patterns[0]["why"]


# ---- patterns


def test_a_pattern_that_raises_is_told_with_its_line_and_sample(port: Port) -> None:
    said = why(port, pet('return [example.meta["no such"], self.mask], []'))
    assert said.startswith("get_parts failed on train-0: KeyError: 'no such' [") and said.endswith(".py:26]")


def test_a_pattern_that_ends_the_program_does_not_end_ours(port: Port) -> None:
    assert "SystemExit: 3" in why(port, pet("raise SystemExit(3)"))


def test_a_pattern_without_a_mask_is_told(port: Port) -> None:
    assert why(port, pet("return [example.text_a], []")) == "get_parts gave no mask: self.mask is not among its parts"


def test_a_mask_written_out_is_told_with_the_remedy(port: Port) -> None:
    said = why(port, pet('return [self.shortenable(example.text_a), "It was <mask>."], []'))
    assert said == "get_parts gave no mask: '<mask>' is plain text, use self.mask"


def test_two_masks_with_words_between_them_are_told(port: Port) -> None:
    said = why(port, pet('return [self.mask, "and", self.mask, example.text_a], []'))
    assert said == "get_parts gave 2 masks with something between them; a cloze has one blank"


def test_a_label_without_a_word_is_told(port: Port) -> None:
    said = why(port, pet(GOOD, words='{"neg": ["bad"]}[label]'))
    assert said.startswith("label 'pos' has no words: verbalize failed: KeyError: 'pos' [")
    assert (
        why(port, pet(GOOD, words='["bad"] if label == "neg" else []'))
        == "label 'pos' has no words: verbalize gave none"
    )
    assert why(port, pet(GOOD, words="[1]")) == "label 'neg': verbalize gave [1], wants words"


def test_no_words_and_no_answers_are_told_with_the_flag(port: Port) -> None:
    said = why(port, pet(GOOD, words="[]"))
    assert said.startswith("no label has words: verbalize gave none") and said.endswith(
        "say which with --choices KEY,KEY"
    )


def test_a_label_that_the_processor_does_not_list_is_told(port: Port) -> None:
    said = why(port, pet(GOOD, labels='["neg", "fair"]', words="[label]"))
    assert "label 'pos' has no words" in said and "neg, fair" in said


def test_more_answers_than_labels_are_told(port: Port) -> None:
    rest = "    def get_answers(self, example):\n        return ['a', 'b', 'c']"
    assert why(port, glm("return [[self.mask]], []", rest=rest, words="[]")) == "3 answers, and labels for 2 (neg, pos)"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("example.logits", "get_parts gave nothing, wants two lists of parts"),
        ("'text'", "get_parts gave str, wants two lists of parts"),
        ("[1.5, self.mask], []", "part 0 of get_parts is of type float, wants a text, a mask or None"),
        ("[[5], [self.mask]], []", "part 0 of get_parts: id 5 stands for nothing here"),
        (
            "[self.mask, self.tokenizer.get_command('sop').Id], []",
            "get_parts put the special token 'sop' into the text",
        ),
        ("[self.mask], [], [0, 1], []", "get_parts gave 1 parts and 2 flags"),
        ("[self.tokenizer.get_command('BLANK').Id], []", "no special token 'BLANK' here"),
    ],
)
def test_what_is_no_list_of_parts_is_told(returned: str, said: str, port: Port) -> None:
    assert said in why(port, glm(f"return {returned}"))


def test_the_network_and_other_files_are_out_of_reach(port: Port, tmp_path: Path) -> None:
    body = "import socket\nsocket.create_connection(('example.org', 80))"
    assert "no network here" in why(port, pet(body))
    target = HERE / "written-by-a-pattern"
    assert "no writing here" in why(port, pet(f"open({str(target)!r}, 'w')"))
    assert not target.exists()


def test_a_pattern_that_fails_keeps_no_other_from_being_ported(port: Port) -> None:
    body = (
        f"if self.pattern_id == 1:\n    raise KeyError('one')\n{GOOD.replace('[self', '[str(self.pattern_id), self')}"
    )
    done = port(pet(body), data=TRAIN, more=("--pattern-ids", "0,1,2"))
    assert done.code == 0 and [one["how"] for one in done.report["patterns"]] == ["template", "not", "template"]
    assert done.templates == {0: "0 {a} [MASK]", 2: "2 {a} [MASK]"}
    assert [one.name for one in done.task.pvps] == ["pattern-0", "pattern-2"]


def test_patterns_are_counted_up_until_nothing_new_comes(port: Port) -> None:
    body = f"words = ['', 'so', 'well'][min(self.pattern_id, 2)]\n{GOOD.replace('[self', '[words, self')}"
    assert [*port(pet(body), data=TRAIN).patterns] == [0, 1, 2]


def test_an_encode_of_its_own_is_told(port: Port) -> None:
    rest = "    def encode(self, example):\n        return super().encode(example)"
    done = port(pet(GOOD, rest=rest), data=TRAIN)
    assert "MyPVP has an encode() of its own; what that does beside get_parts was not ported" in done.report["notes"]


# ---- imports


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            "import no_such_module",
            "imports no_such_module, and there is no module 'no_such_module' here; pip install no_such",
        ),
        ("from pet.extras import helper", "imports pet.extras, for which there is no stand-in; name its file too"),
        ("from .near import helper", "imports .near, and it is not known what package the file is of"),
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence ["),
        ("raise SystemExit(2)", "cannot be loaded: SystemExit: 2 ["),
        ("def broken(:", "cannot be loaded: SyntaxError: invalid syntax ["),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told_in_one_line(head: str, said: str, port: Port) -> None:
    with pytest.raises(PortError) as told:
        port(pet(GOOD, head=head), data=TRAIN)
    assert said in str(told.value) and "\n" not in str(told.value)


def test_a_name_without_a_stand_in_is_told_where_it_is_used(port: Port) -> None:
    head = "from pet.utils import trim_input_ids\nfrom transformers import AutoTokenizer, GPT2Tokenizer"
    assert port(pet(GOOD, head=head), data=TRAIN).code == 0  # imported, and not used
    said = why(port, pet("trim_input_ids([1])", head=head))
    assert "the file uses pet.utils.trim_input_ids, for which there is no stand-in; name the file that has it" in said
    said = why(port, pet("AutoTokenizer.from_pretrained('bert')", head=head))
    assert "the file uses transformers.AutoTokenizer, which a port does without" in said


def test_a_base_class_without_a_stand_in_is_told(port: Port) -> None:
    source = pet(GOOD, pvp="from pet.pvp import RtePVP as PVP")
    with pytest.raises(
        PortError, match=r"the file has MyPVP, which is built on pet\.pvp\.RtePVP, for which there is no"
    ):
        port(source, data=TRAIN)


def test_a_file_beside_it_that_was_not_named_is_not_run(port: Port, tmp_path: Path) -> None:
    (tmp_path / "my_words.py").write_text("raise AssertionError('this was run')\nWORD = 'well'\n", encoding="utf-8")
    with pytest.raises(PortError, match=r"imports my_words, which is .*my_words\.py: name that file too"):
        port(pet(GOOD, head="from my_words import WORD"), data=TRAIN)
    (tmp_path / "my_words.py").write_text("WORD = 'well'\n", encoding="utf-8")
    body = GOOD.replace("[self", "[WORD, self")
    done = port(pet(body, head="from my_words import WORD"), tmp_path / "my_words.py", data=TRAIN)
    assert done.templates == {0: "well {a} [MASK]"}


# ---- classes, data, flags


def test_classes_that_are_not_there_or_too_many_are_told(port: Port) -> None:
    with pytest.raises(PortError, match=r"has no PVP \(a class with get_parts\(\) and verbalize\(\)\); name the file"):
        port("x = 1\n", data=TRAIN)
    source = pet(GOOD) + "\n\nclass OtherPVP(MyPVP):\n    pass\n"
    with pytest.raises(PortError, match="has several PVPs: MyPVP, OtherPVP; choose one with --pvp"):
        port(source, data=TRAIN)
    assert port(source, data=TRAIN, more=("--pvp", "OtherPVP")).report["pvp"] == "OtherPVP"
    with pytest.raises(PortError, match=r"has no such PVP .*; did you mean 'OtherPVP'"):
        port(source, data=TRAIN, more=("--pvp", "OtherPvp"))


def test_data_that_the_processor_cannot_read_are_told(port: Port) -> None:
    with pytest.raises(PortError, match=r"MyProcessor read no split \(split 'train' is left out: .*FileNotFoundError"):
        port(pet(GOOD), data={"other.jsonl": ROWS})
    with pytest.raises(PortError, match="KeyError: 'a'"):
        port(pet(GOOD), data={"train.jsonl": [{"text": "x"}]})


def test_an_option_that_a_class_asks_for_can_be_given(port: Port) -> None:
    source = glm("return [self.args.opening, self.shortenable(' ' + example.text_a), [self.mask]], []")
    assert "args.opening is not known here; give it with --arg opening=VALUE" in why(port, source)
    done = port(source, data=TRAIN, more=("--arg", "opening=Well then:"))
    assert done.templates == {0: "Well then: {a} [MASK]"}
    init = "    def __init__(self, shop, **more):\n        super().__init__(**more)\n        self.args.opening = shop\n"
    source = source.replace("class MyPVP(PVP):\n", f"class MyPVP(PVP):\n{init}")
    with pytest.raises(PortError, match="MyPVP asks for 'shop' when it is made"):
        port(source, data=TRAIN)
    assert port(source, data=TRAIN, more=("--arg", "shop=Here")).templates == {0: "Here {a} [MASK]"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--samples", "0"), "--samples 0: wants a number from 1 on"),
        (("--pattern-ids", "a"), "--pattern-ids a: wants numbers"),
        (("--arg", "x"), "--arg x: wants NAME=VALUE"),
        (("--out", "Bad Name"), "'Bad Name' is not a pack name; use 'bad-name'"),
        (("--data", "nowhere"), "--data nowhere: there is no such folder"),
    ],
)
def test_flags_are_refused_with_what_to_write(more: tuple[str, ...], said: str, port: Port) -> None:
    with pytest.raises(UsageError) as told:
        port(pet(GOOD), data=TRAIN, more=more)
    assert said in str(told.value)


def test_a_folder_that_is_not_empty_is_left_alone(port: Port, tmp_path: Path) -> None:
    (tmp_path / "glm-pack-mine").mkdir()
    (tmp_path / "glm-pack-mine" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is there already and not empty"):
        port(pet(GOOD), data=TRAIN, more=("--out", str(tmp_path / "glm-pack-mine")))
    assert [one.name for one in (tmp_path / "glm-pack-mine").iterdir()] == ["notes.txt"]


def test_as_a_command_it_ends_with_a_code_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = str(HERE.parent)
    words = ["--pack", project, "--override", "port", str(HERE / "old" / "pet_reviews.py")]
    words += ["--data", str(HERE / "data" / "reviews"), "--samples", "4"]
    assert main([*words, "--out", str(tmp_path / "glm-pack-film-views")]) == 0
    out = capsys.readouterr().out
    assert "pattern-0: a template\n  It was [MASK] . {review}\n  verified on 9 samples" in out
    assert main([*words, "--out", str(tmp_path / "glm-pack-film-views")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*words[:4], "nowhere.py", "--data", ".", "--out", str(tmp_path / "glm-pack-x")]) == 2
    assert "nowhere.py: does not exist; name the .py file that has the PVP" in capsys.readouterr().err


def test_nothing_of_the_stand_ins_is_left_for_others(port: Port) -> None:
    before = set(sys.modules)
    port(pet(GOOD, head="import utils, log, transformers"), data=TRAIN)
    new = {name for name in set(sys.modules) - before if not name.startswith(("_glm_legacy_", "glm_", "tokenizers"))}
    assert not new & {"pet", "pet.pvp", "tasks", "utils", "log", "transformers", "data_utils"}
    assert not list((HERE / "old").glob("__pycache__"))


def test_a_reader_that_fails_half_way_is_told(port: Port) -> None:
    source = (
        pet(GOOD).replace("        return [\n", "        yield from [\n").replace('row["a"], row', 'row["a"].x, row')
    )
    with pytest.raises(PortError, match="AttributeError: 'str' object has no attribute 'x'"):
        port(source, data=TRAIN)


def test_the_name_a_task_is_registered_under_is_known_to_its_classes(port: Port) -> None:
    body = "return [self.shortenable(example.text_a), self.wrapper.config.task_name, self.mask], []"
    source = pet(body, rest="from pet.pvp import PVPS\nPVPS['film'] = MyPVP\n")
    assert port(source, data=TRAIN).templates == {0: "{a} film [MASK]"}
