"""Being asked to stop: SIGTERM (a batch system, `kill`, torchrun) is noted, and the loop stops when a step is whole."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

EXIT_CODE = 128 + signal.SIGTERM  # 143, as a process has that the signal ends


class Termination:
    """Inside the block a SIGTERM sets `asked` instead of ending the process; only the main thread can do this."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Termination:
        self._mine = threading.current_thread() is threading.main_thread()
        if self._mine:
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mine:
            signal.signal(signal.SIGTERM, self._before)

    def _note(self, signal_number: int, frame: FrameType | None) -> None:
        self.asked = True
