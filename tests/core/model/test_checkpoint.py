import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from glm_core.config import ModelConfig
from glm_core.errors import CheckpointError, GlmError, UsageError
from glm_core.model.checkpoint import Loaded, build, config_of, fit_state, load_state, stretched
from glm_core.model.transformer import GLM
from glm_core.presets import preset

CONFIG = ModelConfig(n_layers=1, hidden_size=8, n_heads=2, vocab_size=10, max_positions=6)


def _same(left, right):
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


def _tiny(tmp_path, name="mp_rank_00_model_states.pt", **top):
    """A checkpoint of the original's layout, made by hand."""
    torch.manual_seed(3)
    state = GLM(CONFIG).state_dict()
    torch.save({"module": state, "iteration": 7, **top}, tmp_path / name)
    return state


# ---- sizes


def test_sizes_come_from_the_tensors_and_heads_from_the_published_width():
    with torch.device("meta"):
        state = GLM(preset("base").config).state_dict()
    loaded = _loaded(state)
    assert config_of(loaded) == preset("base").config == config_of(loaded, preset=preset("base"))


def _loaded(state, **more):
    return Loaded(Path("somewhere"), "original", dict(state), **more)


def test_heads_are_asked_for_where_nothing_tells_them():
    loaded = _loaded(GLM(CONFIG).state_dict())
    with pytest.raises(UsageError, match="nothing tells the number of attention heads of width 8"):
        config_of(loaded)
    assert config_of(loaded, n_heads=2) == CONFIG


def test_a_config_that_contradicts_the_tensors_is_told():
    loaded = _loaded(GLM(CONFIG).state_dict(), config=ModelConfig(1, 8, 2, 12, 5))
    with pytest.raises(
        CheckpointError, match=r"its config does not fit .* vocab_size 12 \(tensors: 10\), max_positions 5"
    ):
        config_of(loaded)
    with pytest.raises(
        CheckpointError, match=r"the published base does not fit the tensors: n_layers 12 \(tensors: 1\)"
    ):
        config_of(_loaded(GLM(CONFIG).state_dict()), preset=preset("base"))
    with pytest.raises(CheckpointError, match=r"is not large: n_layers 12 instead of 24"):
        config_of(_loaded({}, config=preset("base").config), preset=preset("large"))


def test_a_checkpoint_that_names_its_preset_may_have_longer_tables_by_now():
    loaded = _loaded(GLM(CONFIG).state_dict(), config=CONFIG, preset="base")
    assert config_of(loaded, preset=preset("base")) == CONFIG


# ---- fit


def test_what_is_missing_unexpected_or_misshapen_is_listed():
    model, state = GLM(CONFIG), GLM(CONFIG).state_dict()
    for name in [name for name in state if "layernorm" in name]:
        del state[name]
    state["wings"] = torch.zeros(1)
    state["word_embeddings.weight"] = torch.zeros(9, 8)
    with pytest.raises(CheckpointError) as caught:
        fit_state(model, state, source="x.pt")
    message = str(caught.value)
    assert message.startswith("x.pt: does not fit the model: 6 missing (transformer.layers.0.input_layernorm.weight, ")
    assert (
        "and 2 more); 1 unexpected (wings); 1 misshapen (word_embeddings.weight (9, 8) instead of (10, 8))" in message
    )
    assert "\n" not in message


def test_nothing_is_copied_where_something_does_not_fit():
    model, state = GLM(CONFIG), GLM(CONFIG).state_dict()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError):
        fit_state(model, {**state, "wings": torch.zeros(1)})
    assert _same(model.state_dict(), before)


def test_a_state_is_copied_in_the_model_s_own_type_of_numbers():
    model, state = GLM(CONFIG), GLM(CONFIG).state_dict()
    assert fit_state(model, {name: tensor.half() for name, tensor in state.items()}) == []
    assert all(torch.equal(tensor, state[name].half().float()) for name, tensor in model.state_dict().items())


def test_longer_tables_keep_their_fresh_rows_where_that_was_asked_for():
    longer = ModelConfig(1, 8, 2, 12, 9)
    model, state = GLM(longer), GLM(CONFIG).state_dict()
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError, match="2 misshapen"):
        fit_state(model, state, stretch=["vocabulary"])
    done = fit_state(model, state, stretch=["positions", "vocabulary"])
    where, inside = "transformer.position_embeddings.weight", "transformer.block_position_embeddings.weight"
    assert done == [inside, where, "word_embeddings.weight"]
    for name, rows in ((where, 7), (inside, 7), ("word_embeddings.weight", 10)):
        table = model.state_dict()[name]
        assert torch.equal(table[:rows], state[name]) and torch.equal(table[rows:], fresh[name][rows:])
    with pytest.raises(CheckpointError, match="3 misshapen"):
        fit_state(GLM(CONFIG), GLM(longer).state_dict(), stretch=["positions", "vocabulary"])


def test_stretched_tables_are_drawn_from_the_seed():
    loaded = _loaded(GLM(CONFIG).state_dict())
    first, config = stretched(loaded, CONFIG, max_positions=9, vocab_size=12)
    again, _ = stretched(loaded, CONFIG, max_positions=9, vocab_size=12)
    assert (config.max_positions, config.vocab_size) == (9, 12)
    assert _same(first.state, again.state)
    assert torch.equal(first.state["word_embeddings.weight"][:10], loaded.state["word_embeddings.weight"])
    assert build(first).transformer.block_position_embeddings.num_embeddings == 10
    other, _ = stretched(loaded, CONFIG, max_positions=9, seed=2)
    where = "transformer.position_embeddings.weight"
    assert not torch.equal(other.state[where], first.state[where])
    with pytest.raises(UsageError, match="max_positions 5 is less than the 6"):
        stretched(loaded, CONFIG, max_positions=5)


def test_a_built_network_owns_its_numbers_and_draws_none(tmp_path):
    state = _tiny(tmp_path)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = build(load_state(tmp_path), CONFIG, dtype=torch.bfloat16)
    assert torch.equal(torch.get_rng_state(), before)
    shutil.rmtree(tmp_path)
    assert all(tensor.dtype == torch.bfloat16 for tensor in model.state_dict().values())
    assert all(parameter.requires_grad for parameter in model.parameters())
    torch.testing.assert_close(model.word_embeddings.weight, state["word_embeddings.weight"].bfloat16())


def test_every_error_is_one_a_user_can_mend():
    assert issubclass(CheckpointError, GlmError) and CheckpointError.exit_code == 2


def test_safetensors_hold_what_torch_wrote(tmp_path):
    state = GLM(CONFIG).state_dict()
    save_file(state, tmp_path / "model.safetensors")
    assert _same(load_state(tmp_path / "model.safetensors").state, load_file(tmp_path / "model.safetensors"))
