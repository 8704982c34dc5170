"""A run: what it leaves, when it is refused, how it goes on."""

import gzip
import json
import threading
from dataclasses import replace

import pytest
import torch

from glm_core.config import EvalConfig, TrainConfig
from glm_core.errors import DataError, RunError, TemplateError, UsageError
from glm_core.plugins import isolated_packs
from glm_core.pvp import PVP
from glm_core.runs.finetune import finetune
from glm_core.runs.lock import Lock
from glm_core.runs.run_dir import RunDir, read_json, read_log
from tests.core.runs.fakes import IT_WAS, ReviewsPack, ToyBackbone, accuracy, reviews_task, surprise, write_reviews

CONFIG = TrainConfig(epochs=4, batch_size=4, learning_rate=0.02, warmup=0.0)


@pytest.fixture
def data(tmp_path):
    return write_reviews(tmp_path / "data", train=16, dev=8)


def never():
    raise AssertionError("the model was loaded without need")


def train(data, out, **changes):
    options = {"config": CONFIG, "model": "toy", "progress": False, **changes}
    task, backbone = options.pop("task", reviews_task()), options.pop("backbone", ToyBackbone)
    return finetune(task, backbone, data, out, **options)


def test_a_run_learns_and_says_what_it_had_to_beat(data, tmp_path):
    result = train(data, tmp_path / "run")
    assert result.before["accuracy"] == 0.5
    assert result.majority["accuracy"] == 0.5
    assert result.metrics["accuracy"] > 0.7
    assert (result.metric, result.score) == ("accuracy", result.metrics["accuracy"])
    assert result.health.steps == 16
    assert (result.split, result.pattern, result.seed, result.method) == ("dev", "it-was", 1, "cloze")


def test_a_run_leaves_a_folder_that_says_it_all(data, tmp_path):
    result = train(data, tmp_path / "run")
    run = RunDir(tmp_path / "run")
    assert run.state == "done"
    assert sorted(one.name for one in run.path.iterdir()) == [
        "bundle", "log.jsonl", "manifest.json", "predictions", "result.json", "run.json",
    ]  # fmt: skip
    assert sorted(one.name for one in (run.path / "predictions").iterdir()) == [
        "dev-before.json", "dev-before.jsonl.gz", "dev.json", "dev.jsonl.gz",
    ]  # fmt: skip
    asked, manifest = read_json(run.asked), read_json(run.manifest)
    assert asked["config"]["learning_rate"] == 0.02
    assert asked["command"][:5] == ["glm", "finetune", "reviews", "--model", "toy"]
    assert manifest["task"]["pattern"]["text"] == IT_WAS.pattern
    assert read_json(run.result)["metrics"] == result.metrics
    rows = [json.loads(line) for line in gzip.decompress(run.predictions("dev").read_bytes()).splitlines()]
    assert [row["uid"] for row in rows] == [f"dev-{index}" for index in range(8)]
    assert all(len(row["answers"]) == 4 and row["answers"][0]["log_probs"] for row in rows)
    assert read_log(run.log)[-1]["event"] == "result"


def test_what_was_kept_is_the_best_on_the_first_metric(data, tmp_path):
    result = train(data, tmp_path / "high")
    scores = [one["metrics"]["accuracy"] for one in result.training["evaluations"]]
    assert result.score == max(scores)
    low = train(data, tmp_path / "low", task=reviews_task(metrics={"surprise": surprise}))
    losses = [one["metrics"]["surprise"] for one in low.training["evaluations"]]
    assert low.score == pytest.approx(min(losses))


def test_the_same_call_again_gives_the_stored_result(data, tmp_path):
    result = train(data, tmp_path / "run")
    assert train(data, tmp_path / "run", backbone=never) == result


def test_the_same_data_elsewhere_are_the_same_run(data, tmp_path):
    result = train(data, tmp_path / "run")
    moved = data.rename(tmp_path / "moved")
    assert train(moved, tmp_path / "run", backbone=never) == result


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"config": replace(CONFIG, learning_rate=0.5)}, "--learning-rate 0.02, not 0.5"),
        ({"seed": 2}, "--seed 1, not 2"),
        ({"pattern": "just"}, "--pattern it-was, not just"),
        ({"evaluation": EvalConfig(max_length=64)}, "--max-length 256, not 64"),
        ({"model": "large"}, "--model toy, not large"),
        ({"task": reviews_task(revision=2)}, "revision 1, not 2"),
        (
            {"task": reviews_task(pvps=(replace(IT_WAS, combine="max"),))},
            "pattern 'it-was' has another text or other words",
        ),
    ],
)
def test_another_run_in_the_folder_is_refused(data, tmp_path, change, words):
    train(data, tmp_path / "run")
    with pytest.raises(UsageError) as error:
        train(data, tmp_path / "run", backbone=never, **change)
    assert words in str(error.value)
    assert str(error.value).endswith("give another --out, or --overwrite to replace it")


def test_changed_data_are_refused(data, tmp_path):
    train(data, tmp_path / "run")
    write_reviews(data, train=16, dev=6)
    with pytest.raises(UsageError, match=r"data file dev\.jsonl has changed since"):
        train(data, tmp_path / "run", backbone=never)


def test_overwrite_begins_anew(data, tmp_path):
    train(data, tmp_path / "run")
    old = RunDir(tmp_path / "run")
    old.predictions("test").write_bytes(b"of the old run")
    result = train(data, tmp_path / "run", seed=2, overwrite=True)
    assert result.seed == 2
    assert read_json(old.asked)["seed"] == 2
    assert not old.predictions("test").exists()
    assert [row["event"] for row in read_log(old.log)][:2] == ["before", "start"]
    assert sum(row["event"] == "end" for row in read_log(old.log)) == 1


def test_a_folder_that_is_no_run_is_refused_even_with_overwrite(data, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        train(data, tmp_path / "home", overwrite=True)
    assert [one.name for one in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_file_as_out_is_refused(data, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UsageError, match="a file is in the way"):
        train(data, tmp_path / "run", backbone=never)


def test_choosing_on_a_final_split_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match=r"it is for the final evaluation.*choose on dev, or say --allow-final"):
        train(data, tmp_path / "run", tune_split="gold", backbone=never)
    assert not (tmp_path / "run").exists()


def test_allow_final_marks_the_result(data, tmp_path):
    result = train(data, tmp_path / "run", tune_split="gold", allow_final=True)
    assert result.chosen_on_final and read_json(tmp_path / "run" / "result.json")["chosen_on_final"]
    assert not train(data, tmp_path / "other").chosen_on_final


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tune_split": "test", "allow_final": True}, "--split test: it has no labels"),
        ({"tune_split": "train"}, "--split train: its role is train; choose on dev"),
        ({"train_split": "dev"}, "--train-split dev: its role is tune; train on train"),
        ({"tune_split": "dve"}, "no split 'dve' .*did you mean 'dev'"),
        ({"pattern": "it-is"}, "no pattern 'it-is'.*did you mean 'it-was'"),
        ({"method": "classify"}, "--method is cloze or classifier.*did you mean 'classifier'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_made(data, tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        train(data, tmp_path / "run", backbone=never, **options)
    assert not (tmp_path / "run").exists()


def test_a_missing_file_is_named_with_what_is_there(data, tmp_path):
    (data / "dev.jsonl").unlink()
    with pytest.raises(DataError, match=r"no file dev\.jsonl in .*there: gold\.jsonl, test\.jsonl, train\.jsonl"):
        train(data, tmp_path / "run", backbone=never)


def test_no_training_examples_are_an_error(data, tmp_path):
    (data / "train.jsonl").write_text("\n")
    with pytest.raises(DataError, match=r"train\.jsonl: the file is empty"):
        train(data, tmp_path / "run", backbone=never)


def test_a_training_example_without_a_label_is_named(data, tmp_path):
    with (data / "train.jsonl").open("a") as file:
        file.write('{"review": "so so"}\n')
    with pytest.raises(
        DataError, match=r"split 'train' of reviews: 1 of 17 examples have no label \(first: train-16\)"
    ):
        train(data, tmp_path / "run", backbone=never)


def test_a_pattern_that_does_not_fit_leaves_no_folder(data, tmp_path):
    task = reviews_task(pvps=(PVP("odd", "{text} It was [MASK].", {"bad": "bad", "good": "good"}),))
    with pytest.raises(TemplateError, match="has no field 'text'"):
        train(data, tmp_path / "run", task=task)
    assert not (tmp_path / "run").exists()


def test_examples_whose_label_has_no_words_are_left_out(data, tmp_path):
    pvp = PVP("only-good", "{review} It was [MASK].", {"good": ["great", "good"]}, otherwise="bad")

    class Greedy(ToyBackbone):
        def weigh(self, batch):
            found = super().weigh(batch)
            return found._replace(greedy=found.log_probs.sum(-1) > -4)

    config = replace(CONFIG, objective="generative")
    result = train(
        data,
        tmp_path / "run",
        task=reviews_task(pvps=(pvp,), metrics={"accuracy": accuracy}),
        backbone=Greedy,
        config=config,
    )
    assert result.training["left_out"] == 8
    assert result.training["steps"] == 8
    assert read_log(tmp_path / "run" / "log.jsonl")[0]["examples"] == 8


class Stops(ToyBackbone):
    """Raises in the n-th evaluation."""

    def __init__(self, at: int, error: type[BaseException]) -> None:
        super().__init__()
        self.at, self.error = at, error

    def weigh(self, batch):
        if self.n_weighed == self.at:
            raise self.error("stopped here")
        return super().weigh(batch)


@pytest.mark.parametrize("at", [0, 1, 3, 5])
def test_an_interrupted_run_goes_on_and_ends_as_a_straight_one(data, tmp_path, at):
    straight = train(data, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", backbone=lambda: Stops(at, KeyboardInterrupt))
    run = RunDir(tmp_path / "run")
    assert run.state == "stopped"
    resumed = train(data, tmp_path / "run")
    assert resumed.metrics == straight.metrics and resumed.before == straight.before
    assert resumed.training["losses"] == straight.training["losses"]
    for name in ("dev", "dev-before"):
        other = RunDir(tmp_path / "straight").predictions(name)
        assert run.predictions(name).read_bytes() == other.read_bytes()
    weights = [
        json.loads((one / "bundle" / "model" / "toy.json").read_text()) for one in (run.path, tmp_path / "straight")
    ]
    assert weights[0] == weights[1]
    steps = [row["step"] for row in read_log(run.log) if row["event"] == "step"]
    assert steps == list(range(1, 17))


def test_a_crash_leaves_its_traceback_and_the_same_call_goes_on(data, tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(data, tmp_path / "run", backbone=lambda: Stops(2, ZeroDivisionError))
    run = RunDir(tmp_path / "run")
    assert run.state == "failed"
    assert "ZeroDivisionError: stopped here" in run.error.read_text()
    train(data, tmp_path / "run")
    assert run.state == "done"
    assert not run.error.exists()


def test_a_training_that_diverges_is_a_run_error(data, tmp_path):
    with pytest.raises(RunError, match=r"(lower|smaller) --learning-rate"):
        train(data, tmp_path / "run", config=replace(CONFIG, learning_rate=1e30, clip=0.0))
    assert RunDir(tmp_path / "run").state == "failed"


def test_a_changed_model_cannot_continue_a_run(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", backbone=lambda: Stops(2, KeyboardInterrupt))
    with pytest.raises(UsageError, match="holds another run: the model is another one now"):
        train(data, tmp_path / "run", backbone=lambda: ToyBackbone(seed=9))


def test_a_folder_at_work_is_refused(data, tmp_path):
    (tmp_path / "run").mkdir()
    with Lock(tmp_path / "run" / "lock"), pytest.raises(UsageError, match="is at work there"):
        train(data, tmp_path / "run", backbone=never)


def test_the_folder_is_held_while_a_run_works(data, tmp_path):
    seen = []

    class Watching(ToyBackbone):
        def weigh(self, batch):
            seen.append(RunDir(tmp_path / "run").state)
            return super().weigh(batch)

    train(data, tmp_path / "run", backbone=Watching)
    assert set(seen) == {"running"}
    assert threading.active_count() < 20


def test_packs_hear_every_row(data, tmp_path):
    pack = ReviewsPack()
    with isolated_packs(films=pack):
        train(data, tmp_path / "run", task=pack.task)
        assert read_json(tmp_path / "run" / "run.json")["task"] == "films/reviews"
        assert read_json(tmp_path / "run" / "bundle" / "bundle.json")["backbone"] == "films/toy"
    assert [row["event"] for row in pack.rows] == [row["event"] for row in read_log(tmp_path / "run" / "log.jsonl")]


def test_the_tasks_advice_is_the_default(data, tmp_path):
    task = reviews_task(recommended={"epochs": 1, "batch_size": 8, "max_length": 40, "pattern": "just"})
    train(data, tmp_path / "run", task=task, config=None)
    asked = read_json(tmp_path / "run" / "run.json")
    assert (asked["config"]["epochs"], asked["config"]["batch_size"]) == (1, 8)
    assert asked["evaluation"]["max_length"] == 40


def test_one_seed_is_one_run(data, tmp_path):
    torch.manual_seed(123)
    one = train(data, tmp_path / "a")
    torch.manual_seed(7)
    other = train(data, tmp_path / "b")
    assert one.training["losses"] == other.training["losses"]
    assert train(data, tmp_path / "c", seed=2).training["losses"] != one.training["losses"]


def test_the_model_is_made_ready_before_it_is_asked(data, tmp_path):
    backbone = ToyBackbone()
    train(data, tmp_path / "run", backbone=backbone)
    assert backbone.prepared == [CONFIG]


def test_a_full_disk_ends_in_one_line_and_nothing_half_written(data, tmp_path, monkeypatch):
    import errno

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    run = RunDir(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(data, run.path, backbone=lambda: Stops(2, KeyboardInterrupt))
    before = {one: one.read_bytes() for one in run.path.rglob("*") if one.is_file()}
    monkeypatch.setattr("glm_core.atomic.os.fsync", full)
    with pytest.raises(RunError, match="the disk is full") as error:
        train(data, run.path)
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    for path, content in before.items():
        assert path.exists(), path
        assert path.suffix == ".jsonl" or path.read_bytes() == content
    assert run.state == "stopped"
    assert train(data, run.path).metrics["accuracy"] > 0.7
