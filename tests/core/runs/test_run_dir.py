"""A run's folder: its states, its log, what it refuses to touch."""

import json

import pytest

from glm_core.errors import DataError, RunError, UsageError
from glm_core.runs import run_dir
from glm_core.runs.run_dir import RunDir, read_json, read_log, to_json, write_json


def test_a_run_goes_from_planned_over_stopped_and_running_to_done(tmp_path):
    run = RunDir(tmp_path / "run")
    assert run.state == "planned"
    run.make()
    assert run.state == "planned"
    write_json(run.asked, {"task": "reviews"})
    assert run.state == "stopped"
    with run.held():
        assert run.state == "running"
    run.error.write_text("Traceback …")
    assert run.state == "failed"
    write_json(run.result, {})
    assert run.state == "done"


def test_a_file_in_the_way_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match="a file is in the way of this run's folder; choose another --out"):
            RunDir(out).make()


def test_a_folder_that_is_no_run_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"is not empty and holds no run \(there is thesis\.tex\)"):
        RunDir(tmp_path).refuse_strangers()


def test_an_empty_folder_and_a_run_are_no_strangers(tmp_path):
    RunDir(tmp_path).refuse_strangers()
    (tmp_path / "lock").write_text("")
    RunDir(tmp_path).refuse_strangers()
    write_json(tmp_path / "run.json", {})
    (tmp_path / "predictions").mkdir()
    RunDir(tmp_path).refuse_strangers()
    RunDir(tmp_path / "nowhere").refuse_strangers()


def test_clearing_a_run_leaves_what_is_not_of_it(tmp_path):
    run = RunDir(tmp_path)
    write_json(run.asked, {})
    write_json(run.result, {})
    run.bundle.mkdir()
    (run.bundle / "weights").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    run.clear()
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


def test_the_log_has_a_row_per_record_and_hooks_hear_it(tmp_path):
    heard = []
    record = RunDir(tmp_path).recorder([heard.append])
    record({"step": 1, "loss": 0.5})
    record({"step": 2, "loss": float("nan")})
    rows = read_log(tmp_path / "log.jsonl")
    assert [(row["step"], row["loss"]) for row in rows] == [(1, 0.5), (2, None)]
    assert [row["step"] for row in heard] == [1, 2]
    assert all("time" in row for row in rows)


def test_a_run_that_continues_forgets_the_steps_it_repeats(tmp_path):
    run = RunDir(tmp_path)
    first = run.recorder()
    for step in range(1, 6):
        first({"step": step, "loss": step})
    first({"event": "evaluated"})
    again = run.recorder()
    again({"event": "resume", "step": 3})
    again({"step": 4, "loss": 40})
    again({"step": 5, "loss": 50})
    rows = read_log(run.log)
    assert [row.get("loss", row.get("event")) for row in rows] == [1, 2, 3, "evaluated", "resume", 40, 50]


def test_a_line_that_a_kill_cut_off_goes(tmp_path):
    run = RunDir(tmp_path)
    run.recorder()({"step": 1})
    with run.log.open("a") as file:
        file.write('{"step": 2, "lo')
    assert [row["step"] for row in read_log(run.log)] == [1]
    run.recorder()({"event": "resumed"})
    lines = run.log.read_text().splitlines()
    assert len(lines) == 2 and all(json.loads(line) for line in lines)


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    run = RunDir(tmp_path)
    run.log.mkdir()
    record = RunDir(tmp_path / "gone").recorder()
    with pytest.raises(RunError, match=r"log\.jsonl: cannot be written \(No such file or directory\)"):
        record({"step": 1})


def test_json_knows_no_nan(tmp_path):
    assert json.loads(to_json({"a": float("inf"), "b": [float("nan"), 1.5], 3: "x"})) == {
        "a": None,
        "b": [None, 1.5],
        "3": "x",
    }


def test_a_file_that_was_cut_off_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"task": ')
    with pytest.raises(DataError, match=r"run\.json: cannot be read as JSON"):
        read_json(tmp_path / "run.json")
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(DataError, match=r"run\.json: holds list, wanted an object"):
        read_json(tmp_path / "run.json")
    with pytest.raises(DataError, match="there is no such file"):
        read_json(tmp_path / "result.json")


def test_a_place_that_cannot_be_made_is_a_usage_error(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(run_dir.Path, "mkdir", refuse)
    with pytest.raises(UsageError, match=r"cannot be made \(Permission denied\); choose another --out"):
        RunDir(tmp_path / "run").make()
