"""Named files are run, each under the name it is imported by, and see stand-ins for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm_pack_legacy.importing import Files, name_of
from glm_pack_legacy.stand_ins.tokenizer import SPECIAL, StandInTokenizer


def put(folder: Path, name: str, text: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("my_tasks.py", "my_tasks"),
        ("pet/pvp.py", "pet.pvp"),
        ("pet/my_task.py", "pet.my_task"),
        ("GLM/tasks/superglue/pvp.py", "tasks.superglue.pvp"),
        ("GLM/tasks/superglue/mine.py", "tasks.superglue.mine"),
        ("shop/reviews/classes.py", "classes"),
    ],
)
def test_a_file_is_imported_by_where_it_lies(place: str, name: str, tmp_path: Path) -> None:
    assert name_of(put(tmp_path, place, "")) == name


def test_a_file_of_a_package_is_imported_with_it(tmp_path: Path) -> None:
    put(tmp_path, "shop/__init__.py", "")
    assert name_of(put(tmp_path, "shop/classes.py", "")) == "shop.classes"
    assert name_of(tmp_path / "shop" / "__init__.py") == "shop"


def test_named_files_find_each_other_before_any_stand_in(tmp_path: Path) -> None:
    one = put(
        tmp_path,
        "pet/pvp.py",
        "from .utils import WORD\nfrom pet import utils\nimport pet.utils as again\nPVP = utils\n",
    )
    other = put(tmp_path, "pet/utils.py", "WORD = 'mine'\n")
    pvp, utils = Files({name_of(path): path for path in (one, other)}).load()
    assert pvp.WORD == "mine" and pvp.PVP is pvp.again is utils


def test_an_import_inside_a_function_is_answered_too(tmp_path: Path) -> None:
    body = ("from tasks.data_utils import InputExample", "import utils", "return InputExample('g', 'a'), utils")
    text = "def later():\n" + "".join(f"    {line}\n" for line in body)
    (module,) = Files({"classes": put(tmp_path, "classes.py", text)}).load()
    example, utils = module.later()
    assert example.guid == "g" and utils.print_rank_0("said") is None


def test_annotations_and_dataclasses_of_a_file_are_looked_up_in_it(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nimport typing\nfrom dataclasses import dataclass\n"
        "from transformers import PreTrainedTokenizer\n\n@dataclass\nclass Row:\n    text: str\n"
        "    tokenizer: PreTrainedTokenizer = None\n\nHINTS = typing.get_type_hints(Row)\n"
    )
    (module,) = Files({"classes": put(tmp_path, "classes.py", text)}).load()
    assert module.Row("a").text == "a" and module.HINTS["text"] is str


def test_no_compiled_code_is_left_beside_a_file(tmp_path: Path) -> None:
    Files({"classes": put(tmp_path, "classes.py", "x = 1\n")}).load()
    assert [one.name for one in tmp_path.iterdir()] == ["classes.py"]


def test_a_registry_belongs_to_one_port(tmp_path: Path) -> None:
    place = put(tmp_path, "classes.py", "from pet.pvp import PVPS\nPVPS['x'] = 1\n")
    (first,), (second,) = Files({"classes": place}).load(), Files({"classes": place}).load()
    assert first.PVPS == second.PVPS == {"x": 1} and first.PVPS is not second.PVPS


@pytest.mark.parametrize(
    "text", ["It was", " two  words\n\nand\tmore ", "标题：雪", f"a {SPECIAL['MASK']}{SPECIAL['MASK']}b", ""]
)
def test_what_the_tokenizer_encodes_it_decodes_to_the_letter(text: str) -> None:
    tokenizer = StandInTokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text == "".join(tokenizer.tokenize(text))
    assert tokenizer.DecodeIds(tokenizer.EncodeAsIds(text).tokenization) == text


def test_a_word_is_one_token_and_masks_are_ids(tmp_path: Path) -> None:
    tokenizer = StandInTokenizer()
    assert len(tokenizer.encode(" great")) == 1 and len(tokenizer.encode("not great")) == 2
    assert tokenizer.encode(SPECIAL["MASK"]) == [tokenizer.mask_token_id] == [tokenizer.get_command("MASK").Id]
    assert tokenizer.get_command("ENC").Id == tokenizer.cls_token_id
