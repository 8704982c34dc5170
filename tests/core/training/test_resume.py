import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from glm_core.errors import RunError, UsageError
from glm_core.training import engine as engine_module
from glm_core.training.trainer import Trainer
from tests.core.training.toy import (
    ToyBackbone,
    parameters,
    same,
    toy_accuracy,
    toy_config,
    toy_instances,
    train_toy,
)

TOY = Path(__file__).with_name("toy.py")


def _is(row, *, event, step):
    return row["event"] == event and row["step"] == step


class _Killed(BaseException):
    """Stands for a kill: nothing in the loop catches it."""


def _train(folder, *, die=None, seed=7, identity=None, **options):
    """Train the toy; `die(row)` says where it is killed."""
    backbone, rows, dev = ToyBackbone(dropout=0.3), [], toy_instances(30, seed=4)

    def record(row):
        rows.append(row)
        if die is not None and die(row):
            raise _Killed

    trainer = Trainer(backbone, toy_config(**options), seed=seed, record=record, progress=False)
    summary = trainer.fit(
        toy_instances(), folder, evaluate=lambda: toy_accuracy(backbone, dev), identity=identity or {"data": "a"}
    )
    return parameters(backbone), replace(summary, seconds=0.0), rows


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["step", "evaluation"]), st.integers(1, 14)), min_size=1, max_size=3),
    st.sampled_from([0, 1, 2, 4]),
    st.sampled_from(["fp32", "fp16"]),
)
def test_killed_wherever_it_ends_with_the_bits_of_the_straight_run(tmp_path_factory, kills, save_every, precision):
    options = {"save_every": save_every, "precision": precision, "eval_every": 0.6}
    folder = tmp_path_factory.mktemp("runs")
    wanted, summary, _ = _train(folder / "straight", **options)
    for event, step in sorted(kills, key=lambda kill: kill[1]):
        try:
            _train(folder / "killed", die=partial(_is, event=event, step=step), **options)
        except _Killed:
            torch.manual_seed(step)  # another process has other generators
    found, again, _ = _train(folder / "killed", **options)
    assert same(found, wanted)
    assert again == summary


def test_only_what_is_missing_is_done_again(tmp_path):
    with pytest.raises(_Killed):
        _train(tmp_path, die=lambda row: row.get("step") == 9, save_every=4)
    assert _names(tmp_path) == ["best-00000005", "step-00000008"]
    _, _, rows = _train(tmp_path, save_every=4)
    assert rows[0]["event"] == "resume" and rows[0]["step"] == 8
    assert [row["step"] for row in rows if row["event"] == "step"] == list(range(9, 16))


def test_a_finished_training_is_found_again_without_a_step(tmp_path):
    wanted, summary, _ = _train(tmp_path)
    found, again, rows = _train(tmp_path)
    assert same(found, wanted) and again == summary
    assert not [row for row in rows if row["event"] == "step"]
    (point,) = tmp_path.glob("step-*")
    assert _names(point) == ["random.json", "state.json"]  # nobody needs the optimizer any more


def test_without_evaluation_a_finished_training_keeps_its_last_parameters(tmp_path):
    def train():
        backbone = ToyBackbone()
        Trainer(backbone, toy_config(), seed=1, progress=False).fit(toy_instances(), tmp_path)
        return parameters(backbone)

    assert same(train(), train())


def _script(folder, out, *arguments):
    threads = str(torch.get_num_threads())  # sums over more threads round otherwise
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, str(TOY), str(folder), str(out), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_process_that_was_really_killed_goes_on_with_the_same_bits(tmp_path):
    wanted, summary, rows = train_toy(tmp_path / "straight")
    assert _script(tmp_path / "killed", tmp_path / "out", "--die-at", 7).returncode == -9
    assert _script(tmp_path / "killed", tmp_path / "out", "--die-at", 13).returncode == -9
    done = _script(tmp_path / "killed", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = torch.load(tmp_path / "out.0", weights_only=True)
    assert same(found["parameters"], wanted)
    assert found["best_step"] == summary.best_step
    assert found["losses"] == [row["loss"] for row in rows if row["event"] == "step"][10:]


def test_sigterm_finishes_the_step_saves_and_ends_with_143(tmp_path):
    wanted = train_toy(tmp_path / "straight")[0]
    stopped = _script(tmp_path / "stopped", tmp_path / "out", "--nudge-at", 8)
    assert stopped.returncode == 143
    assert "stopped by SIGTERM after step 8" in stopped.stderr
    assert "step-00000008" in _names(tmp_path / "stopped")
    assert same(train_toy(tmp_path / "stopped")[0], wanted)


@pytest.mark.parametrize("step", [5, 15])
def test_sigterm_before_an_evaluation_leaves_the_evaluation_for_later(tmp_path, step):
    wanted, summary, _ = train_toy(tmp_path / "straight")
    with pytest.raises(SystemExit) as told:
        train_toy(tmp_path / "stopped", nudge_at=step)
    assert told.value.code == 143
    found, again, rows = train_toy(tmp_path / "stopped")
    assert same(found, wanted)
    assert again.evaluations == summary.evaluations
    assert (rows[1]["event"], rows[1]["step"]) == ("evaluation", step)


def test_a_half_written_point_is_passed_over(tmp_path, caplog):
    wanted = _train(tmp_path / "straight", save_every=2)[0]
    with pytest.raises(_Killed):
        _train(tmp_path / "run", die=lambda row: row.get("step") == 5, save_every=2)
    (point,) = (tmp_path / "run").glob("step-*")
    for name, damage in (
        ("step-00000097", lambda path: path.write_bytes(path.read_bytes()[:-9])),
        ("step-00000098", lambda path: path.unlink()),
    ):
        broken = point.with_name(name)
        broken.mkdir()
        for file in point.iterdir():
            (broken / file.name).write_bytes(file.read_bytes())
        damage(broken / "optimizer.safetensors")
    point.with_name("step-00000099").mkdir()
    draft = point.with_name(".step-00000098.draft-abcd")
    draft.mkdir()
    assert same(_train(tmp_path / "run", save_every=2)[0], wanted)
    assert all(f"step-0000009{k} is not whole" in caplog.text for k in (7, 8, 9))
    assert not draft.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.5}, "learning_rate was 0.02 and is 0.5"),
        ({"seed": 8}, "seed was 7 and is 8"),
        ({"identity": {"data": "b"}}, 'data was "a" and is "b"'),
        ({"identity": {"data": "a", "pattern": "x"}}, 'pattern was null and is "x"'),
    ],
)
def test_a_point_of_another_run_is_refused(tmp_path, changes, message):
    with pytest.raises(_Killed):
        _train(tmp_path, die=lambda row: row.get("step") == 9)
    with pytest.raises(UsageError, match="belongs to another run") as told:
        _train(tmp_path, **changes)
    assert message in str(told.value) and str(tmp_path) in str(told.value)


def test_how_often_to_save_may_change(tmp_path):
    wanted = _train(tmp_path / "straight")[0]
    with pytest.raises(_Killed):
        _train(tmp_path / "run", die=lambda row: row.get("step") == 9)
    assert same(_train(tmp_path / "run", save_every=3)[0], wanted)


def test_a_full_disk_loses_nothing_earlier(tmp_path, monkeypatch):
    wanted = _train(tmp_path / "straight", save_every=2)[0]
    straight = engine_module.save_file

    def save_file(tensors, path):
        if path.name == "optimizer.safetensors" and "step-00000006" in str(path):
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        straight(tensors, path)

    monkeypatch.setattr(engine_module, "save_file", save_file)
    with pytest.raises(RunError, match="disk is full"):
        _train(tmp_path / "run", save_every=2)
    assert _names(tmp_path / "run") == ["best-00000005", "step-00000004"]
    monkeypatch.undo()
    found, _, rows = _train(tmp_path / "run", save_every=2)
    assert rows[0]["step"] == 4 and same(found, wanted)


def test_the_best_parameters_a_point_names_outlive_newer_ones(tmp_path):
    with pytest.raises(_Killed):  # after the evaluation at step 10 and before the next point
        _train(tmp_path, die=lambda row: row["event"] == "step" and row["step"] == 11, save_every=8)
    best = json.loads((tmp_path / "step-00000008" / "state.json").read_text())["state"]["best"]
    assert (tmp_path / best["folder"]).is_dir()


def test_nothing_that_runs_code_is_written(tmp_path):
    _train(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}
