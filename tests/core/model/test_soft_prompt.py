import random

import pytest
import torch

from glm_core.errors import CheckpointError, UsageError
from glm_core.model.masks import prefix_mask
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.model.transformer import GLM
from tests.core.model.golden import HIDDEN, LOGITS, arrays, needs_golden, network


def _recorded_prompt(name, kind):
    recorded = arrays(name, "ptuning.npz")
    inside = f"{kind}.prompt_spell."
    return SoftPrompt.from_tensors(
        {key.removeprefix(f"{kind}."): t for key, t in recorded.items() if key.startswith(inside)}
    )


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("kind", ["none", "mlp", "lstm"])
def test_vectors_are_the_recorded_ones(name, kind):
    prompt = _recorded_prompt(name, kind)
    assert prompt.encoder == kind
    torch.testing.assert_close(prompt()[None], arrays(name, "ptuning.npz")[f"{kind}.prompt_embeds"], **HIDDEN)


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("kind", ["none", "mlp", "lstm"])
def test_a_network_with_a_soft_prompt_gives_the_recorded_logits_and_scores(name, kind):
    recorded, model = arrays(name, "ptuning.npz"), network(name)
    ids = recorded["input_ids"].flatten(0, 1).clone()  # (Q·C, L)
    places = recorded["prompt_pos"].flatten(0, 1)
    ids.scatter_(1, places, -1 - torch.arange(places.shape[1]).expand_as(places))
    mask = prefix_mask(recorded["attention_mask"].flatten(), ids.shape[1])
    states, _ = model(ids, recorded["position_ids"].flatten(0, 1), mask, soft=_recorded_prompt(name, kind)())
    logits = model.logits(states)
    torch.testing.assert_close(logits, recorded[f"{kind}.lm_logits"], **LOGITS)
    log_probs = logits.log_softmax(-1).gather(2, recorded["target_ids"].flatten(0, 1)[..., None])[..., 0]
    scores = (log_probs * recorded["logit_mask"].flatten(0, 1)).sum(1)
    torch.testing.assert_close(scores.view_as(recorded[f"{kind}.scores"]), recorded[f"{kind}.scores"], **LOGITS)


def test_a_prompt_assigned_to_a_network_is_used_trained_and_saved_with_it():
    model = GLM(network_config())
    model.prompt_spell = SoftPrompt(2, 8, "mlp")
    ids, positions = torch.tensor([[1, -1, 2, -2]]), torch.zeros(1, 2, 4, dtype=torch.long)
    model(ids, positions, None)[0].sum().backward()
    assert model.prompt_spell.spell_embeddings.weight.grad is not None
    assert "prompt_spell.mlp_head.2.bias" in model.state_dict()
    given, _ = model.eval()(ids, positions, None, soft=model.prompt_spell())
    torch.testing.assert_close(model(ids, positions, None)[0], given)


def network_config():
    from glm_core.config import ModelConfig

    return ModelConfig(n_layers=1, hidden_size=8, n_heads=2, vocab_size=10, max_positions=6)


def test_starting_from_words_copies_frequent_words_and_mixes_in_the_task_s():
    table = torch.arange(12.0).reshape(6, 2)
    prompt = SoftPrompt(3, 2, "none")
    prompt.start_from_words(table, random.Random(4))
    assert all(any(torch.equal(row, word) for word in table) for row in prompt())
    prompt.start_from_words(table, random.Random(4), task_tokens=[5])
    rows = prompt()
    assert (rows[:, 1] - rows[:, 0]).allclose(torch.ones(3))  # between two words of this table
    assert (rows[:, 0] <= 10).all() and not any(torch.equal(row, word) for row in rows for word in table)


def test_an_unknown_encoder_is_refused():
    with pytest.raises(UsageError, match="one of none, mlp, lstm; got 'gru'"):
        SoftPrompt(2, 4, "gru")


def test_a_prompt_that_was_cut_into_shards_is_refused():
    tensors = {f"prompt_spell.{name}": tensor for name, tensor in SoftPrompt(2, 4, "mlp").state_dict().items()}
    tensors["prompt_spell.mlp_head.0.weight"] = tensors["prompt_spell.mlp_head.0.weight"][:, :2]
    with pytest.raises(CheckpointError, match=r"does not fit together: mlp_head\.0\.weight; was it cut"):
        SoftPrompt.from_tensors(tensors)
    with pytest.raises(CheckpointError, match=r"no table prompt_spell\.spell_embeddings\.weight"):
        SoftPrompt.from_tensors({"prompt_spell.mlp_head.0.bias": torch.zeros(4)})
