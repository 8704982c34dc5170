"""Pretraining as processes: killed at any moment, and several at one run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glm_core.runs.run_dir import RunDir, read_json, read_log
from tests.core.runs.small_corpus import write_corpus

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from glm_core.runs.pretrain import pretrain
from tests.core.runs.small_corpus import INFILLING, TRAINING, small_model

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    config = replace(TRAINING, dropout=0.0, steps=int(sys.argv[3]))
    pretrain(folder / "corpus", lambda: small_model(folder), sys.argv[2], config=config, infilling=INFILLING, dev_rows=12)
"""


def start(folder, out, *, steps=10, launcher=()):
    script = out.parent / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *launcher, str(script), str(folder), str(out), str(steps)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def finished(process, code=0):
    _, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors


@pytest.fixture
def folder(tmp_path):
    return write_corpus(tmp_path / "small")


def weights(run):
    return (run.bundle / "model" / "model.safetensors").read_bytes()


def test_a_killed_run_goes_on_to_the_same_bits(folder, tmp_path):
    straight, killed = RunDir(tmp_path / "straight"), RunDir(tmp_path / "killed")
    finished(start(folder, straight.path, steps=60))
    process = start(folder, killed.path, steps=60)
    deadline = time.monotonic() + 240
    while not list(killed.checkpoints.glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    finished(process, -9)
    assert killed.state == "stopped"
    finished(start(folder, killed.path, steps=60))
    assert weights(killed) == weights(straight)
    assert [row["step"] for row in read_log(killed.log) if row["event"] == "step"] == list(range(1, 61))


def test_two_processes_learn_what_one_does(folder, tmp_path):
    alone, both = RunDir(tmp_path / "alone"), RunDir(tmp_path / "both")
    finished(start(folder, alone.path))
    finished(
        start(folder, both.path, launcher=("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"))
    )
    one, two = read_json(alone.result), read_json(both.result)
    for name, value in one["metrics"].items():
        assert two["metrics"][name] == pytest.approx(value, rel=1e-4)
    assert two["training"]["tokens"] == one["training"]["tokens"]
    assert [row["step"] for row in read_log(both.log) if row["event"] == "step"] == list(range(1, 11))
