"""One process at a time in a run's folder.

The lock is a file that names its owner, held open with the operating system's own lock, so it ends with its process
however that ends. Where that cannot be seen (another machine on a shared disk, a file system without locks) the file's
time tells: its owner touches it every few seconds.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from glm_core.errors import RunError, UsageError

try:
    import fcntl
except ModuleNotFoundError:  # pragma: no cover  (Windows: the file's time decides alone)
    fcntl = None  # type: ignore[assignment]

BEAT = 20.0  # seconds between two touches
STALE = 120.0  # seconds without a touch after which an owner that cannot be seen counts as gone
_ATTEMPTS = 3  # somebody may only be looking whether the lock is held


class Lock:
    """`with Lock(folder / "lock"):` — refused in one line while another process is inside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Lock:
        """Take the lock; that of a process which is gone is taken over.

        Raises UsageError while its owner lives, or where the folder cannot be written; RunError on a full disk.
        """
        try:
            descriptor = self._open()
        except OSError as error:
            where = self.path.parent
            raise UsageError(f"{where}: cannot be written ({error.strerror}); choose another folder") from error
        try:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, (json.dumps(owner) + "\n").encode(), 0)
        except OSError as error:
            os.close(descriptor)
            raise RunError(f"{self.path}: cannot be written ({error.strerror}); free some space") from error
        self._descriptor = descriptor
        self._ended.clear()
        threading.Thread(target=self._beat, name="glm-run-lock", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with suppress(OSError):
            self.path.unlink()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        """The lock file, open and ours."""
        attempts = 0
        while True:
            there = self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                held = _system_lock(descriptor)
                owner = read_owner(self.path)
                if held is False and attempts < _ATTEMPTS:
                    attempts += 1
                    time.sleep(0.05)
                elif held is False or (there and _may_live(self.path, owner, visible=held is True)):
                    raise UsageError(_refusal(self.path, owner))
                elif os.fstat(descriptor).st_ino == self.path.stat().st_ino:
                    return descriptor
            except FileNotFoundError:  # its owner ended just now and removed it
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):
                os.utime(self.path)


def is_held(path: Path) -> bool:
    """Whether a living process has this lock, without taking it."""
    owner = read_owner(path)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return _may_live(path, owner, visible=False)
    try:
        held = _system_lock(descriptor)
    finally:
        os.close(descriptor)
    return held is False or _may_live(path, owner, visible=held is True)


def read_owner(path: Path) -> dict[str, Any]:
    """Who wrote the lock file: pid, host, since. Empty where nobody did."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _may_live(path: Path, owner: dict[str, Any], *, visible: bool) -> bool:
    """Whether an owner whom the system's lock does not show may still be there.

    visible: the file system has locks, so an owner on this machine would have been seen.
    """
    if not owner or (visible and owner.get("host") == socket.gethostname()):
        return False
    return _age(path) < STALE


def _refusal(path: Path, owner: dict[str, Any]) -> str:
    who = "another process"
    if owner:
        who = f"process {owner.get('pid')} on {owner.get('host')} (since {owner.get('since')})"
    remedy = "wait until it has ended, or give another folder"
    if owner and owner.get("host") != socket.gethostname():
        remedy += f"; if it is gone, wait {STALE:.0f} seconds or remove {path}"
    return f"{path.parent}: {who} is at work there; {remedy}"


def _system_lock(descriptor: int) -> bool | None:
    """Take the operating system's lock: True taken, False somebody has it, None this file system has none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def _age(path: Path) -> float:
    """Seconds since the file was touched, by the clock of the disk it lies on; infinite where it is gone."""
    probe = path.with_name(f".{path.name}.{os.getpid()}.clock")
    try:
        probe.touch()
        now = probe.stat().st_mtime
    except OSError:
        now = time.time()
    finally:
        with suppress(OSError):
            probe.unlink()
    try:
        return now - path.stat().st_mtime
    except OSError:
        return float("inf")
