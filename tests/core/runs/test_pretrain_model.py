"""A fresh model: its sizes, and the weights that a seed gives."""

import pytest
import torch

from glm_core.config import ModelConfig
from glm_core.errors import UsageError
from glm_core.model.transformer import GLM
from glm_core.presets import preset
from glm_core.runs.pretrain_model import Sizes, fresh_model
from tests.core.runs.small_corpus import sentences


@pytest.fixture(scope="module")
def vocab(tmp_path_factory):
    from glm_core.tokens.train_vocabulary import train_vocabulary

    folder = tmp_path_factory.mktemp("vocab")
    train_vocabulary(sentences(30, 1), folder / "v", size=300, task_mask=True)
    return folder / "v"


def test_a_preset_brings_its_sizes_and_the_vocabulary_its_rows():
    published = preset("large").config
    config = Sizes("large").config(8004)
    assert (config.n_layers, config.hidden_size, config.n_heads) == (24, 1024, 16)
    assert config.vocab_size == 8064 and config.max_positions == published.max_positions
    assert Sizes("large").config(preset("large").n_tokens) == published


def test_what_is_said_beside_a_preset_wins():
    config = Sizes("base", layers=3, width=256, positions=128).config(100)
    assert (config.n_layers, config.hidden_size, config.n_heads, config.max_positions) == (3, 256, 4, 128)


def test_without_a_word_on_heads_there_is_one_per_64_of_width():
    assert Sizes(layers=2, width=320).config(100).n_heads == 5
    assert Sizes(layers=2, width=32).config(100).n_heads == 1


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UsageError, match="hidden_size 100 is not a multiple of n_heads 3"):
        Sizes(layers=1, width=100, heads=3).config(100)


def test_a_seed_gives_the_weights_and_disturbs_nobody_elses_chances(vocab):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    sizes = Sizes(layers=1, width=8, heads=1, positions=16)
    model = fresh_model(sizes, vocab, seed=3, device="cpu")
    assert torch.equal(torch.rand(3), wanted)
    torch.manual_seed(3)
    same = GLM(ModelConfig(n_layers=1, hidden_size=8, n_heads=1, max_positions=16, vocab_size=128))
    assert same.config.vocab_size == model.module.config.vocab_size
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])


def test_it_learns_every_blank_that_the_vocabulary_knows(vocab):
    sizes = Sizes(layers=1, width=8, heads=1)
    assert fresh_model(sizes, vocab, seed=1).masks == {"[MASK]", "[sMASK]", "[gMASK]"}


def test_a_vocabulary_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"--vocab .* does not exist; `glm tokenizer train` makes one"):
        fresh_model(Sizes(layers=1, width=8, heads=1), tmp_path / "none", seed=1)
