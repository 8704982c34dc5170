"""Watch what code does while it is imported or reads: heavy imports, files, the network.

Python tells an audit hook of every import, file and socket before it happens; what the pack must not do is refused then, so
that a check leaves nothing behind. A hook can never be taken away again: it is installed once, and looks only while a watch
is on.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glm_core.packs_import import HEAVY

Kind = Literal["import", "read", "write", "network"]

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dylib")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.rename": 1}  # event -> argument that is changed
_HOSTS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.connect": 1, "socket.sendto": 1}
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")

_active: list[Watch] = []
_here = threading.local()
_installed = False


class Refused(PermissionError):
    """The network, or a file outside of the temporary folder, while a check is looking."""


@dataclass(frozen=True)
class Seen:
    """Something that happened. what: a module, a file or a host. file, line: the pack's own line that led to it."""

    kind: Kind
    what: str
    stage: str
    file: str = ""
    line: int | None = None


class Watch:
    """`with Watch(files, "import", …) as watch:` collects in `watch.seen` what the code in `files` does.

    own: files and folders; what happens without one of them on the stack is not counted. None: whatever happens in this
    thread. kinds: what to look for. `stage` may be set while it is on. Network and writing are refused.
    """

    def __init__(self, own: Iterable[Path] | None, *kinds: Kind, stage: str = "", loopback: bool = False) -> None:
        self.own = None if own is None else tuple(os.path.realpath(one) for one in own)
        self.kinds = kinds
        self.stage = stage
        self.loopback = loopback
        self.seen: list[Seen] = []
        self._temporary = os.path.realpath(tempfile.gettempdir())
        self._thread = 0

    def __enter__(self) -> Watch:
        global _installed
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True
        self._thread = threading.get_ident()
        _active.append(self)
        return self

    def __exit__(self, *raised: object) -> None:
        _active.remove(self)

    def look(self, event: str, args: tuple[Any, ...]) -> None:
        """One audit event. Raises Refused for what must not be done."""
        if threading.get_ident() != self._thread:
            return
        kind, what = self._read_event(event, args)
        if not what or kind not in self.kinds:
            return
        place = self._place()
        if self.own is not None and not place[0]:
            return
        self.seen.append(Seen(kind, what, self.stage, *place))
        if kind in ("write", "network"):
            raise Refused(f"glm check: {'no network' if kind == 'network' else 'no writing'} here: {what}")

    def _read_event(self, event: str, args: tuple[Any, ...]) -> tuple[Kind, str]:
        if event == "import":
            top = str(args[0]).partition(".")[0]
            return "import", top if top in HEAVY and top not in sys.modules else ""
        if event in _HOSTS:
            return "network", _host(args[_HOSTS[event]], loopback=self.loopback)
        if event in _CHANGES:
            return "write", self._outside(args[_CHANGES[event]])
        path, mode, flags = args
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (mode is None and (flags or 0) & _WRITING):
            return "write", self._outside(path)
        return "read", _data_file(path)

    def _outside(self, path: Any) -> str:
        """The file, if it is neither in the temporary folder nor Python's own cache of compiled modules."""
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        name = os.path.realpath(os.fsdecode(path))
        harmless = f"{name}{os.sep}".startswith((self._temporary + os.sep, "/dev/", "/proc/")) or "__pycache__" in name
        return "" if harmless else name

    def _place(self) -> tuple[str, int | None]:
        """The innermost line of the pack's own that is being run."""
        frame = sys._getframe(3)
        while frame is not None:
            name = os.path.realpath(frame.f_code.co_filename)
            for own in self.own or ():
                if name == own or name.startswith(own + os.sep):
                    return name, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return "", None


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _active or (event not in ("open", "import") and event not in _HOSTS and event not in _CHANGES):
        return
    if getattr(_here, "looking", False):
        return  # what looking itself opens is no event
    _here.looking = True
    try:
        for one in list(_active):
            one.look(event, args)
    finally:
        _here.looking = False


def _host(address: Any, *, loopback: bool) -> str:
    """Who is meant; nothing for a socket in the file system, or for this machine where that is allowed."""
    if isinstance(address, tuple):
        address = address[0] if address else ""
    elif isinstance(address, str | bytes) and os.fsdecode(address).startswith(("/", "\0")):
        return ""
    host = address.decode("ascii", "replace") if isinstance(address, bytes) else str(address or "")
    return "" if loopback and host.startswith(_LOOPBACK) else host


def _data_file(path: Any) -> str:
    """A file that is opened to be read, unless it is code, a distribution's metadata, or the system's."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    name = os.fsdecode(path)
    if name.endswith(_CODE) or name.startswith(("/dev/", "/proc/", "/sys/")) or "__pycache__" in name:
        return ""
    return "" if ".dist-info" in name or ".egg-info" in name else name
