"""One process at a time; a lock whose owner is gone is no obstacle."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glm_core.errors import UsageError
from glm_core.runs import lock
from glm_core.runs.lock import Lock, is_held, read_owner

HOLD = """
import sys, time
from pathlib import Path
from glm_core.runs.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path/lock."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_names_its_owner_and_goes_with_it(tmp_path):
    with Lock(tmp_path / "lock"):
        owner = read_owner(tmp_path / "lock")
        assert (owner["pid"], owner["host"]) == (os.getpid(), socket.gethostname())
        assert is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_living_second_process_is_refused_in_one_line(tmp_path, holder):
    assert is_held(tmp_path / "lock")
    with pytest.raises(UsageError) as error, Lock(tmp_path / "lock"):
        pass
    assert f"process {holder.pid} on {socket.gethostname()}" in str(error.value)
    assert "is at work there" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "lock").exists()
    assert not is_held(tmp_path / "lock")
    with Lock(tmp_path / "lock"):
        assert read_owner(tmp_path / "lock")["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def _foreign(path: Path, age: float) -> None:
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "2020-01-01T00:00:00Z"}))
    os.utime(path, (time.time() - age, time.time() - age))


def test_another_machine_is_believed_while_it_touches_its_lock(tmp_path):
    _foreign(tmp_path / "lock", age=1)
    assert is_held(tmp_path / "lock")
    with (
        pytest.raises(UsageError, match=r"process 1 on elsewhere.*if it is gone, wait 120 seconds or remove"),
        Lock(tmp_path / "lock"),
    ):
        pass


def test_another_machine_that_fell_silent_is_taken_over(tmp_path):
    _foreign(tmp_path / "lock", age=lock.STALE + 5)
    assert not is_held(tmp_path / "lock")
    with Lock(tmp_path / "lock"):
        assert read_owner(tmp_path / "lock")["pid"] == os.getpid()


def test_where_the_system_has_no_locks_the_files_time_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with Lock(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")
        with pytest.raises(UsageError), Lock(tmp_path / "lock"):
            pass
        assert (tmp_path / "lock").exists()
    with Lock(tmp_path / "lock"):
        pass


def test_an_owner_touches_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with Lock(tmp_path / "lock"):
        os.utime(tmp_path / "lock", (0, 0))
        deadline = time.monotonic() + 20
        while (tmp_path / "lock").stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / "lock").stat().st_mtime > 0


def test_a_lock_file_full_of_nonsense_is_taken_over(tmp_path):
    (tmp_path / "lock").write_text("nonsense")
    with Lock(tmp_path / "lock"):
        pass


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"), Lock(tmp_path / "nowhere" / "lock"):
        pass
