"""The whole way with a small random GLM: every built-in data set is trained on, evaluated, and handed in."""

import json
import zipfile
from pathlib import Path

import pytest
import torch

from glm_core import get_task, load_backbone
from glm_core.config import EvalConfig, ModelConfig, TrainConfig
from glm_core.model.glm_backbone import GLMBackbone
from glm_core.model.transformer import GLM
from glm_core.runs.evaluate import evaluate
from glm_core.runs.evaluate_run import evaluate_run
from glm_core.runs.finetune import finetune
from glm_core.runs.predictor import Predictor, predict
from glm_core.runs.run_dir import RunDir, read_json
from glm_core.runs.submission import submit

DATA = Path(__file__).parents[2] / "data" / "superglue"
CONFIG = TrainConfig(steps=3, batch_size=4, max_length=96, learning_rate=1e-3, warmup=0.0, eval_every=0.0)
LENGTH = EvalConfig(max_length=96)


@pytest.fixture(scope="module")
def tokenizer():
    return load_backbone("tiny", device="cpu").tokenizer


@pytest.fixture
def backbone(tokenizer):
    torch.manual_seed(3)
    config = ModelConfig(
        n_layers=1,
        hidden_size=32,
        n_heads=2,
        vocab_size=tokenizer.n_tokens + 7,
        max_positions=128,
        initializer_range=0.3,
    )
    return GLMBackbone(GLM(config), tokenizer)


def train(task, backbone, out, **changes):
    options = {"config": CONFIG, "model": "random", "progress": False, **changes}
    return finetune(task, backbone, DATA, out, **options)


@pytest.mark.parametrize("name", ["boolq", "cb", "copa", "multirc", "record", "rte", "wic", "wsc", "wsc-generate"])
def test_a_data_set_is_trained_on_and_its_test_set_answered(name, backbone, tmp_path):
    task = get_task(name)
    config = TrainConfig(**{**vars(CONFIG), "objective": task.recommended.get("objective", "choice")})
    result = train(task, backbone, tmp_path / "run", config=config, pattern=task.recommended["pattern"])
    assert result.health.steps == 3
    assert set(result.metrics) == set(result.before) == set(result.majority)
    predictions, told = evaluate_run(tmp_path / "run", "test", device="cpu", progress=False)
    assert told["metrics"] == {} and told["health"]["n"] == len(predictions) > 0
    made = submit("superglue", [tmp_path / "run"], tmp_path / "out.zip")
    (file,) = made.files
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        assert all(json.loads(line) for line in packed.read(file).decode().splitlines())


def test_the_bundle_says_what_the_trained_model_said(backbone, tmp_path):
    task = get_task("rte")
    train(task, backbone, tmp_path / "run")
    stored = RunDir(tmp_path / "run").read_predictions("dev")
    again = Predictor.load(tmp_path / "run", device="cpu")([dict(one.example.fields) for one in stored])
    assert [one.label for one in again] == [one.label for one in stored]
    for one, other in zip(again, stored, strict=True):
        assert one.scores == pytest.approx(other.scores, rel=1e-5)
    (mine,) = predict(tmp_path / "run", [{"premise": "A dog ran.", "hypothesis": "An animal ran."}], device="cpu")
    assert mine.label in task.processor.labels


def test_a_run_on_rte_answers_the_diagnostic_sets_too(backbone, tmp_path):
    train(get_task("rte"), backbone, tmp_path / "run")
    for name in ("ax-b", "ax-g"):
        _, told = evaluate_run(
            tmp_path / "run", "test", other=get_task(name), data=[DATA], device="cpu", progress=False
        )
        assert told["metrics"]
    evaluate_run(tmp_path / "run", "test", device="cpu", progress=False)
    made = submit("superglue", [tmp_path / "run"], tmp_path / "out.zip")
    assert sorted(made.files) == ["AX-b.jsonl", "AX-g.jsonl", "RTE.jsonl"]
    assert "CB.jsonl" in made.missing


@pytest.mark.parametrize("name", ["rte", "copa", "multirc"])
def test_a_classifier_goes_the_same_way(name, backbone, tmp_path):
    task = get_task(name)
    result = train(task, backbone, tmp_path / "run", method="classifier")
    assert (result.method, result.pattern) == ("classifier", "plain")
    stored = RunDir(tmp_path / "run").read_predictions("dev")
    predictor = Predictor.load(tmp_path / "run", device="cpu")
    again = predictor.predict([one.example for one in stored])
    assert [one.scores for one in again] == [pytest.approx(one.scores, rel=1e-5) for one in stored]
    assert sum(map(len, (one.answers for one in stored))) == 2 * len(stored)


def test_soft_prompts_are_trained_kept_and_used(backbone, tmp_path):
    task = get_task("rte")
    config = TrainConfig(**{**vars(CONFIG), "soft_tokens": 3, "freeze": "body", "soft_encoder": "none"})
    words = backbone.module.word_embeddings.weight.detach().clone()
    train(task, backbone, tmp_path / "run", config=config)
    assert torch.equal(backbone.module.word_embeddings.weight, words)
    stored = RunDir(tmp_path / "run").read_predictions("dev")
    again = Predictor.load(tmp_path / "run", device="cpu").predict([one.example for one in stored])
    assert [one.scores for one in again] == [pytest.approx(one.scores, rel=1e-5) for one in stored]


@pytest.mark.parametrize("name", ["rte", "copa", "record", "wsc"])
def test_no_batch_size_changes_a_prediction(name, backbone):
    task = get_task(name)
    examples = task.read(task.processor.open(str(DATA)), "dev")
    one = evaluate(task, backbone, examples, config=EvalConfig(max_length=96, batch_tokens=1))
    other = evaluate(task, backbone, examples, config=EvalConfig(max_length=96, batch_tokens=10**6))
    for mine, theirs in zip(one, other, strict=True):
        assert mine.label == theirs.label
        assert mine.scores == pytest.approx(theirs.scores, rel=1e-5)


def test_the_manifest_names_the_pack_and_the_vocabulary(backbone, tokenizer, tmp_path):
    train(get_task("rte"), backbone, tmp_path / "run")
    found = read_json(tmp_path / "run" / "manifest.json")
    assert found["packs"][0]["name"] == "superglue"
    assert found["model"]["tokenizer"] == tokenizer.fingerprint
    assert "val.jsonl" in found["data"]
