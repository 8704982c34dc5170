"""Runs as processes: killed, asked to stop, and several at one run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glm_core.runs.run_dir import RunDir, read_json, read_log
from tests.core.runs.fakes import write_reviews

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys, time
from glm_core.config import TrainConfig
from glm_core.runs.finetune import finetune
from tests.core.runs.fakes import ToyBackbone, reviews_task

data, out, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])

class Slow(ToyBackbone):
    def weigh(self, batch):
        time.sleep(pause)
        return super().weigh(batch)

config = TrainConfig(epochs=4, batch_size=4, learning_rate=0.02, warmup=0.0)
result = finetune(reviews_task(), Slow, data, out, config=config, model="toy")
print("accuracy", result.metrics["accuracy"])
"""


def start(data, out, *, pause=0.0, launcher=()):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLM_PACKS": "", "PYTHONPATH": str(ROOT)}
    script = out.parent / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, *launcher, str(script), str(data), str(out), str(pause)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def data(tmp_path):
    return write_reviews(tmp_path / "data", train=16, dev=8)


def told(run):
    result = read_json(run.result)
    result["training"].pop("seconds")
    return result


def test_a_killed_run_and_one_asked_to_stop_go_on_to_the_same_end(data, tmp_path):
    straight = start(data, tmp_path / "straight")
    _, errors = straight.communicate(timeout=60)
    assert straight.returncode == 0, errors
    wanted = RunDir(tmp_path / "straight")
    for number, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 143)):
        run = RunDir(tmp_path / f"run{number}")
        process = start(data, run.path, pause=0.3)
        wait_for(lambda run=run: list(run.checkpoints.glob("step-*")), process)
        assert run.state == "running"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        assert run.state == "stopped"
        again = start(data, run.path)
        _, errors = again.communicate(timeout=60)
        assert again.returncode == 0, errors
        assert told(run) == told(wanted)
        assert run.predictions("dev").read_bytes() == wanted.predictions("dev").read_bytes()
        steps = [row["step"] for row in read_log(run.log) if row["event"] == "step"]
        assert steps == list(range(1, 17))


def test_a_second_process_on_a_run_is_refused_and_the_first_one_ends_well(data, tmp_path):
    run = RunDir(tmp_path / "run")
    first = start(data, run.path, pause=0.3)
    wait_for(run.asked.is_file, first)
    second = start(data, run.path)
    _, errors = second.communicate(timeout=60)
    assert second.returncode != 0
    assert f"process {first.pid} on" in errors and "is at work there" in errors
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    assert run.state == "done"


def test_two_processes_share_a_run_and_the_first_one_writes(data, tmp_path):
    alone = start(data, tmp_path / "alone")
    _, errors = alone.communicate(timeout=60)
    assert alone.returncode == 0, errors
    run = RunDir(tmp_path / "run")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    both = start(data, run.path, launcher=launcher)
    output, errors = both.communicate(timeout=120)
    assert both.returncode == 0, errors
    assert run.state == "done"
    one, two = told(RunDir(tmp_path / "alone")), told(run)
    assert two["training"]["losses"] == pytest.approx(one["training"]["losses"], abs=1e-5)
    assert two["metrics"]["accuracy"] == one["metrics"]["accuracy"]
    assert two["before"] == one["before"]
    assert read_json(run.manifest)["device"]["processes"] == 2
    assert sum(row["event"] == "start" for row in read_log(run.log)) == 1
    assert [json.loads(line) for line in run.log.read_text().splitlines()]
    assert output.count("accuracy") == 2
