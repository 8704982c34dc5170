"""What a watch sees and refuses, and what it lets pass."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from glm_core.checks import probe
from glm_core.checks.watch import Refused, Watch
from glm_core.pack import Pack


def test_the_network_is_refused_before_anything_is_sent() -> None:
    one, other = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    with one, other, Watch(None, "network", stage="here") as watch:
        for call in (
            lambda: socket.getaddrinfo("example.org", 80),
            lambda: one.connect_ex(("192.0.2.1", 80)),
            lambda: other.sendto(b"x", ("192.0.2.1", 80)),
        ):
            with pytest.raises(Refused, match="no network here"):
                call()
    assert [(one.kind, one.what, one.stage) for one in watch.seen] == [
        ("network", "example.org", "here"),
        ("network", "192.0.2.1", "here"),
        ("network", "192.0.2.1", "here"),
    ]


def test_this_machine_may_be_reached_where_that_is_allowed(tmp_path: Path) -> None:
    with Watch(None, "network", loopback=True) as watch:
        socket.getaddrinfo("localhost", 80)
        with pytest.raises(FileNotFoundError), socket.socket(socket.AF_UNIX) as place:
            place.connect(str(tmp_path / "none"))
    assert not watch.seen


def test_writing_is_refused_outside_of_the_temporary_folder(tmp_path: Path) -> None:
    with Watch(None, "write") as watch:
        (tmp_path / "a.txt").write_text("x")
        (tmp_path / "a.txt").unlink()
        Path(os.devnull).write_text("x")
        for call in (
            lambda: Path("/nowhere-at-all/x").write_text("x"),
            lambda: os.open("/nowhere-at-all/x", os.O_CREAT | os.O_WRONLY),
            lambda: Path("/nowhere-at-all").mkdir(),
            lambda: (tmp_path / "a").rename("/nowhere-at-all"),
        ):
            with pytest.raises(Refused, match="no writing here"):
                call()
    assert {one.what for one in watch.seen} == {"/nowhere-at-all/x", "/nowhere-at-all"}


def test_only_the_watched_files_are_blamed_and_only_in_this_thread(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("def read(name):\n    with open(name) as file:\n        return file.read()\n")
    space: dict = {}
    exec(compile(code.read_text(), str(code), "exec"), space)
    data = tmp_path / "data.txt"
    data.write_text("x")
    with Watch([tmp_path], "read") as watch:
        data.read_text()
        space["read"](data)
        other = threading.Thread(target=space["read"], args=(data,))
        other.start()
        other.join()
    assert [(one.what, one.file, one.line) for one in watch.seen] == [(str(data), str(code.resolve()), 2)]


def test_nothing_is_seen_when_nobody_watches(tmp_path: Path) -> None:
    with Watch(None, "read") as watch:
        pass
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.txt").read_text()
    assert not watch.seen


def test_a_module_that_is_not_there_has_done_nothing() -> None:
    assert probe.look_into(Pack("gone", entry="no_such_module")) == ()
