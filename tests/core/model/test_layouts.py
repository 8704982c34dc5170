import json
import os
import pickle
import random

import pytest
import torch
from safetensors.torch import save_file

from glm_core.config import ModelConfig
from glm_core.errors import CheckpointError
from glm_core.model.checkpoint import build, config_of, load_state, sizes_of
from glm_core.model.layouts import read_config
from glm_core.model.masks import prefix_mask
from glm_core.model.transformer import GLM
from tests.core.model.golden import LOGITS, arrays, folder, needs_golden, network, sizes

CONFIG = ModelConfig(n_layers=1, hidden_size=8, n_heads=2, vocab_size=10, max_positions=6)
LAYOUTS = {
    "ckpt_orig": ("original", 1),
    "ckpt_orig_MP2": ("original", 2),
    "ckpt_deepspeed_fp16": ("original", 1),
    "hf": ("hf", 1),
    "hf_safetensors": ("hf", 1),
    "hf_prefixed_safetensors": ("hf", 1),
    "flagai": ("flagai", 1),
}
ONLY_A = {"ckpt_deepspeed_fp16_MP2": ("original", 2), "hf_sharded": ("hf", 1)}
CASES = [("a", k, *v) for k, v in {**LAYOUTS, **ONLY_A}.items()] + [("b", k, *v) for k, v in LAYOUTS.items()]


def _same(left, right):
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


def _tiny(tmp_path, name="mp_rank_00_model_states.pt", **top):
    """A checkpoint of the original's layout, made by hand."""
    torch.manual_seed(3)
    state = GLM(CONFIG).state_dict()
    torch.save({"module": state, "iteration": 7, **top}, tmp_path / name)
    return state


# ---- layouts


@needs_golden
@pytest.mark.parametrize(("name", "checkpoint", "layout", "n_shards"), CASES)
def test_every_layout_gives_the_same_tensors_and_logits(name, checkpoint, layout, n_shards):
    loaded = load_state(folder(name) / checkpoint)
    assert (loaded.layout, loaded.n_shards, loaded.prompt, loaded.heads) == (layout, n_shards, {}, {})
    reference = load_state(folder(name) / "hf_safetensors").state
    if "fp16" in checkpoint:
        reference = {key: tensor.half() for key, tensor in reference.items()}
    assert _same(loaded.state, reference)
    if layout == "original":
        assert (loaded.tag, loaded.step) == (str(sizes(name)["iteration"]), sizes(name)["iteration"])
        assert loaded.config is None
    else:
        assert loaded.config == network(name).config
    recorded = arrays(name, "forward.npz")
    mask = prefix_mask(recorded["sep"], recorded["input_ids"].shape[1])
    model = build(loaded, config_of(loaded, n_heads=sizes(name)["num_attention_heads"]))
    logits = model.logits(model(recorded["input_ids"], recorded["position_ids"], mask)[0])
    wanted = arrays(name, "forward_fp16_weights.npz")["logits"] if "fp16" in checkpoint else recorded["sep_vec.logits"]
    torch.testing.assert_close(logits, wanted, **LOGITS)


@needs_golden
@pytest.mark.parametrize("checkpoint", ["ckpt_orig", "ckpt_orig_MP2"])
def test_a_transformer_xl_is_refused_in_one_line(checkpoint):
    with pytest.raises(CheckpointError, match="relative positions of Transformer-XL") as caught:
        load_state(folder("v_transformer_xl") / checkpoint)
    assert "\n" not in str(caught.value)


@needs_golden
def test_a_fine_tuned_classifier_keeps_its_head_apart_from_the_network():
    loaded = load_state(folder("a") / "ckpt_finetuned_seqcls")
    assert (loaded.tag, loaded.step) == ("best", 77)
    assert _same(loaded.state, load_state(folder("a") / "ckpt_orig").state)
    recorded = {key.removeprefix("cls3."): tensor for key, tensor in arrays("a", "downstream.npz").items()}
    assert set(loaded.heads) == {
        f"{part}.{what}" for part in ("pool_layer", "multichoice_head") for what in ("weight", "bias")
    }
    assert all(torch.equal(tensor, recorded[name]) for name, tensor in loaded.heads.items())


@needs_golden
def test_a_frozen_fine_tune_is_laid_over_its_base():
    partial = load_state(folder("a") / "ckpt_finetuned_ptuning_frozen")
    assert partial.state == {} and len(partial.prompt) == 21
    with pytest.raises(CheckpointError, match=r"not a whole GLM \(it holds 0 of its tensors\); .* as the base"):
        config_of(partial)
    loaded = load_state(folder("a") / "ckpt_finetuned_ptuning_frozen", base=folder("a") / "hf")
    whole = load_state(folder("a") / "ckpt_finetuned_ptuning_lstm")
    assert _same(loaded.tensors, whole.tensors)
    model = build(loaded)
    torch.testing.assert_close(model.prompt_spell()[None], arrays("a", "ptuning.npz")["lstm.prompt_embeds"], **LOGITS)


def test_all_ways_to_name_an_original_checkpoint_lead_to_it(tmp_path):
    inner = tmp_path / "run" / "7"
    inner.mkdir(parents=True)
    state = _tiny(inner)
    (tmp_path / "run" / "latest").write_text("7")
    for way in (tmp_path / "run", inner, inner / "mp_rank_00_model_states.pt"):
        loaded = load_state(way)
        assert (loaded.layout, loaded.tag, loaded.step) == ("original", "7", 7)
        assert _same(loaded.state, state)
    (tmp_path / "run" / "latest_checkpointed_iteration.txt").write_text("release\n")
    inner.rename(tmp_path / "run" / "release")
    assert load_state(tmp_path / "run").tag == "release"


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "glm.", "module.model."])
def test_prefixes_are_dropped(tmp_path, prefix):
    state = GLM(CONFIG).state_dict()
    torch.save({prefix + name: tensor for name, tensor in state.items()}, tmp_path / "any.pt")
    assert _same(load_state(tmp_path / "any.pt").state, state)


def test_one_tensor_under_two_names_is_refused(tmp_path):
    torch.save({"model.a": torch.zeros(1), "a": torch.ones(1)}, tmp_path / "any.pt")
    with pytest.raises(CheckpointError, match="holds a twice"):
        load_state(tmp_path / "any.pt")


def test_swiss_army_transformer_s_names_are_translated(tmp_path):
    state = GLM(CONFIG).state_dict()
    theirs = {
        "word_embeddings.weight": "transformer.word_embeddings.weight",
        "transformer.block_position_embeddings.weight":
            "mixins.block_position_embedding.block_position_embeddings.weight",
    }  # fmt: skip
    (tmp_path / "250").mkdir()
    (tmp_path / "latest").write_text("250\n")
    renamed = {theirs.get(name, name): tensor for name, tensor in state.items()}
    torch.save({"module": renamed}, tmp_path / "250" / "mp_rank_00_model_states.pt")
    loaded = load_state(tmp_path)
    assert loaded.layout == "sat" and _same(loaded.state, state)
    assert sizes_of(loaded.state)["max_positions"] == 6


def test_numbered_pieces_without_an_index_are_joined_when_all_are_there(tmp_path):
    state = GLM(CONFIG).state_dict()
    names = list(state)
    for k, some in enumerate((names[:4], names[4:]), 1):
        torch.save({name: state[name] for name in some}, tmp_path / f"pytorch_model-0000{k}-of-00002.bin")
    assert _same(load_state(tmp_path).state, state)
    (tmp_path / "pytorch_model-00001-of-00002.bin").unlink()
    with pytest.raises(CheckpointError, match="holds 1 of 2 pieces"):
        load_state(tmp_path)


def test_a_piece_that_the_index_names_and_nobody_fetched_is_told(tmp_path):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"a": torch.zeros(1)}, tmp_path / "model-00001-of-00002.safetensors")
    with pytest.raises(CheckpointError, match=r"1 of 2 pieces are not there: model-00002-of-00002\.safetensors"):
        load_state(tmp_path)
    index["weight_map"]["b"] = "../b.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="outside its folder"):
        load_state(tmp_path)


def test_a_missing_shard_is_told(tmp_path):
    for rank in (0, 2):
        _tiny(tmp_path, f"mp_rank_0{rank}_model_states.pt")
    with pytest.raises(CheckpointError, match="shards 1 of 3 are missing"):
        load_state(tmp_path)


def test_a_tracker_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "latest").write_text("1000")
    with pytest.raises(CheckpointError, match=r"latest: names '1000', and there is no folder"):
        load_state(tmp_path)


def test_a_folder_without_a_checkpoint_is_told_what_was_looked_for(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no checkpoint; looked for manifest\.json, latest_checkpointed"):
        load_state(tmp_path)
    with pytest.raises(CheckpointError, match="is not there"):
        load_state(tmp_path / "nowhere")


def test_hugging_face_s_classification_head_becomes_ours(tmp_path):
    torch.save({"glm.word_embeddings.weight": torch.zeros(2, 2), "dense.weight": torch.ones(2, 2)}, tmp_path / "x.bin")
    assert list(load_state(tmp_path / "x.bin").heads) == ["pool_layer.weight"]


# ---- what must not run, what is broken


class _Malicious:
    def __reduce__(self):
        return (os.system, ("touch it-ran",))


class _MaliciousInPlainSight:
    def __reduce__(self):
        return (eval, ("open('it-ran', 'w')",))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("what", [_Malicious, _MaliciousInPlainSight])
def test_a_malicious_pickle_is_refused_by_name_and_does_not_run(tmp_path, monkeypatch, what, zipped):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    torch.save({"module": {"a": torch.zeros(1)}, "extra": what()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"wants to call (posix\.system|nt\.system|eval)") as caught:
        load_state(path)
    assert "safetensors" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "it-ran").exists()


def test_a_bare_malicious_pickle_does_not_run_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(_Malicious()))
    with pytest.raises(CheckpointError):
        load_state(tmp_path)
    assert not (tmp_path / "it-ran").exists()


def test_random_states_of_numpy_and_arguments_beside_the_weights_do_not_matter(tmp_path):
    import argparse

    import numpy as np

    beside = {"np_rng_state": np.random.RandomState(1).get_state(), "args": argparse.Namespace(lr=1), "skipped": {1, 2}}
    state = _tiny(tmp_path, **beside, loss=np.float64(2))
    assert _same(load_state(tmp_path).state, state)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_file_that_was_cut_off_is_told_wherever_it_was_cut(tmp_path, name):
    state = GLM(CONFIG).state_dict()
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    whole = path.read_bytes()
    for share in (0, 0.001, 0.1, 0.5, 0.9, 0.9999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CheckpointError, match=r"(is empty|cut off|damaged).*fetch or copy it again"):
            load_state(tmp_path)


def test_wrong_bytes_anywhere_in_a_pickle_are_read_or_refused_and_nothing_else(tmp_path):
    state, rng, path = GLM(CONFIG).state_dict(), random.Random(1), tmp_path / "pytorch_model.bin"
    for zipped in (True, False):
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        whole, refused = path.read_bytes(), 0
        for _ in range(40):
            content = bytearray(whole)
            for _ in range(3):
                content[rng.randrange(2000)] = rng.randrange(256)
            path.write_bytes(content)
            try:
                load_state(path)
            except CheckpointError:
                refused += 1
        assert refused > 20


def test_junk_is_told_from_a_checkpoint(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    for junk in (b"hello", b"\x00" * 100, b"\x80\x02}q\x00.", b"{}\n" * 50):
        path.write_bytes(junk)
        with pytest.raises(CheckpointError) as caught:
            load_state(tmp_path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    path.write_bytes(b"version https://git-lfs.example/spec/v1\noid sha256:00\nsize 3\n")
    with pytest.raises(CheckpointError, match="pointer of git LFS"):
        load_state(tmp_path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(CheckpointError, match="holds no tensors by name"):
        load_state(tmp_path)
    torch.save({"a": torch.zeros(1), "b": "text"}, path)
    with pytest.raises(CheckpointError, match="b is not a tensor"):
        load_state(tmp_path)


def test_a_broken_config_is_told(tmp_path):
    path = tmp_path / "config.json"
    for text, message in [
        ("{", "cannot be read as JSON"),
        ("[]", "wants an object"),
        ('{"num_layers": 2}', "lacks hidden_size, num_attention_heads, vocab_size, max_sequence_length"),
        ('{"relative_encoding": true}', "Transformer-XL"),
        ('{"n_layers": 2, "wings": 2}', "wings"),
        ('{"n_layers": 2, "hidden_size": 10, "n_heads": 3}', "not a multiple"),
    ]:
        path.write_text(text)
        with pytest.raises(CheckpointError, match=message):
            read_config(path)
