"""The leaderboard's archive: gathered from stored predictions, checked, written whole or not at all."""

import io
import json
import sys
import types
import zipfile

import pytest

from glm_core.config import TrainConfig
from glm_core.errors import RunError, UsageError
from glm_core.plugins import isolated_packs
from glm_core.runs import submission
from glm_core.runs.evaluate_run import evaluate_run
from glm_core.runs.finetune import finetune
from glm_core.runs.submission import archive, submit
from tests.core.runs.fakes import ReviewsPack, ToyBackbone, write_reviews

CONFIG = TrainConfig(epochs=1, batch_size=4, learning_rate=0.02, warmup=0.0)


@pytest.fixture
def run(tmp_path):
    """A finished run without predictions on its test split, its pack loaded."""
    pack = ReviewsPack()
    with isolated_packs(films=pack):
        data = write_reviews(tmp_path / "data")
        finetune(pack.task, ToyBackbone, data, tmp_path / "run", config=CONFIG, model="toy", progress=False)
        yield tmp_path / "run"


def rules(monkeypatch, **members):
    module = types.ModuleType("rules")
    for name, value in members.items():
        setattr(module, name, value)
    monkeypatch.setattr(submission, "_rules", lambda pack: module)


def test_a_run_without_test_predictions_names_the_command_that_makes_them(run, tmp_path):
    with pytest.raises(UsageError) as error:
        submit("films", [run], tmp_path / "out.zip")
    assert str(error.value) == (
        f"{run}: has no predictions to submit; make them: glm evaluate --run {run} --split test"
    )
    assert not (tmp_path / "out.zip").exists()


def test_the_archive_holds_what_the_processor_writes(run, tmp_path):
    predictions, _ = evaluate_run(run, "test", progress=False)
    made = submit("films", [run], tmp_path / "deep" / "out.zip")
    assert made.examples == {"Reviews.jsonl": 5} and made.runs == {"Reviews.jsonl": str(run)}
    with zipfile.ZipFile(tmp_path / "deep" / "out.zip") as packed:
        assert packed.namelist() == ["Reviews.jsonl"]
        rows = [json.loads(line) for line in packed.read("Reviews.jsonl").splitlines()]
    assert rows == [{"idx": index, "label": one.label} for index, one in enumerate(predictions)]


def test_what_the_pack_finds_wrong_is_not_written(run, tmp_path, monkeypatch):
    evaluate_run(run, "test", progress=False)
    rules(monkeypatch, check_file=lambda name, text, data: [f"{name}:3: label 'bad' is none of 0, 1"])
    with pytest.raises(RunError, match=r"would refuse this, so nothing was written:\n  Reviews\.jsonl:3: label"):
        submit("films", [run], tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_the_pack_is_shown_the_runs_data(run, tmp_path, monkeypatch):
    evaluate_run(run, "test", progress=False)
    seen = []
    rules(monkeypatch, check_file=lambda name, text, data: seen.append((name, data.has("test.jsonl"))) or [])
    submit("films", [run], tmp_path / "out.zip")
    assert seen == [("Reviews.jsonl", True)]


def test_files_that_a_whole_submission_has_besides_are_named(run, tmp_path, monkeypatch):
    evaluate_run(run, "test", progress=False)
    rules(monkeypatch, FILES=("Reviews.jsonl", "Plots.jsonl"))
    assert submit("films", [run], tmp_path / "out.zip").missing == ("Plots.jsonl",)


def test_two_runs_for_one_file_are_refused(run, tmp_path):
    evaluate_run(run, "test", progress=False)
    with pytest.raises(UsageError, match=r"both .*run and .*run give Reviews\.jsonl; leave one of them out"):
        submit("films", [run, run], tmp_path / "out.zip")


def test_two_final_splits_of_one_run_are_two_files_for_one_name(run, tmp_path):
    evaluate_run(run, "test", progress=False)
    evaluate_run(run, "gold", progress=False)
    with pytest.raises(UsageError, match=r"give Reviews\.jsonl"):
        submit("films", [run], tmp_path / "out.zip")


def test_an_unknown_pack_and_a_run_of_another_are_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"no pack 'film' .*did you mean 'films'"):
        submit("film", [run], tmp_path / "out.zip")
    with (
        isolated_packs(films=ReviewsPack(), music=ReviewsPack(name="songs")),
        pytest.raises(UsageError, match="is a run of films/reviews, which is no task of pack music"),
    ):
        submit("music", [run], tmp_path / "out.zip")


def test_predictions_of_an_earlier_revision_are_refused(run, tmp_path):
    evaluate_run(run, "test", progress=False)
    with isolated_packs(films=ReviewsPack(revision=2)), pytest.raises(UsageError, match="made with revision 1"):
        submit("films", [run], tmp_path / "out.zip")


def test_the_same_files_are_the_same_bytes():
    one, other = archive({"b": "2", "a": "1"}), archive({"a": "1", "b": "2"})
    assert one == other
    with zipfile.ZipFile(io.BytesIO(one)) as packed:
        assert packed.namelist() == ["a", "b"]


def test_the_rules_lie_beside_the_packs_entry_point(monkeypatch):
    from glm_core.pack import Pack

    plugin = types.ModuleType("films_pack.plugin")
    plugin.__package__ = "films_pack"
    monkeypatch.setitem(sys.modules, "films_pack.plugin", plugin)
    package = types.ModuleType("films_pack")
    package.__path__ = []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "films_pack", package)
    assert submission._rules(Pack("films", entry="films_pack.plugin")) is None
    beside = types.ModuleType("films_pack.submission")
    beside.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "films_pack.submission", beside)
    assert submission._rules(Pack("films", entry="films_pack.plugin")) is beside
    assert submission._rules(Pack("films", entry="nowhere.at.all")) is None
