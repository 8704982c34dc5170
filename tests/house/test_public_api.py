"""The public names are the recorded ones; a change here is a line in the changelog."""

from __future__ import annotations

import ast

import pytest

import glm_core
from tests.house.sources import ROOT

TEXT = """
Answer BLANK Backbone Batch Classifier Cloze DOCUMENT_BLANK DataDir DataError DataProcessor Edges EvalConfig Example GLM
Instance JsonlProcessor ModelConfig ModelSource PVP PackError Part Prediction Row SENTENCE_BLANK SPLIT Split Task Template
TemplateError Text Tokenizer TrainConfig TsvProcessor Weighed get_task hookimpl list_packs list_tasks load_backbone
load_tokenizer lowercase_first metrics presets shortenable soft straighten_quotes strip_final_punctuation toml_pack
unpack uppercase_first Filled GenerationConfig Predictor Result Summary Trainer evaluate finetune predict
"""
NAMES = TEXT.split()


def test_the_list_of_public_names_is_the_recorded_one() -> None:
    assert sorted(glm_core.__all__) == sorted(NAMES)
    assert set(dir(glm_core)) >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(glm_core, name)
    assert getattr(glm_core, name) is found
    if callable(found) and name not in ("hookimpl", "Part"):
        assert (found.__doc__ or "").strip(), f"{name} has no docstring"


def test_the_names_for_type_checkers_are_the_same() -> None:
    tree = ast.parse((ROOT / "glm_core" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {one.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for one in node.names}
    assert told == {name: f"glm_core.{module}" for name, module in glm_core._HOME.items()}


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'get_tasks'; did you mean 'get_task'"):
        _ = glm_core.get_tasks
    with pytest.raises(ImportError):
        from glm_core import no_such_name  # noqa: F401


def test_the_version_is_told_once() -> None:
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert f"\nversion = {glm_core.__version__}\n" in setup or "attr: glm_core.version.__version__" in setup
