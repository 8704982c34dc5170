import subprocess
import sys

import pytest

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.presets import PRESETS, count_parameters, padded, preset
from glm_core.tokens.special import SpecialTokens, TokenizerOptions, special_table

# name: layers, width, heads, positions, rows of the token table, millions of parameters (one decimal)
PUBLISHED = {
    "base": (12, 768, 12, 512, 30592, 109.3),
    "large": (24, 1024, 16, 512, 30592, 334.7),
    "large-chinese": (24, 1024, 16, 1024, 50048, 355.7),
    "doc": (24, 1024, 16, 512, 30592, 334.7),
    "410m": (30, 1024, 16, 512, 30592, 410.3),
    "515m": (30, 1152, 18, 512, 30592, 514.6),
    "roberta": (24, 1024, 16, 512, 50304, 354.9),
    "2b": (36, 2048, 32, 1024, 50304, 1920),
    "10b": (48, 4096, 64, 1024, 50304, 9881),
    "10b-chinese": (48, 4096, 64, 1024, 50048, 9880),
}


def test_every_published_model_is_there():
    assert [one.name for one in PRESETS] == list(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_and_parameter_counts_are_the_published_ones(name):
    found = preset(name)
    *sizes, millions = PUBLISHED[name]
    config = found.config
    mine = [config.n_layers, config.hidden_size, config.n_heads, config.max_positions, config.vocab_size]
    assert mine == sizes
    assert found.n_parameters() / 1e6 == pytest.approx(millions, abs=0.5 if millions > 1000 else 0.05)
    assert padded(found.n_tokens) == config.vocab_size


def test_parameters_are_counted_by_hand_for_a_tiny_model():
    # tokens 10*4, two tables of 6 rows, one layer 12*16 + 13*4, final norm 2*4
    assert count_parameters(ModelConfig(1, 4, 2, 10, 5)) == 40 + 48 + 192 + 52 + 8
    assert count_parameters(ModelConfig(1, 4, 2, 10, 5, block_positions=False)) == 40 + 20 + 192 + 52 + 8


@pytest.fixture(scope="module")
def special():
    """Special tokens of a preset over a stand-in vocabulary of the published size."""
    entries = {
        "bert-wordpiece": ({"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}, 30522),
        "gpt2-bpe": ({"<|endoftext|>": 50256}, 50257),
        "roberta-bpe": ({"<s>": 0, "</s>": 2, "<unk>": 3, "<mask>": 50264}, 50265),
        "chinese-sp": ({}, 50000),
    }

    def of(one):
        options = TokenizerOptions(task_mask=one.task_mask, fix_command_token=one.fix_command_token)
        return SpecialTokens.from_table(special_table(one.tokenizer, *entries[one.tokenizer], options))

    return of


@pytest.mark.parametrize("one", PRESETS, ids=lambda one: one.name)
def test_known_collisions_are_exactly_the_ids_that_are_shared(one, special):
    assert {frozenset(names) for _, names in special(one).collisions()} == {
        frozenset(names) for names in one.collisions
    }


@pytest.mark.parametrize("one", PRESETS, ids=lambda one: one.name)
def test_the_ids_in_use_end_with_the_last_special_token(one, special):
    assert max(special(one).names()) + 1 == one.n_tokens


def test_the_chinese_models_differ_in_their_two_long_blanks(special):
    new, old = special(preset("large-chinese")), special(preset("10b-chinese"))
    assert (new.sentence_mask, new.document_mask) == (50008, 50009)
    assert (old.sentence_mask, old.document_mask, old.eop) == (50008, 50007, 50007)


def test_only_models_with_a_task_mask_know_the_long_blanks():
    assert preset("large").masks == {"[MASK]"}
    assert preset("10b").masks == {"[MASK]", "[sMASK]", "[gMASK]"}


def test_a_model_is_found_by_alias_hub_id_and_any_capitals():
    assert preset("GLM-large-ch") is preset("thudm/GLM-large-chinese") is preset("large-chinese")


def test_an_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"'10b-chinees' .*; did you mean '10b-chinese'\?"):
        preset("10b-chinees")


def test_names_lead_to_one_model_each():
    names = [name for one in PRESETS for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))


def test_presets_load_neither_torch_nor_numpy():
    code = "import sys, glm_core.presets; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
