import dataclasses
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from glm_core.config import ModelConfig
from glm_core.errors import CheckpointError, UsageError
from glm_core.model.checkpoint import build, load_state
from glm_core.model.convert import convert
from glm_core.model.layouts import read_files
from glm_core.model.soft_prompt import SoftPrompt
from glm_core.model.transformer import GLM
from glm_core.model.writers import save_flagai, save_hf, save_native, save_original
from tests.core.model.golden import folder, needs_golden, sizes

CONFIG = ModelConfig(n_layers=1, hidden_size=8, n_heads=2, vocab_size=10, max_positions=6)


def _same(left, right):
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


def _everything():
    """A network with a soft prompt and a head."""
    torch.manual_seed(1)
    tensors = GLM(CONFIG).state_dict()
    tensors |= {f"prompt_spell.{name}": tensor for name, tensor in SoftPrompt(3, 8).state_dict().items()}
    return tensors | {"pool_layer.weight": torch.randn(8, 8), "pool_layer.bias": torch.randn(8)}


WAYS = {
    "native": lambda where, tensors: save_native(where, CONFIG, tensors, step=5, tag="5"),
    "original": lambda where, tensors: save_original(where, CONFIG, tensors, step=5),
    "original, 2 shards": lambda where, tensors: save_original(where, CONFIG, tensors, n_shards=2, step=5, tag="best"),
    "hf": lambda where, tensors: save_hf(where, CONFIG, tensors),
    "hf, pickled": lambda where, tensors: save_hf(where, CONFIG, tensors, safetensors=False),
    "flagai": lambda where, tensors: save_flagai(where, CONFIG, tensors),
    "flagai, 2 shards": lambda where, tensors: save_flagai(where, CONFIG, tensors, n_shards=2),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_written_is_read_back_bit_for_bit_with_prompt_and_head(tmp_path, way):
    tensors = _everything()
    WAYS[way](tmp_path / "out", tensors)
    loaded = load_state(tmp_path / "out")
    assert _same(loaded.tensors, tensors)
    assert (len(loaded.prompt), len(loaded.heads)) == (21, 2)
    assert loaded.layout == way.split(",")[0] and loaded.n_shards == (2 if "shards" in way else 1)
    assert loaded.config in (CONFIG, None) and (loaded.config is None) == way.startswith("original")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize(
    ("source", "shards", "recorded"), [("hf", 2, "ckpt_orig_MP2"), ("ckpt_orig_MP2", 1, "ckpt_orig")]
)
def test_converting_to_the_original_layout_gives_the_recorded_shards(tmp_path, name, source, shards, recorded):
    done = convert(folder(name) / source, tmp_path / "out", layout="original", n_shards=shards, n_heads=_heads(name))
    mine, theirs = read_files(tmp_path / "out"), read_files(folder(name) / recorded)
    assert len(mine.shards) == len(theirs.shards) == done.shards_to == shards
    assert all(_same(left, right) for left, right in zip(mine.shards, theirs.shards, strict=True))
    assert (done.layout_to, done.dtype) == ("original", "fp32")


def _heads(name):
    return sizes(name)["num_attention_heads"]


@needs_golden
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize(("layout", "recorded"), [("hf", "hf"), ("hf-bin", "hf"), ("flagai", "flagai")])
def test_written_configs_are_the_recorded_ones(tmp_path, name, layout, recorded):
    convert(folder(name) / "ckpt_orig", tmp_path / "out", layout=layout, n_heads=_heads(name))
    mine = json.loads((tmp_path / "out" / "config.json").read_text())
    theirs = json.loads((folder(name) / recorded / "config.json").read_text())
    for key in ("_name_or_path", "transformers_version", "max_memory_length"):
        mine.pop(key, None), theirs.pop(key, None)
    assert mine == theirs


@needs_golden
def test_flagai_s_names_are_the_recorded_ones(tmp_path):
    convert(folder("a") / "ckpt_orig", tmp_path / "out", layout="flagai", n_heads=4)
    names = [list(read_files(where).shards[0]) for where in (tmp_path / "out", folder("a") / "flagai")]
    assert set(names[0]) == set(names[1])


@needs_golden
def test_a_chain_through_every_layout_changes_no_number(tmp_path):
    where = folder("a") / "ckpt_deepspeed_fp16_MP2"
    first = load_state(where).state
    for layout, shards in [("native", 1), ("flagai", 4), ("hf", 1), ("original", 2), ("hf-bin", 1), ("native", 1)]:
        target = tmp_path / f"{layout}-{shards}-{len(list(tmp_path.iterdir()))}"
        done = convert(where, target, layout=layout, n_shards=shards, n_heads=4)
        assert done.dtype == "fp16"
        where = target
    assert _same(load_state(where).state, first)


def test_the_same_checkpoint_is_written_as_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_native(tmp_path / name, CONFIG, _everything(), step=3)
    for file in ("manifest.json", "model.safetensors", "config.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_precision_can_be_changed(tmp_path):
    tensors = _everything()
    save_native(tmp_path / "one", CONFIG, tensors)
    assert convert(tmp_path / "one", tmp_path / "two", dtype="bf16").dtype == "bf16"
    found = load_state(tmp_path / "two").tensors
    assert all(torch.equal(tensor, tensors[name].bfloat16()) for name, tensor in found.items())


def test_tables_can_be_stretched_on_the_way(tmp_path):
    save_native(tmp_path / "one", CONFIG, _everything())
    done = convert(tmp_path / "one", tmp_path / "two", max_positions=9, vocab_size=12)
    assert "2 token rows and 3 positions are fresh, from seed 1234" in str(done)
    assert build(load_state(tmp_path / "two")).config == dataclasses.replace(CONFIG, max_positions=9, vocab_size=12)


def test_vocabulary_tag_step_and_notes_of_a_native_checkpoint_are_carried_along(tmp_path):
    (tmp_path / "words.txt").write_text("a b")
    beside = {"words.txt": tmp_path / "words.txt", "options.json": b"{}"}
    save_native(
        tmp_path / "one", CONFIG, _everything(), step=5, tag="best", preset="base", beside=beside, facts={"x": 1}
    )
    convert(tmp_path / "one", tmp_path / "two")
    loaded = load_state(tmp_path / "two")
    assert (loaded.step, loaded.tag, loaded.preset, loaded.facts) == (5, "best", "base", {"x": 1})
    assert {path.name: path.read_bytes() for path in loaded.beside} == {"words.txt": b"a b", "options.json": b"{}"}
    convert(tmp_path / "one", tmp_path / "three", layout="original")
    assert (tmp_path / "three" / "words.txt").exists() and (tmp_path / "three" / "latest").read_text() == "best"


def test_a_partial_fine_tune_is_converted_with_its_base(tmp_path):
    tensors = _everything()
    save_hf(
        tmp_path / "base",
        CONFIG,
        GLM(CONFIG).state_dict() | {n: t for n, t in tensors.items() if "." in n and n[0] in "wt"},
    )
    torch.save({"module": {n: t for n, t in tensors.items() if n.startswith("p")}}, tmp_path / "partial.pt")
    with pytest.raises(CheckpointError, match="as the base"):
        convert(tmp_path / "partial.pt", tmp_path / "out")
    done = convert(tmp_path / "partial.pt", tmp_path / "out", base=tmp_path / "base")
    assert done.heads == ("pool_layer", "prompt_spell")
    assert _same(load_state(tmp_path / "out").tensors, tensors)


def test_the_published_copy_of_a_token_row_is_made_for_hugging_face(tmp_path, monkeypatch):
    from glm_core import presets

    tiny = dataclasses.replace(presets.preset("10b-chinese"), name="tiny-chinese", config=CONFIG, copied_rows=((7, 9),))
    monkeypatch.setattr(presets, "PRESETS", (tiny,))
    save_original(tmp_path / "one", CONFIG, _everything())
    done = convert(tmp_path / "one", tmp_path / "two", layout="hf", preset="tiny-chinese")
    table, before = (load_state(tmp_path / name).state["word_embeddings.weight"] for name in ("two", "one"))
    assert torch.equal(table[9], before[7]) and torch.equal(table[:9], before[:9])
    assert "token row 7 is copied to row 9" in str(done)
    convert(tmp_path / "one", tmp_path / "three", layout="flagai", preset="tiny-chinese")
    assert torch.equal(load_state(tmp_path / "three").state["word_embeddings.weight"], before)


# ---- what is refused


def test_a_native_file_that_was_changed_or_lost_is_told(tmp_path):
    def fresh():
        save_native(tmp_path / "one", CONFIG, _everything(), beside={"words.txt": b"abc"})
        return tmp_path / "one" / "model.safetensors"

    path = fresh()
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: has another sha256"):
        load_state(tmp_path / "one")
    path = fresh()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: has \d+ bytes, manifest\.json says \d+"):
        load_state(tmp_path / "one")
    fresh().with_name("words.txt").unlink()
    with pytest.raises(CheckpointError, match=r"words\.txt: is listed in manifest\.json and not there"):
        load_state(tmp_path / "one")


def test_a_target_that_is_there_is_kept_unless_it_may_go(tmp_path):
    save_native(tmp_path / "one", CONFIG, _everything())
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="there already and not empty"):
        convert(tmp_path / "one", tmp_path / "two")
    convert(tmp_path / "one", tmp_path / "two", overwrite=True)
    assert not (tmp_path / "two" / "thesis.tex").exists()
    convert(tmp_path / "two", tmp_path / "two", dtype="fp16", overwrite=True)  # onto itself
    assert load_state(tmp_path / "two").state["word_embeddings.weight"].dtype == torch.float16


def test_impossible_wishes_are_refused_before_anything_is_written(tmp_path):
    save_native(tmp_path / "one", CONFIG, _everything())
    for wish, message in [
        ({"layout": "onnx"}, "--layout is one of native, original"),
        ({"layout": "hf", "n_shards": 2}, "the layout hf has no shards"),
        ({"layout": "original", "n_shards": 4}, "2 attention heads cannot be divided among 4"),
        ({"dtype": "int4"}, "--dtype is one of fp32"),
        ({"preset": "bse"}, "did you mean 'base'"),
        ({"layout": "original", "tag": "../x"}, "name of a folder"),
        ({"beside": {"config.json": b""}}, "cannot lie beside a checkpoint"),
        ({"beside": {"../x": b""}}, "cannot lie beside a checkpoint"),
    ]:
        with pytest.raises(UsageError, match=message):
            convert(tmp_path / "one", tmp_path / "two", **wish)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    with pytest.raises(CheckpointError, match="is not base"):
        convert(tmp_path / "one", tmp_path / "two", preset="base")


def test_another_epsilon_stays_in_the_native_layout(tmp_path):
    odd = dataclasses.replace(CONFIG, layernorm_epsilon=1e-6)
    save_native(tmp_path / "one", odd, GLM(odd).state_dict())
    assert load_state(tmp_path / "one").config == odd
    for layout in ("hf", "original", "flagai"):
        with pytest.raises(UsageError, match="layernorm_epsilon"):
            convert(tmp_path / "one", tmp_path / "two", layout=layout)


def test_views_are_written_without_the_memory_behind_them(tmp_path):
    tensors = {
        name: torch.zeros(1000, *tensor.shape)[0].copy_(tensor) for name, tensor in GLM(CONFIG).state_dict().items()
    }
    save_hf(tmp_path / "out", CONFIG, tensors, safetensors=False)
    assert (tmp_path / "out" / "pytorch_model.bin").stat().st_size < 30_000


def test_files_are_as_readable_as_the_folder(tmp_path):
    save_native(tmp_path / "out", CONFIG, _everything())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert len(set(modes.values())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_disk_that_fills_up_while_writing_is_one_line_and_leaves_nothing(tmp_path):
    script = """
import resource, signal, sys
from glm_core.config import ModelConfig
from glm_core.errors import RunError
from glm_core.model import writers
from glm_core.model.transformer import GLM
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
config = ModelConfig(1, 8, 2, 200, 6)
for way in ("save_native", "save_hf", "save_original", "save_flagai"):
    try:
        getattr(writers, way)(sys.argv[1], config, GLM(config).state_dict())
    except RunError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")],
        capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    assert all("out: cannot be written: the file is larger than is allowed" in line for line in lines)
    assert list(tmp_path.iterdir()) == []
